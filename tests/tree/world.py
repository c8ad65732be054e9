"""A clock, and byte streams that take their time: each direction has a delay of its own, and cuts where it likes."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Protocol

NOT_DELIVERED = b"the request was not delivered"


class StormError(AssertionError):
    """Traffic did not end."""


class World:
    """Virtual time. What happens at the same moment happens in the order in which it was asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = 0.0
        self.events = 0
        self.lost: list[bytes] = []  # what was written and never read
        self.answers: list[bytes] = []  # what was said of commands that were not delivered
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._pipes = 0

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something later."""
        self.at(self.now + seconds, act)

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do something at a time."""
        self._number += 1
        heapq.heappush(self._heap, (max(when, self.now), self._number, act))

    def lose(self, data: bytes) -> None:
        """Bytes were lost with a stream."""
        self.lost.append(data)

    def pipe(self, slowest: float) -> Pipe:
        """One direction of a stream, whose pieces take up to `slowest` seconds each."""
        self._pipes += 1
        return Pipe(self, Random(self.seed * 100_003 + self._pipes), slowest)

    def run(self, *, until: float | None = None, events: int = 400_000, seconds: float = 120.0) -> None:
        """Let time pass until nothing is left to happen, or until then. Raises StormError after so much of it."""
        stop, begun = self.events + events, self.now
        while self._heap and (until is None or self._heap[0][0] <= until):
            self.now, _, act = heapq.heappop(self._heap)
            self.events += 1
            if self.events > stop or self.now - begun > seconds:
                raise StormError(f"not quiet after {self.events - stop + events} events, {self.now - begun:.1f} s")
            act()
        if until is not None:
            self.now = max(self.now, until)


class Port(Protocol):
    """One end of a stream."""

    out: Pipe

    def take(self, data: bytes) -> None: ...
    def end(self) -> None: ...


class Pipe:
    """Bytes in one direction, in order. `tape` is what was written since it was last cleared."""

    def __init__(self, world: World, random: Random, slowest: float) -> None:
        self.tape: list[bytes] = []
        self.port: Port | None = None
        self.name = ""
        self._world = world
        self._random = random
        self._slowest = slowest
        self._last = 0.0
        self._open = True
        self._lost = False

    def write(self, data: bytes) -> None:
        """The kernel takes everything; a cut line loses it."""
        if NOT_DELIVERED in data:
            self._world.answers.append(data)
        if not self._open or self._lost:
            self._world.lose(data)
            return
        self.tape.append(data)
        whole = data
        if len(data) > 2 and self._random.random() < 0.1:
            at = self._random.randrange(1, len(data))
            self._later(data[:at], whole)
            data = data[at:]
        self._later(data, whole)

    def _later(self, data: bytes | None, whole: bytes = b"") -> None:
        world = self._world
        self._last = max(self._last, world.now + self._slowest * self._random.random())
        world.at(self._last, lambda: self._arrive(data, whole))

    def _arrive(self, data: bytes | None, whole: bytes) -> None:
        if self._lost or self.port is None:
            self._world.lose(whole)
            return
        if data is None:
            self.port.end()
        else:
            self.port.take(data)

    def close(self) -> None:
        """The writer hangs up: what is on its way still arrives, then the end."""
        if self._open:
            self._open = False
            self._later(None)

    def lose(self) -> None:
        """Nobody reads any more."""
        self._lost = True

    def cut(self, notice: float) -> None:
        """The line is dead: what is on its way is lost, and the reader finds out within `notice` seconds."""
        if not self._lost:
            self._lost = True
            port = self.port
            self._world.after(notice * self._random.random(), lambda: port.end() if port else None)


def join(world: World, one: Port, other: Port, slowest: float, name: str = "") -> tuple[Pipe, Pipe]:
    """Connect two ports."""
    there, back = world.pipe(slowest), world.pipe(slowest)
    one.out, other.out = there, back
    there.port, back.port = other, one
    there.name, back.name = f"{name}>", f"{name}<"
    return there, back
