"""Routers in a row, cameras at the first, receivers of given speeds at any: the real protocol, on a clock in steps."""

from __future__ import annotations

import re
from collections import deque
from random import Random

from core.world import Actor, World, blobs, define, get
from flow.race import picture
from inditree.core import Policy
from inditree.tree.link import Link

STEP = 0.02

_ELEMENT = re.compile(
    rb'<setBLOBVector device="(\w+)"[^>]*><oneBLOB [^>]*>(\d+)A*</oneBLOB></setBLOBVector>\n'
    rb'|<setNumberVector device="(\w+)"[^>]*><oneNumber name="V">(\d+)</oneNumber></setNumberVector>\n'
    rb"|<(?:message|def|delProperty)[^\n]*\n"
)


class Pipe:
    """One link: bytes take `delay` seconds each way, and at most `speed` bytes a second toward the receivers."""

    def __init__(self, near: World, far: World, delay: float, speed: float) -> None:
        self.near = near.join("client", "link")
        self.far = far.join("link", "link", link=Link(opener=True, path_id="x"))
        self.near.stuck = self.far.stuck = True
        self.delay = delay
        self.speed = speed
        self._ways: list[tuple[Actor, Actor, float, deque[tuple[float, bytes]]]] = [
            (self.near, self.far, speed, deque()),
            (self.far, self.near, 1e9, deque()),
        ]

    def step(self, now: float) -> None:
        for sender, receiver, speed, way in self._ways:
            sender.take(int(speed * STEP))
            if data := sender.read():
                way.append((now + self.delay, data))
            while way and way[0][0] <= now:
                receiver.say(way.popleft()[1])


class Receiver:
    """A client of some cameras at one router."""

    def __init__(self, world: World, devices: tuple[str, ...], speed: float, *, lossless: bool = False) -> None:
        said = [each for device in devices for each in (get(device), blobs("Also", device))]
        self.actor = world.client(*said, policy=Policy(lossless=lossless))
        self.actor.stuck = True
        self.speed = speed
        self.heard: dict[str, list[tuple[str, int]]] = {device: [] for device in devices}
        self.control = 0  # bytes that were no images
        self._credit = 0.0
        self._data = bytearray()

    @property
    def images(self) -> dict[str, list[int]]:
        return {device: [n for kind, n in heard if kind == "image"] for device, heard in self.heard.items()}

    def step(self) -> None:
        self._credit += self.speed * STEP
        took = self.actor.take(int(self._credit))
        self._credit = 0.0 if self.actor.peer.outbox.empty else self._credit - took
        self._data += self.actor.read()
        while found := _ELEMENT.match(self._data):
            self.control += len(found[0]) if found[1] is None else 0
            if found[1] is not None:
                self.heard[found[1].decode()].append(("image", int(found[2])))
            elif found[3] is not None:
                self.heard[found[3].decode()].append(("number", int(found[4])))
            del self._data[: found.end()]
        lanes = self.actor.peer.outbox.lanes
        assert lanes.bytes <= lanes.limit or lanes.count == 1


class Camera:
    """Says an image, and a number behind it; flat out, or one each `every` seconds where it pings."""

    def __init__(self, world: World, device: str, size: int, every: float, *, pings: bool) -> None:
        self.device, self.size, self.every, self.pings = device, size, every, pings
        self.said = 0
        self.actor = world.driver(define(device, "CCD", kind="BLOB"), define(device, "N"), name=device)
        if pings:
            self.actor.say("<pingRequest uid='SetBLOB/0'/>")
        self._due = 0.0

    def step(self, now: float) -> None:
        if self.actor.unsaid or now < self._due:
            return
        self._due = now + self.every
        image = picture(self.said, self.size, self.device)
        number = f'<setNumberVector device="{self.device}" name="N"><oneNumber name="V">{self.said}</oneNumber>'
        self.actor.say(
            image, *(["<pingRequest uid='SetBLOB/1'/>"] if self.pings else []), number + "</setNumberVector>"
        )
        self.said += 1


class Chain:
    """Routers in a row with one pipe between each two."""

    def __init__(self, delays: tuple[float, ...], queue: int, speeds: tuple[float, ...] = (1e6, 1e6)) -> None:
        self.worlds = [World(queue=queue, identity=f"R{number}") for number in range(len(delays) + 1)]
        self.now = 0.0
        self.pipes = [
            Pipe(near, far, delay, speed)
            for near, far, delay, speed in zip(self.worlds, self.worlds[1:], delays, speeds, strict=False)
        ]
        self.cameras: list[Camera] = []
        self.receivers: list[Receiver] = []

    def step(self) -> None:
        self.now += STEP
        for world in self.worlds:
            world.core.now = self.now
            if self.now >= world.wake_at or int(self.now) != int(self.now - STEP):
                world.wake_at = float("inf")
                world.core.tick()
            world.run()
        for camera in self.cameras:
            camera.step(self.now)
        for pipe in self.pipes:
            pipe.step(self.now)
        for receiver in self.receivers:
            receiver.step()
        for world in self.worlds:
            world.run()

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.step()


WIDE, NARROW, LARGE = "wide", "narrow", "large"
"""Kinds of scenes: links are never the bound; links are; images of up to half the queue."""


def scene(random: Random, kind: str = WIDE, only: int | None = None) -> Chain:
    """Random cameras and receivers; `only`: of the receivers just this one, so that its rate alone is known."""
    delays = tuple(random.choice((0.0, 0.02, 0.1)) for _ in range(random.choice((0, 1, 1, 2))))
    if kind == NARROW:
        delays = delays or (0.02,)
        chain = Chain(delays, 10_000, tuple(random.choice((20_000.0, 40_000.0, 1e6)) for _ in delays))
    else:
        chain = Chain(delays, 10_000)
    devices = [f"Cam{number}" for number in range(random.randint(1, 4))]
    for device in devices:
        pings = random.random() < 0.4
        size = random.choice((400, 1400, 2200, 3000) if kind == LARGE else (400, 900, 1400))
        camera = Camera(chain.worlds[0], device, size, random.choice((0.1, 0.3)) if pings else 0.0, pings=pings)
        chain.cameras.append(camera)
    chain.run(1.0)
    for number in range(random.randint(2, 5)):
        wants = tuple(sorted(random.sample(devices, random.randint(1, len(devices)))))
        world = random.choice(chain.worlds)
        speed = random.choice((300.0, 1000.0, 20_000.0, 20_000.0))
        if only in (None, number):
            chain.receivers.append(Receiver(world, wants, speed))
    if only is not None:  # cameras that nobody wants only cost time
        chain.cameras = [camera for camera in chain.cameras if camera.device in chain.receivers[0].heard]
    return chain
