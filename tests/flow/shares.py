"""What a healthy receiver is to have in a random scene of chain.py. By hand, as many scenes as one likes:

PYTHONPATH=tests python -m flow.shares [FIRST] [NUMBER] [JOBS] [wide|narrow|large]
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from random import Random
from typing import NamedTuple

from flow.chain import WIDE, Chain, Receiver, scene

HEALTHY = 20_000.0
"""Bytes a second: who takes so much is not to suffer by who takes 300 or 1000."""

PACERS = 0.5
"""Who takes this part of what another takes alone sets the pace of a camera for both: the rule of docs/flow.md."""

ENOUGH = 0.8
"""The part of its share that a healthy receiver is to have."""

ROOM = 0.9
"""The part of `limits.queue` that is there for images; numbers wait as well."""

UNDER_WAY = 3
"""Images that may be on their way or wait as a run ends, of some thirty."""

CONTROL = 140
"""Bytes on a link of what goes beside an image: the number behind it, and a ping."""

Counts = dict[str, float]
"""How many images of each device."""


class Verdict(NamedTuple):
    """What was wrong in a scene, and what is excused: receivers that are locked to a pace."""

    wrong: list[str]
    locked: list[str]


class Shares:
    """What each receiver of a chain is to have of each camera.

    Alone is as much as it takes with nobody else there. Of that it is `sure` of what the links on its way carry where
    all cameras that are wanted behind them take turns. Its share is that, or as much as the slowest is sure of among
    those who take at least half of it (PACERS), as a camera has one pace for all who keep up. A camera that pings is
    never held: at its own router nobody sets its pace.
    """

    def __init__(self, chain: Chain, alone: list[Counts], seconds: float) -> None:
        self.chain = chain
        self.alone = alone
        self.cameras = {camera.device: camera for camera in chain.cameras}
        turns = [self._turns(number, seconds) for number in range(len(chain.pipes))]
        self.sure = [
            {device: min([count, *turns[: self._router(number)]]) for device, count in counts.items()}
            for number, counts in enumerate(alone)
        ]

    def _router(self, number: int) -> int:
        return self.chain.worlds.index(self.chain.receivers[number].actor.world)

    def _turns(self, pipe: int, seconds: float) -> float:
        """How often each camera has its turn on a link at least: as often as all that are wanted behind it."""
        receivers = enumerate(self.chain.receivers)
        behind = {device for number, each in receivers if self._router(number) > pipe for device in each.heard}
        control = sum(self.cameras[device].said for device in behind) * CONTROL
        once = sum(self.cameras[device].size for device in behind)
        return max(0.0, self.chain.pipes[pipe].speed * seconds - control) / once if once else float("inf")

    def _held(self, number: int, device: str) -> bool:
        return not self.cameras[device].pings or self._router(number) > 0

    def of(self, number: int) -> Counts:
        """The share of a receiver."""
        shares = {}
        for device, sure in self.sure[number].items():
            pacers = [
                max(mine[device], PACERS * sure)
                for mine, most in zip(self.sure, self.alone, strict=True)
                if device in most and most[device] >= PACERS * sure
            ]
            shares[device] = min([sure, *pacers]) if self._held(number, device) else sure
        return shares

    def locked(self, number: int) -> Counts:
        """What a receiver has at least if it is locked to the pace of another healthy one.

        That one has what it takes alone, or has its turns of a line that is full.
        """
        paces = [
            {device: min(count, self._came(each)[device]) for device, count in sure.items()}
            if self._full(other)
            else sure
            for other, (sure, each) in enumerate(zip(self.sure, self.chain.receivers, strict=True))
            if each.speed >= HEALTHY and other != number
        ]
        return {
            device: min([share, *(each[device] for each in paces if device in each)])
            if self._held(number, device)
            else share
            for device, share in self.of(number).items()
        }

    def _came(self, receiver: Receiver) -> Counts:
        return {device: float(len(images)) for device, images in receiver.images.items()}

    def _bytes(self, counts: Counts) -> float:
        return sum(number * self.cameras[device].size for device, number in counts.items())

    def _full(self, number: int) -> bool:
        """Is its line full: has it as many bytes as are its share, of whichever cameras?"""
        receiver = self.chain.receivers[number]
        return self._bytes(self._came(receiver)) + receiver.control >= ENOUGH * self._bytes(self.of(number))

    def starved(self, number: int, rates: Counts) -> list[str]:
        """Devices of which a healthy receiver got too few images.

        Its rate is shared by turns, and by numbers, which are never dropped: where another client makes one camera
        faster it has its turn each time. So no device is starved that has as many images as the others have, where all
        together are as many bytes as alone.

        Where its queue does not hold an image of each, the largest is dropped. Where it does not hold two of each, a
        camera that cannot be held has one image there, replaced by the next, and may come too late for every other
        turn.
        """
        receiver = self.chain.receivers[number]
        came = self._came(receiver)
        turns = sum(came.values()) / len(came)
        sizes = {device: self.cameras[device].size for device in came}
        once, limit = sum(sizes.values()), receiver.actor.peer.outbox.limit
        found = []
        for device, count in came.items():
            if once > ROOM * limit and sizes[device] == max(sizes.values()):
                continue
            part = ENOUGH if 2 * once <= limit or self._held(number, device) else PACERS
            enough = ENOUGH * rates[device] - UNDER_WAY
            if count < enough and not (self._full(number) and count >= part * turns):
                found.append(f"{count:.0f} of {rates[device]:.0f} images of {device}")
        return found


def check(seed: int, kind: str = WIDE, seconds: float = 12.0) -> Verdict:
    """Look for a device out of order at a receiver, and for a healthy receiver that has too little.

    A healthy receiver is to have ENOUGH of its share of each camera, or of all together where its own line is full:
    `Shares.starved`.

    One exception, `Shares.locked`: who waits for another cannot show that it could take more, and both look alike. So
    where two healthy receivers begin at one pace, that of the slower one may stay, though it is less than half.

    Over links a number may pass an image that has waited for two seconds; images are in order among themselves there.
    """
    chain = scene(Random(seed), kind)
    chain.run(seconds)
    shares = Shares(chain, _alone(seed, kind, chain, seconds), seconds)
    verdict = Verdict([], [])
    for number, receiver in enumerate(chain.receivers):
        local = receiver.actor.world is chain.worlds[0]
        for device, heard in receiver.heard.items():
            order = [2 * count + (what == "number") for what, count in heard if local or what == "image"]
            if order != sorted(order):
                verdict.wrong.append(f"receiver {number}: order of {device}")
        if receiver.speed >= HEALTHY:
            found = shares.starved(number, shares.of(number))
            locked = shares.starved(number, shares.locked(number))
            told = verdict.wrong if locked else verdict.locked
            told += [f"receiver {number}: {each}" for each in found]
    return verdict


def _alone(seed: int, kind: str, chain: Chain, seconds: float) -> list[Counts]:
    """How much each receiver has without the others; alike ones are the same. Who meets no healthy one is not asked."""
    known: dict[object, Receiver] = {}
    healthy = {device for each in chain.receivers if each.speed >= HEALTHY for device in each.heard}
    alone = []
    for number, each in enumerate(chain.receivers):
        alike = (each.speed, tuple(each.heard), chain.worlds.index(each.actor.world))
        if alike not in known:
            if healthy.isdisjoint(each.heard):
                known[alike] = each
            else:
                other = scene(Random(seed), kind, number)
                other.run(seconds)
                known[alike] = other.receivers[0]
        alone.append(known[alike])
    return [{device: float(len(images)) for device, images in each.images.items()} for each in alone]


def main(first: int, number: int, jobs: int, kind: str) -> int:
    failed = locked = 0
    seeds = range(first, first + number)
    with ProcessPoolExecutor(jobs) as pool:
        for seed, verdict in zip(seeds, pool.map(partial(check, kind=kind), seeds, chunksize=5), strict=True):
            failed += bool(verdict.wrong)
            locked += bool(verdict.locked)
            if any(verdict):
                print(f"seed {seed}: {verdict}", flush=True)
            if (seed - first) % 100 == 99:
                print(f"{seed - first + 1} seeds, {failed} failed, {locked} locked", file=sys.stderr, flush=True)
    print(f"{number} {kind} seeds, {failed} failed, {locked} locked")
    return 1 if failed else 0


if __name__ == "__main__":
    given = [*sys.argv[1:], *("0", "100", "2", WIDE)[len(sys.argv) - 1 :]]
    sys.exit(main(int(given[0]), int(given[1]), int(given[2]), given[3]))
