"""The images that wait for one peer, by property, and whether there is room for more.

Rules: docs/flow.md, "Room".
"""

from __future__ import annotations

from collections import deque

from inditree.flow.acks import Window
from inditree.flow.ticket import Ticket
from inditree.wire.elements import Key

IDLE = 1.0
"""Seconds after which room that was kept for a source that sends nothing is given to others."""

PATIENCE = 2.0
"""Seconds after which an image that waits for an acknowledgement keeps nothing else waiting any more."""


SHORTEST = 0.25
"""Seconds over which the pace of a property is judged, at least."""

_GRAIN = SHORTEST / 8
"""Seconds: images whose turns came closer together are counted as one, so that few say what many took."""


class Promise:
    """Room of `size` bytes for what a source may send. It lapses a second after `at`, but not while an image comes.

    `waits_since`: the source may not send it yet, and has waited since then (seconds); None: it may. It is
    kept from those only of whom an image waits, or who have waited for less time. `targets` are the peers that wanted
    the image when that began.
    """

    __slots__ = ("at", "coming", "others", "size", "targets", "waits_since")

    def __init__(
        self, size: int, at: float, waits_since: float | None = None, targets: tuple[object, ...] = ()
    ) -> None:
        self.size = size
        self.at = at
        self.waits_since = waits_since
        self.targets = targets
        self.coming = False
        self.others = 0  # images of other properties that have come from the same peer meanwhile

    def others_come(self, turns: int, now: float, *, coming: bool) -> None:
        """An image of another property comes, or has come, over the same link: this one may be behind it.

        Its turn is over when every other one of `turns` properties has had two.
        """
        self.others += not coming
        if self.others <= 2 * turns:
            self.coming, self.at = coming, now

    def lapsed(self, now: float) -> bool:
        """Has the source been idle for too long?"""
        return not self.coming and now - self.at >= IDLE


class PropertyQueue:
    """The images of one property and kind that wait for one peer. `bytes` are their size.

    Until `free_until` (seconds) its source sends whether there is room here or not. `begun` are the last images whose
    turn came, of SHORTEST seconds and three at least: when, and their bytes. `dropped` is of the last image
    that was dropped since one had its turn: until when (seconds), and until how many bytes of images were taken, its
    source is not asked for another (`Outbox.unread`).
    """

    __slots__ = ("begun", "bytes", "dropped", "free_until", "promise", "tickets")

    def __init__(self) -> None:
        self.tickets: deque[Ticket] = deque()  # oldest first
        self.bytes = 0
        self.promise: Promise | None = None
        self.free_until = 0.0
        self.begun: deque[tuple[float, int]] = deque()
        self.dropped: tuple[float, int] | None = None

    def begin(self, size: int, now: float) -> None:
        """The turn of an image has come."""
        self.dropped = None
        begun = self.begun
        if len(begun) > 3 and now - begun[-1][0] < _GRAIN:
            begun[-1] = begun[-1][0], begun[-1][1] + size
            return
        begun.append((now, size))
        while len(begun) > 3 and (now - begun[1][0] >= SHORTEST or begun[1][0] - begun[0][0] >= IDLE):
            begun.popleft()

    def pace(self, now: float) -> float | None:
        """Bytes a second, by the last images; None where they are too few, or of too short a time.

        0 where images wait and none had its turn for so long that this halves the pace: else it would fall as that of
        those does who are sent nothing meanwhile, and they would wait for good.
        """
        begun = self.begun
        if len(begun) < 3:
            return None
        before, seconds = begun[-1][0] - begun[0][0], now - begun[1][0]
        if self.tickets and seconds >= 2 * max(before, SHORTEST):
            return 0.0
        seconds = max(before, seconds)
        return (sum(size for _, size in begun) - begun[-1][1]) / seconds if seconds >= SHORTEST else None


