"""Devices whose link was lost and that may come back: which, until when, and what of them is not there again.

What follows from it (who is told, what goes) is in `core/blips.py`. Rules: docs/tree.md, "A blip".
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.tree import holding
from inditree.view.properties import Property, Weight
from inditree.wire.syntax import ping_reply, ping_request

PART = 4
"""The part of `limits.memory`, 1/4, that held devices may take: who comes and goes could have ever more held."""

NAMED_DEVICES = 32
"""Devices of one peer that the log names one by one as they go: thousands of lines would stop the router."""

TOGETHER = 1.0
"""Seconds between two devices of one link that go as one: thousands are lost in steps."""

UNANSWERED = 64
"""Pings of one link whose answers are waited for: who never answers makes us remember no more."""

DEFERRED = 1024
"""Pings of others that wait for an answer at once; further ones are answered as they come."""


class Held:
    """A device that was lost. `last` provided it, `origin` is the ID of the router that it was at.

    `owner` provides it again, None while nobody does; `mark` is the ping behind whose answer the owner has said all of
    it, 0 where none is awaited. `waiting` are the properties that are not there again, and until when each is held.
    `told` is until when links have heard that it may come back; `until` is earlier where that is known to be over.
    """

    __slots__ = ("last", "mark", "origin", "owner", "told", "until", "waiting")

    def __init__(self, last: Peer, origin: str, until: float) -> None:
        self.last = last
        self.origin = origin
        self.until = self.told = until
        self.owner: Peer | None = None
        self.mark = 0
        self.waiting: dict[str, float] = {}

    def same(self, peer: Peer, origin: str) -> bool:
        """Is this the router that it came from, and the one that it is at, in the same runs?"""
        lost, now = self.last.link, peer.link
        return (
            lost is not None
            and now is not None
            and now.is_router
            and (now.remote_id, origin) == (lost.remote_id, self.origin)
        )

    def went_with(self, peer: Peer) -> bool:
        """Was it a device of the router at the other end, over this very link, whose answer would have it?

        Of links that others open nobody can tell which is which: two of one router may carry different devices.
        """
        return self.same(peer, self.origin) and self.origin == _far(peer) and _opened(peer) == _opened(self.last) != ""


def _far(peer: Peer) -> str | None:
    return None if peer.link is None else peer.link.remote_id


def _opened(peer: Peer) -> str:
    """The name of a link that we open; "" for others."""
    return peer.name if peer.link is not None and peer.link.opener else ""


class Holding:
    """The held devices of one router. `length`: for how many seconds a device is held, 0 for not at all."""

    __slots__ = (
        "_deferred",
        "_desk",
        "_due",
        "_given_up",
        "_number",
        "_pings",
        "_settling",
        "_watched",
        "devices",
        "length",
        "weight",
    )

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.length = desk.settings.link_hold
        self.devices: dict[str, Held] = {}
        self.weight = Weight()  # bytes of memory that their properties take
        self._due: list[tuple[float, str]] = []  # when each is to be looked at, some of them for nothing
        self._watched: dict[str, float] = {}  # the first of these times of each device
        self._settling: dict[Peer, int] = {}  # owners of devices of which something is not there again, and how many
        self._number = 0
        self._pings: dict[Peer, list[int]] = {}  # links that were pinged, and the numbers that are not answered yet
        self._deferred: list[tuple[Peer, str]] = []  # pings of others that are answered when nothing settles
        self._given_up: Counter[Peer] = Counter()  # how many devices of each, since something was due first

    # It begins

    def has_room(self, properties: Iterable[Property]) -> bool:
        """Is there memory for these too?"""
        more = sum(each.weight for each in properties if not each.stale)
        return self.weight.bytes + more <= self._desk.settings.memory // PART

    def begin(self, device: str, last: Peer, origin: str, length: float, properties: Iterable[Property]) -> Held:
        """Hold a device; what of it was not there again since an earlier blip has the time of that one."""
        before = self.devices.get(device)
        if before is not None:
            self.forget(device)
        until = self._desk.now + length
        held = self.devices[device] = Held(last, origin, until)
        for each in properties:
            left = before.waiting.get(each.name, until) if before is not None else until
            held.waiting[each.name] = left
            each.hold(self.weight)
            if left < until:
                self._watch(left, device)
        self._watch(until, device)
        return held

    def _watch(self, until: float, device: str) -> None:
        if self._watched.get(device, until + 1.0) <= until:
            return  # it is looked at before, and then again
        self._watched[device] = until
        if not self._due or until < self._due[0][0]:
            self._desk.wake(until - self._desk.now)
        heapq.heappush(self._due, (until, device))

    def stale(self) -> dict[str, Peer]:
        """The devices that nobody provides now, and who did."""
        return {device: held.last for device, held in self.devices.items() if held.owner is None}

    # It is there again

    def claimed(self, device: str, owner: Peer, origin: str) -> bool:
        """Somebody provides a device: one that is held is complete when all of it was said again.

        True: it was held, and is at another router now or at another run of it, whose drivers have started anew.
        """
        held = self.devices.get(device)
        if held is None:
            return False
        held.owner = owner
        self._settling[owner] = self._settling.get(owner, 0) + 1
        if held.same(owner, origin):
            asked = self._pings.get(owner)
            held.mark = asked[-1] if asked else self.ping(owner)
        if not held.waiting:
            self.forget(device)
        return origin != held.origin

    def back(self, device: str, name: str) -> None:
        """A property is there again, or was deleted by the owner."""
        held = self.devices.get(device)
        if (
            held is not None
            and held.waiting.pop(name, None) is not None
            and not held.waiting
            and held.owner is not None
        ):
            self.forget(device)

    def ping(self, peer: Peer) -> int:
        """Ask a link to say when it has said all that it had to say."""
        self._number += 1
        asked = self._pings.setdefault(peer, [])
        asked.append(self._number)
        del asked[:-UNANSWERED]
        self._desk.send(peer, ping_request(f"{holding.UID}{self._number}"), "pingRequest")
        return self._number

    def answered(self, peer: Peer, uid: str) -> None:
        """A link has said all: what is not there again of its devices is due now, and what it had and has no more.

        Once for each ping: all that is held is looked at, and a stranger could reply for ever.
        """
        number = holding.number(uid)
        asked = self._pings.get(peer, [])
        if number not in asked:
            return
        del asked[: asked.index(number) + 1]
        if not asked:
            del self._pings[peer]
        for device, held in self.devices.items():
            if (held.owner is peer and 0 < held.mark <= number) or (held.owner is None and held.went_with(peer)):
                held.until = self._desk.now
                held.waiting = dict.fromkeys(held.waiting, self._desk.now)
                self._watch(self._desk.now, device)

    # It ends

    def end_link(self, name: str) -> None:
        """Nobody waits any more for the link of this name that we opened: what it may bring back is due now."""
        for device, held in self.devices.items():
            if held.owner is None and _opened(held.last) == name:
                held.until = self._desk.now
                self._watch(self._desk.now, device)

    def forget(self, device: str) -> None:
        """A device is held no longer."""
        held = self.devices.pop(device, None)
        if held is None or held.owner is None:
            return
        self._settling[held.owner] -= 1
        if not self._settling[held.owner]:
            del self._settling[held.owner]
        self._answer()

    def due(self, most: int) -> list[str]:
        """The devices of which something is due, some at a time."""
        found: list[str] = []
        now = self._desk.now
        while self._due and self._due[0][0] <= now and len(found) < most:
            at, device = heapq.heappop(self._due)
            if self._watched.get(device) == at:
                del self._watched[device]
                if device in self.devices:
                    found.append(device)
        if self._due:
            self._desk.wake(max(0.0, self._due[0][0] - now))
        return found

    def watch_on(self, device: str) -> None:
        """Something was due of a device: look again when the next is."""
        held = self.devices.get(device)
        if held is not None:
            left = list(held.waiting.values())
            self._watch(min([*left, held.until] if held.owner is None else left), device)

    def forget_peer(self, peer: Peer) -> None:
        """A peer is gone: it answers and asks nothing any more."""
        self._pings.pop(peer, None)
        self._deferred = [each for each in self._deferred if each[0] is not peer]

    def count(self, last: Peer) -> bool:
        """Count a device that is given up. Is it one of the first of who provided it, which are named?"""
        self._given_up[last] += 1
        return self._given_up[last] <= NAMED_DEVICES

    def uncounted(self) -> list[tuple[Peer, int]]:
        """Give who provided more of what was given up than was named, and how many more; [] while more is due soon."""
        soon = self._due and self._due[0][0] <= self._desk.now + TOGETHER and len(self._given_up) < NAMED_DEVICES
        if soon or not self._given_up:
            return []
        counts, self._given_up = self._given_up, Counter()
        return [(peer, number - NAMED_DEVICES) for peer, number in counts.items() if number > NAMED_DEVICES]

    # Those who ask us

    def defer(self, peer: Peer, uid: str) -> bool:
        """Keep the ping of a link while something that it hears of is not complete here. False: answer it now.

        Where drivers answer the questions themselves nobody knows when they have: such a ping is never answered.
        """
        if self._desk.settings.forwarded and uid.startswith(holding.UID):
            return True
        if not uid.startswith(holding.UID) or not self._settles_for(peer) or len(self._deferred) >= DEFERRED:
            return False
        self._deferred.append((peer, uid))
        return True

    def _settles_for(self, peer: Peer) -> bool:
        return any(owner is not peer for owner in self._settling)

    def _answer(self) -> None:
        kept = []
        for peer, uid in self._deferred:
            if self._settles_for(peer):
                kept.append((peer, uid))
            elif not peer.gone:
                self._desk.send(peer, ping_reply(uid), "pingReply")
        self._deferred = kept
