"""The rests of a client that sends more than it may."""

from __future__ import annotations

import asyncio
from typing import Protocol

from inditree.core import Peer
from inditree.flow.pauses import Pause
from inditree.transport.engine import Engine
from inditree.transport.guard import Guard
from inditree.wire.elements import Blob, Element, Run


class Rested(Protocol):
    """The stream, which reads the client. `closed`: it does so no more."""

    closed: bool

    def pause(self, why: Pause) -> None:
        """Do not read on, for this reason too."""

    def rested(self) -> None:
        """The rest is over."""


class Rest:
    """Limits how many elements one client may send: past it the client is not read for a while, it rests."""

    def __init__(self, engine: Engine, peer: Peer, stream: Rested, guard: Guard) -> None:
        self._core = engine.core
        self._loop = engine.loop
        self._peer = peer
        self._stream = stream
        self._guard = guard
        self._count = 0  # elements in this read
        self._timer: asyncio.TimerHandle | None = None  # the end of the rest

    @property
    def on(self) -> bool:
        """True while its sender is not read."""
        return self._timer is not None

    def count(self, item: Run | Element | Blob) -> None:
        """Count what it has sent."""
        self._count += sum(head.count for head in item.heads) if isinstance(item, Run) else 1

    def mind(self, incomplete: bool) -> None:
        """Let it rest where that was too much; `incomplete`: an element has begun."""
        count, self._count = self._count, 0
        seconds = self._guard.passed(count, incomplete, self._core.now)
        if seconds > 0 and self._timer is None and not self._stream.closed:
            self._peer.counters.read_paused_seconds += seconds
            self._stream.pause(Pause.REST)
            self._timer = self._loop.call_later(seconds, self._over)

    def _over(self) -> None:
        self._timer = None
        self._stream.rested()

    def end(self) -> None:
        """Let it rest no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check(self, now: float) -> None:
        """Now and then: has it kept us waiting for too long?"""
        why = self._guard.overdue(now) if self._peer.kind == "client" else None
        if why is not None:
            self._core.desk.close(self._peer, "timeout", why)
