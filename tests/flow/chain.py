"""Routers in a row, cameras at the first, receivers of given speeds at any: the real protocol, on a clock in steps.

PYTHONPATH=tests python -m flow.chain [FIRST] [NUMBER] [JOBS]
"""

from __future__ import annotations

import re
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import NamedTuple

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

    def __init__(self, delays: tuple[float, ...], queue: int, speed: float = 1e6) -> None:
        self.worlds = [World(queue=queue, identity=f"R{number}") for number in range(len(delays) + 1)]
        self.now = 0.0
        self.pipes = [
            Pipe(near, far, delay, speed)
            for near, far, delay in zip(self.worlds, self.worlds[1:], delays, strict=False)
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


def scene(random: Random, only: int | None = None) -> Chain:
    """Random cameras and receivers; `only`: of the receivers just this one, so that its rate alone is known."""
    delays = tuple(random.choice((0.0, 0.02, 0.1)) for _ in range(random.choice((0, 1, 1, 2))))
    chain = Chain(delays, queue=10_000)
    devices = [f"Cam{number}" for number in range(random.randint(1, 4))]
    for device in devices:
        pings = random.random() < 0.4
        size = random.choice((400, 900, 1400))
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


HEALTHY = 20_000.0
"""Bytes a second: who takes so much is not to suffer by who takes 300 or 1000."""

PACERS = 0.5
"""Who takes this part of what another takes alone sets the pace of a camera for both: the rule of docs/flow.md."""

ENOUGH = 0.8
"""The part of its share that a healthy receiver is to have."""

LOCKED_MOST = 0.02
"""The part of all seeds in which a receiver may be locked to the pace of a healthy one that takes less than half."""


class Verdict(NamedTuple):
    """What was wrong in a scene, and what is excused: receivers that are locked to a pace."""

    wrong: list[str]
    locked: list[str]


def check(seed: int, seconds: float = 12.0) -> Verdict:
    """Look for a device out of order at a receiver, and for a healthy receiver that has too little.

    The share of a receiver, of each camera that it wants: as much as it takes alone in this chain, with nobody else
    there; or as much as the slowest takes alone of those who take at least half of that (PACERS), as a camera has one
    pace for all who keep up. Links are wide here, and never the bound. A healthy receiver is to have ENOUGH of it, of
    each camera, or of all together where its own line is full: `_starved`.

    One exception, LOCKED: who waits for another cannot show that it could take more, and both look alike. So where two
    healthy receivers begin at one pace, that of the slower one may stay, though it is less than half. Never that of a
    receiver that is not healthy.

    Over links a number may pass an image that has waited for two seconds; images are in order among themselves there.
    """
    chain = scene(Random(seed))
    chain.run(seconds)
    alone = _alone(seed, chain, seconds)
    sizes = {camera.device: camera.size for camera in chain.cameras}
    verdict = Verdict([], [])
    for number, receiver in enumerate(chain.receivers):
        local = receiver.actor.world is chain.worlds[0]
        for device, heard in receiver.heard.items():
            order = [2 * count + (kind == "number") for kind, count in heard if local or kind == "image"]
            if order != sorted(order):
                verdict.wrong.append(f"receiver {number}: order of {device}")
        if receiver.speed >= HEALTHY:
            found = _starved(receiver, _rates(number, alone), sizes)
            locked = _starved(receiver, _slowest_healthy(number, chain, alone), sizes)
            told = verdict.wrong if locked else verdict.locked
            told += [f"receiver {number}: {each}" for each in found]
    return verdict


def _alone(seed: int, chain: Chain, seconds: float) -> list[Receiver]:
    """Each receiver as it is without the others; alike ones are the same. Who meets no healthy one is not asked."""
    known: dict[object, Receiver] = {}
    healthy = {device for each in chain.receivers if each.speed >= HEALTHY for device in each.heard}
    alone = []
    for number, each in enumerate(chain.receivers):
        kind = (each.speed, tuple(each.heard), chain.worlds.index(each.actor.world))
        if kind not in known:
            if healthy.isdisjoint(each.heard):
                known[kind] = each
            else:
                other = scene(Random(seed), number)
                other.run(seconds)
                known[kind] = other.receivers[0]
        alone.append(known[kind])
    return alone


def _rates(number: int, alone: list[Receiver]) -> dict[str, int]:
    """How many images of each device are the share of a receiver."""
    rates = {}
    for device, images in alone[number].images.items():
        others = (len(each.images.get(device, ())) for each in alone)
        rates[device] = min(count for count in others if count >= PACERS * len(images))
    return rates


def _slowest_healthy(number: int, chain: Chain, alone: list[Receiver]) -> dict[str, int]:
    """How many images of each device the slowest healthy receiver of it takes alone."""
    healthy = [each for each, receiver in zip(alone, chain.receivers, strict=True) if receiver.speed >= HEALTHY]
    return {
        device: min(len(each.images[device]) for each in healthy if device in each.heard)
        for device in alone[number].heard
    }


def _starved(receiver: Receiver, rates: dict[str, int], sizes: dict[str, int]) -> list[str]:
    """Devices of which a healthy receiver got too few images.

    Its rate is shared by turns, and by numbers, which are never dropped: where another client makes one camera faster
    it has its turn each time. So no device is starved that has as many images as the others have, where all together
    are as many bytes as alone.
    """
    came = {device: len(images) for device, images in receiver.images.items()}
    images = sum(number * sizes[device] for device, number in came.items())
    whole = images + receiver.control >= ENOUGH * sum(number * sizes[device] for device, number in rates.items())
    turns = sum(came.values()) / len(came)
    return [
        f"{number} of {rates[device]} images of {device}"
        for device, number in came.items()
        if number < ENOUGH * rates[device] - 2 and not (whole and number >= ENOUGH * turns)
    ]


def main(first: int, number: int, jobs: int) -> int:
    failed = locked = 0
    seeds = range(first, first + number)
    with ProcessPoolExecutor(jobs) as pool:
        for seed, verdict in zip(seeds, pool.map(check, seeds, chunksize=5), strict=True):
            failed += bool(verdict.wrong)
            locked += bool(verdict.locked)
            if any(verdict):
                print(f"seed {seed}: {verdict}", flush=True)
            if (seed - first) % 100 == 99:
                print(f"{seed - first + 1} seeds, {failed} failed, {locked} locked", file=sys.stderr, flush=True)
    print(f"{number} seeds, {failed} failed, {locked} locked")
    return 1 if failed or locked > max(1, LOCKED_MOST * number) else 0


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(given + [0, 100, 2][len(given) :])))
