"""What must hold for the routing core whatever its peers say, whoever they are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from random import Random

from core.world import NOW, Actor, World
from inditree.core import Core, Policy, Settings
from inditree.counters import Counters
from inditree.errors import PeerError
from inditree.tree.link import Link
from inditree.wire.elements import Element
from inditree.wire.framer import Framer

SEPARATOR = b"\xff"
"""Between two things said; the byte before each says who says it, or that somebody leaves, or that time passes."""

SECRET = b"Mount"
_REFUSED = re.compile(rb"<message[^>]*Refused[^>]*>")  # says what the peer asked for itself

NARROW = Policy(devices=("Cam", "C*m"))
JOIN: tuple[tuple[str, Policy | None, bool], ...] = (
    ("driver", None, False),
    ("driver", None, False),
    ("client", None, False),
    ("client", NARROW, False),
    ("client", Policy(read_only=True), False),
    ("client", Policy(peers="any"), False),
    ("client", Policy(peers="none", lossless=True), False),
    ("link", None, True),
    ("inprocess", None, False),
)
LEAVE, LATER = len(JOIN), len(JOIN) + 1


def check(data: bytes, seed: int) -> None:
    """Say the pieces in order: nothing but PeerErrors, only whole elements, no secrets, and nothing left at the end."""
    play = _Play(Random(seed), forwarded=bool(seed % 2))
    for piece in data.split(SEPARATOR)[:60]:
        if piece:
            play.step(piece[0] % (len(JOIN) + 2), piece[1:])
    play.end()


class _Play:
    def __init__(self, random: Random, forwarded: bool) -> None:
        self.random = random
        self.world = World(forwarded=forwarded)
        settings = Settings("ME", lambda: NOW, queue=4096, memory=8192, stall_timeout=5.0, forwarded=forwarded)
        self.world.core = Core(settings, Counters())
        self.actors: list[Actor] = [self.join(number) for number in range(len(JOIN))]
        self.readers: dict[Actor, Framer] = {}

    def join(self, number: int) -> Actor:
        kind, policy, opener = JOIN[number]
        link = Link(opener=True, path_id="there:1") if opener else None
        actor = self.world.join(kind, f"{kind}{number}", policy, link)
        pump = actor.pump

        def guarded() -> bool:
            return _unless_broken(actor, pump)

        setattr(actor, "pump", guarded)  # noqa: B010 - a method of one object
        return actor

    def step(self, who: int, said: bytes) -> None:
        if who == LATER:
            self.world.later(float(len(said) % 8))
        elif who == LEAVE:
            self.replace((said or b"\0")[0] % len(JOIN))
        else:
            if self.actors[who].peer.gone:
                self.replace(who)
            actor = self.actors[who]
            actor.stuck = self.random.random() < 0.1
            actor.say(said)
        self.look()

    def replace(self, number: int) -> None:
        old = self.actors[number]
        if not old.peer.gone:
            old.leave()
        self.world.actors.remove(old)
        self.readers.pop(old, None)
        self.actors[number] = self.join(number)

    def look(self) -> None:
        for actor in self.actors:
            data = actor.read()
            framer = self.readers.setdefault(actor, Framer(lambda head: None, 1 << 20, 1 << 20))
            framer.feed(data)
            while (item := framer.pull()) is not None:
                if isinstance(item, Element):  # the framer has proven it; this is a strict client's own look
                    ET.fromstring(item.data)
            assert not framer.faults, framer.faults
            assert actor.peer.gone or actor.stuck or framer.idle, "an element was cut"
            own = actor.peer.link is not None and SECRET.decode() in actor.peer.link.defined
            if actor.peer.policy is NARROW and not own:
                assert SECRET not in _REFUSED.sub(b"", data), data

    def end(self) -> None:
        for actor in self.actors:
            if not actor.peer.gone:
                actor.leave()
        core = self.world.core
        self.world.later(1.0)
        assert not (
            core.peers
            or core.ownership.owners
            or core.intake.memory
            or core.intake.reserved
            or core.intake.held
            or core.intake.starved
        )
        assert not (core.state.introducing or core.ownership.conflicts or core.notices.missing)
        assert core.state.demand.empty


def _unless_broken(actor: Actor, pump: Callable[[], bool]) -> bool:
    """As the runtime does: who breaks the rules leaves."""
    try:
        return pump()
    except PeerError:
        actor.world.core.leave(actor.peer, "malformed")
        return True
