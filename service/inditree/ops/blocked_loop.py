"""Finds who blocks the event loop: an IPyDriver object that computes or sleeps without `await` stops everybody."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inditree.ops.lag import INTERVAL, LagMeter

_logger = logging.getLogger("inditree.router")

BLOCKED = 1.0
"""Seconds that the loop may be late. An import or a slow disk is over by then; the first to give up are clients, after
some seconds, then `limits.stall_timeout` (10 s)."""

LOOK = 0.25
"""Seconds between two looks: one costs some 20 us."""

_LOOPS = frozenset({"asyncio", "uvloop"})
_RUNNING = frozenset({"_run", "_run_once", "run", "run_forever", "run_until_complete"})

Culprit = tuple[str, frozenset[str]]
"""A driver's name, and the files that its code is in."""

Whose = Callable[["asyncio.Task[Any] | None", Sequence[str]], Culprit | None]
"""The driver that this task belongs to, or that has code in one of these files (innermost first)."""


class BlockWatch:
    """A thread that looks whether the loop turns, and warns while it does not: afterwards nobody can tell who it was.

    `whose` is called in that thread, while the loop stands still.
    """

    def __init__(self, lag: LagMeter, whose: Whose) -> None:
        self._lag = lag
        self._whose = whose
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ident = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._stood = 0.0  # when the loop last turned before the stop that was warned of

    def start(self) -> None:
        """Watch the running loop, which the LagMeter measures already."""
        self._loop = asyncio.get_running_loop()
        self._ident = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="blocked", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(LOOK):
            now = time.monotonic()
            self._look(now, overslept=now - last > LOOK + BLOCKED / 2)
            last = now

    def _look(self, now: float, overslept: bool) -> None:
        turned = self._lag.last_turn
        late = now - turned - INTERVAL
        if self._stood and turned != self._stood:
            seconds = turned - self._stood - INTERVAL
            extra = {"event": "loop_turns", "seconds": round(seconds, 1)}
            _logger.warning("the event loop turns again, %.1f s late", seconds, extra=extra)
            self._stood = 0.0
        if late < BLOCKED or self._stood:
            return
        task = asyncio.current_task(self._loop)
        if overslept and task is None:
            return  # this thread stood still as well: a process that was stopped, a machine that slept
        self._stood = turned
        self._warn(late, task)

    def _warn(self, late: float, task: asyncio.Task[Any] | None) -> None:
        frames = _frames(self._ident)
        found = self._whose(task, [file for file, _ in frames])
        who, files = found if found is not None else (None, frozenset[str]())
        innermost = frames[0][1] if frames else "the loop itself"
        place = next((place for file, place in frames if file in files), innermost)
        subject = f"driver {who} blocks the event loop" if who else "something blocks the event loop"
        text = f"{subject}, for {late:.1f} s now: in {place}"
        _logger.warning("%s", text, extra={"event": "loop_blocked", "driver": who, "place": place})


def _frames(ident: int) -> list[tuple[str, str]]:
    """The stack of the loop's thread: file and place of each frame, the innermost first."""
    frame = sys._current_frames().get(ident)
    found = []
    while frame is not None:
        code = frame.f_code
        path = Path(code.co_filename)
        if path.parent.name in _LOOPS and code.co_name in _RUNNING:
            break  # who started the loop is not to blame
        found.append((code.co_filename, f"{code.co_qualname} ({path.name}:{frame.f_lineno})"))
        frame = frame.f_back
    return found
