"""Turns of those who have sent more than they may say in one: one after the other, so that no step is long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

TURN = 0.005
"""Seconds of one turn, past which it ends with the element at hand: a question of thousands of devices is long."""


class Turns:
    """A row of those who wait for a turn. In one step of the loop as many have theirs as begin within one TURN.

    If all had theirs in each step, twenty floods would make every step twenty turns long, and an answer to anybody else
    takes several steps.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._due = False  # a step is to come

    def wait(self, act: Callable[[], None]) -> None:
        """Call it when its turn comes, in another step than this one."""
        self._waiting.append(act)
        if not self._due:
            self._due = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        waiting, end = self._waiting, monotonic() + TURN
        try:
            for _ in range(len(waiting)):
                waiting.popleft()()
                if monotonic() >= end:
                    break
        finally:
            self._due = bool(waiting)
            if waiting:
                self._loop.call_soon(self._run)