class ImageQueue:
    """The images that wait for one peer, by property. `bytes` and `count` are of all of them.

    `stream_limit`: bytes beyond which stream frames are dropped, ahead of any other image; None: they have no bound
    of their own.
    """

    __slots__ = ("bytes", "count", "limit", "properties", "stream_limit", "window")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.stream_limit: int | None = None
        self.window: Window | None = None
        self.bytes = 0
        self.count = 0
        self.properties: dict[Key, PropertyQueue] = {}

    def waiting(self, key: Key) -> int:
        """Counts the images of a property that wait."""
        known = self.properties.get(key)
        return len(known.tickets) if known is not None else 0

    def counts(self, key: Key, now: float) -> bool:
        """Does an image of a property wait, or is room kept for one? A promise that was used up keeps none."""
        known = self.properties.get(key)
        if known is None:
            return False
        promise = known.promise
        return bool(known.tickets) or (promise is not None and promise.size > 0 and not promise.lapsed(now))

    def pace(self, key: Key, now: float) -> float | None:
        """Bytes a second of a property lately, by its last images, where others take their turns beside it.

        None where it is the only one, or too little is known of it: then all that the peer takes says more. 0 where it
        has waited for an acknowledgement for PATIENCE, or, of few images, its source for room since the last one.
        """
        known = self.properties.get(key)
        if known is None or not any(self.turns(each, now) for each in self.properties if each != key):
            return None
        shut = self._shut(key)
        if shut is not None and known.tickets and now - shut >= PATIENCE:
            return 0.0
        few, waits = 0 < len(known.begun) < 3, known.promise is not None and known.promise.waits_since is not None
        return 0.0 if few and waits and now - known.begun[-1][0] >= PATIENCE else known.pace(now)

    def turns(self, key: Key, now: float) -> bool:
        """Do images of a property wait, or did one have its turn within the last second?"""
        known = self.properties[key]
        return bool(known.tickets) or bool(known.begun and now - known.begun[-1][0] < IDLE)

    def add(self, ticket: Ticket) -> None:
        """One more waits; it has used up what its source was promised for it."""
        known = self.properties.get(ticket.key)
        if known is None:
            known = self.properties[ticket.key] = PropertyQueue()
        known.tickets.append(ticket)
        known.bytes += ticket.size
        self.bytes += ticket.size
        self.count += 1

    def remove(self, ticket: Ticket) -> None:
        """One waits no more."""
        known = self.properties[ticket.key]
        if known.tickets[0] is ticket:
            known.tickets.popleft()
        else:
            known.tickets.remove(ticket)
        known.bytes -= ticket.size
        self.bytes -= ticket.size
        self.count -= 1

    def clear(self) -> None:
        """Nothing waits any more."""
        self.properties.clear()
        self.bytes = self.count = 0

    # What is dropped

    def victim(self, size: int, control: int, newcomer: Key | None = None) -> Ticket | None:
        """The image to be dropped so that one of `size` bytes fits beside `control` bytes; None: none need or may go.

        The oldest of the property of which most waits (the newcomer counts); the last of a property only where each
        has just one. A stream frame drops stream frames only.
        """
        stream = newcomer is not None and newcomer[2]
        if self.stream_limit is not None and stream and self.count and control + self.bytes + size > self.stream_limit:
            return self._oldest_of_most(newcomer, size, streams_only=True)
        if not self.count or control + self.bytes + size <= self.limit:
            return None
        found = self._oldest_of_most(newcomer, size, streams_only=stream or self.stream_limit is not None)
        if found is None and not stream:
            found = self._oldest_of_most(newcomer, size)
        return found

    def _oldest_of_most(self, newcomer: Key | None, size: int, *, streams_only: bool = False) -> Ticket | None:
        best: PropertyQueue | None = None
        most = (False, 0)
        for key, known in self.properties.items():
            if not known.tickets or (streams_only and not key[2]):
                continue
            own = key == newcomer
            rank = (len(known.tickets) + own > 1, known.bytes + size * own)
            if best is None or rank > most:
                best, most = known, rank
        return best.tickets[0] if best is not None else None

    def largest(self, spared: object = None) -> Ticket | None:
        """The image that goes first where memory is short, not `spared`: as in `victim`."""
        best: PropertyQueue | None = None
        most = (False, 0)
        for known in self.properties.values():
            if known.tickets and known.tickets[0].blob is not spared:
                rank = (len(known.tickets) > 1, known.bytes)
                if best is None or rank > most:
                    best, most = known, rank
        return best.tickets[0] if best is not None else None

    # What is promised

    def promise(self, key: Key, promise: Promise) -> None:
        """Keep room for what the source of a property may send."""
        known = self.properties.get(key)
        if known is None:
            known = self.properties[key] = PropertyQueue()
        known.promise = promise

    def mind(self, key: Key, free_until: float) -> None:
        """Lets the source of a property send until then without asking for room here."""
        known = self.properties.get(key)
        if known is not None:
            known.free_until = free_until

    def sweep(self, now: float) -> None:
        """Now and then: forget the properties of which nothing is to be known any more."""
        for key, known in list(self.properties.items()):
            idle = known.promise is None or known.promise.lapsed(now)
            until = max(known.free_until, known.dropped[0] if known.dropped is not None else 0.0)
            if idle and not known.tickets and now >= until:
                del self.properties[key]

    def fits(self, key: Key, size: int, control: int, now: float, number: int = 1) -> bool:
        """Is there room for `number` more BLOBs of `size` bytes, beside what waits and what others were promised?

        One always fits where nothing waits and nobody was promised anything. Of others nothing counts that has waited
        for an acknowledgement for PATIENCE, or whose source does not ask for room: these hold up themselves only. But a
        second image waits for what would not be dropped before the first one. Of a source that cannot be held one image
        counts for a first one: the others are dropped for it.
        """
        mine = self.properties.get(key)
        own = mine.bytes if mine is not None else 0
        since = now
        if mine is not None and mine.promise is not None and mine.promise.waits_since is not None:
            since = mine.promise.waits_since
        others = 0
        for each, known in self.properties.items():
            if known is mine:
                continue
            if not self._counts(each, known, now):
                if own and known.tickets:
                    others += min(known.bytes, max(own + size * number, known.tickets[-1].size))
                continue
            if not own and known.tickets and known.tickets[0].unheld:
                others += known.tickets[-1].size
                continue
            others += known.bytes
            promise = known.promise
            if promise is None or promise.lapsed(now):
                continue
            if promise.waits_since is None or (not known.tickets and (own or promise.waits_since < since)):
                others += promise.size
        return (number == 1 and not (own or others)) or control + own + others + size * number <= self.limit

    def _counts(self, key: Key, known: PropertyQueue, now: float) -> bool:
        if now < known.free_until:
            return False
        shut = self._shut(key)
        return shut is None or not known.tickets or now - max(shut, known.tickets[0].at) < PATIENCE

    def _shut(self, key: Key) -> float | None:
        return self.window.shut_since(key) if self.window is not None else None
