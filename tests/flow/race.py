"""Cameras and clients of given speeds around a core, on a clock in steps: who gets which image, and when."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.world import Actor, World, blobs, define, get
from inditree.core import Policy

STEP = 0.01
"""Seconds. In each a client takes what its speed allows."""

_IMAGE = re.compile(rb"<setBLOBVector [^>]*><oneBLOB [^>]*>(\d+)A*</oneBLOB></setBLOBVector>\n")
_OTHER = re.compile(rb"<(?:message|setNumberVector|def|delProperty)[^\n]*\n")

Speed = Callable[[float], float]
"""Bytes a second at a time."""


def picture(number: int, size: int, device: str = "Cam") -> str:
    """An image of so many bytes, its newline included."""
    head = f'<setBLOBVector device="{device}" name="CCD"><oneBLOB name="V" size="9" format=".z">{number}'
    tail = "</oneBLOB></setBLOBVector>"
    return head + "A" * max(1, size - len(head) - len(tail) - 1) + tail


class Taker:
    """A client that takes at its speed, and checks that only whole elements come."""

    def __init__(self, race: Race, speed: Speed, policy: Policy | None = None) -> None:
        self.race = race
        self.speed = speed
        self.actor = race.world.client(get(), blobs("Also"), policy=policy)
        self.actor.stuck = True
        self.images: list[int] = []
        self.at: list[float] = []
        self.others: list[str] = []
        self._credit = 0.0
        self._data = bytearray()

    @property
    def gone(self) -> bool:
        return self.actor.peer.gone

    def step(self, now: float) -> None:
        """What it takes in one step; a speed that was not used up is lost."""
        self._credit += self.speed(now) * STEP
        took = self.actor.take(int(self._credit))
        outbox = self.actor.peer.outbox
        self._credit = 0.0 if outbox.empty else self._credit - took
        self._data += self.actor.read()
        while match := _IMAGE.match(self._data) or _OTHER.match(self._data):
            if match.re is _IMAGE:
                self.images.append(int(match[1]))
                self.at.append(now)
            elif match[0].startswith(b"<set"):
                self.others.append(match[0].decode().strip())
            del self._data[: match.end()]
        lanes = outbox.lanes
        assert lanes.bytes <= self.race.queue or lanes.count == 1

    def finish(self) -> None:
        """At the end nothing is half written."""
        assert not self._data


class Race:
    """One router, its cameras and their clients."""

    def __init__(self, queue: int = 2000, memory: int = 1 << 30, stall_timeout: float = 10.0) -> None:
        self.queue = queue
        self.memory = memory
        self.world = World(queue=queue, memory=memory, stall_timeout=stall_timeout)
        self.takers: list[Taker] = []
        self.cameras: list[Actor] = []
        self.most_memory = 0

    @property
    def now(self) -> float:
        return self.world.core.now

    def camera(self, device: str = "Cam", *, pings: bool = False) -> Actor:
        """A camera, which speaks as fast as it is read. `pings`: as libindi's drivers do."""
        camera = self.world.driver(define(device, "CCD", kind="BLOB"), define(device, "N"))
        if pings:
            camera.say("<pingRequest uid='SetBLOB/0'/>")
        self.cameras.append(camera)
        return camera

    def taker(self, speed: float | Speed, *, lossless: bool = False) -> Taker:
        """A client."""
        policy = Policy(lossless=True) if lossless else None
        taker = Taker(self, speed if callable(speed) else lambda now: float(speed), policy)
        self.takers.append(taker)
        return taker

    def step(self) -> None:
        """One step of the clock."""
        world = self.world
        world.core.now += STEP
        if self.now >= world.wake_at or int(self.now) != int(self.now - STEP):
            world.wake_at = float("inf")
            world.core.tick()
        world.run()
        for taker in self.takers:
            if not taker.gone:
                taker.step(self.now)
        world.run()
        self.most_memory = max(self.most_memory, world.core.intake.memory)

    def run(self, seconds: float = 600.0) -> float:
        """Until everything was said and taken; returns the time. Fails after so many seconds."""
        begin = self.now
        while any(camera.unsaid for camera in self.cameras if not camera.peer.gone) or any(
            not taker.actor.peer.outbox.empty for taker in self.takers if not taker.gone
        ):
            self.step()
            assert self.now - begin < seconds, "it does not end"
        for taker in self.takers:
            if not taker.gone:
                taker.finish()
        assert self.world.core.intake.memory == 0
        return self.now - begin
