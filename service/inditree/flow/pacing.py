"""Judges how fast a client takes, and whether a source may be read on.

Rule: docs/flow.md: BLOBs are paced by the fastest interested client and by those that keep up with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from inditree.flow.outbox import Outbox
from inditree.wire.elements import Key

LATELY = 0.25
"""Seconds over which a client's pace is judged."""

STALL_BYTES = 64 * 1024
"""A client that takes less than this (or all that waits) within `limits.stall_timeout` is stalled."""

_SHORTEST = 0.001
"""Seconds: what a client took since it was last looked at is not judged finer."""


class Pace:
    """The pace of a peer: how much it took lately, and when it last made progress."""

    __slots__ = ("_before", "_before_seconds", "_mark", "_since", "_start", "_start_taken", "_wanted")

    def __init__(self, now: float) -> None:
        self._start = now
        self._start_taken = 0
        self._before = 0  # bytes of the window before this one, and its seconds
        self._before_seconds = 0.0
        self._mark = 0  # `taken` at the last progress
        self._since = now
        self._wanted = 0  # bytes that count as progress from there; 0: nothing waited then

    def lately(self, taken: int, now: float) -> float:
        """Bytes of images a second, over the last LATELY..2 x LATELY; since now, where it was not looked at for longer.

        Bytes a second, as the windows of two clients are not equally long: only so can they be compared.
        """
        elapsed = now - self._start
        if elapsed >= LATELY:
            fresh = elapsed < 2 * LATELY
            self._before = taken - self._start_taken if fresh else 0
            self._before_seconds = elapsed if fresh else 0.0
            self._start, self._start_taken, elapsed = now, taken, 0.0
        return (self._before + taken - self._start_taken) / max(self._before_seconds + elapsed, _SHORTEST)

    def seen(self, now: float) -> float:
        """Seconds for which it was looked at, so far as `lately` counts them."""
        return self._before_seconds + now - self._start

    def stalled(self, outbox: Outbox, now: float, timeout: float) -> bool:
        """True when it took too little for `timeout` seconds while something waited."""
        if outbox.empty:
            self._wanted = 0
        if outbox.taken - self._mark >= self._wanted:
            self._mark = outbox.taken
            self._since = now
            self._wanted = min(STALL_BYTES, outbox.size - outbox.lanes.parked())
            return False
        return now - self._since >= timeout

    def stand_still(self, outbox: Outbox, now: float) -> None:
        """The peer is not judged now: we do not read it, so it may not be reading either."""
        self._mark, self._since = outbox.taken, now


class Client(Protocol):
    """A receiver, as far as pacing looks at it."""

    outbox: Outbox
    pace: Pace
    lossless: bool


AnyClient = TypeVar("AnyClient", bound=Client)


def _nothing(client: object) -> int:
    return 0


class Need(NamedTuple):
    """The room that a source needs to go on: for `number` BLOBs of `size` bytes.

    `unseen` tells how many images of other properties may come to a receiver without anybody being asked.
    """

    key: Key
    size: int
    now: float
    number: int = 1
    unseen: Callable[[Any], int] = _nothing


def may_read(clients: Iterable[Client], need: Need) -> bool:
    """May the source of a property be read on, for these interested clients?"""
    clients = list(clients)
    if not clients:
        return True
    now = need.now
    whole = [client.pace.lately(client.outbox.images_taken, now) for client in clients]
    if not somebody_ready(clients, need):
        return False
    if any(client.lossless and not ready(client, need) for client in clients):
        return False
    losers = [number for number, client in enumerate(clients) if not _fits(client, need)]
    if not losers:
        return True
    known = [client.outbox.lanes.pace(need.key, now) for client in clients]
    if any(clients[each].pace.seen(now) == 0 and known[each] is None for each in losers):
        return False  # nothing can be said of it before time has passed
    fastest = max(whole)
    if not fastest:  # nobody takes anything: only who has taken all would be served
        return any(client.outbox.empty for client in clients)
    # Who takes other properties too is compared by what each takes of this one; who takes this alone, by all that each
    # takes: of this one a fast client takes no more than it is given.
    of_this = max(every if part is None else part for every, part in zip(whole, known, strict=True))
    if not of_this:
        return any(not client.outbox.lanes.waiting(need.key) for client in clients)
    return not any(_keeps_up(whole[each], known[each], fastest, of_this) for each in losers)


def _keeps_up(whole: float, part: float | None, fastest: float, of_this: float) -> bool:
    """Does it take at least half as much as the fastest, of everything or (`part`) of one property?"""
    return 2 * whole >= fastest if part is None else 2 * part >= of_this


def somebody_ready(clients: Iterable[Client], need: Need) -> bool:
    """Has one of them room? False: only room can change what `may_read` says, time alone cannot."""
    return any(ready(client, need) for client in clients)


def may_read_lossless(clients: Iterable[Client], need: Need) -> bool:
    """May a source be read on that only lossless clients may hold?"""
    return all(ready(client, need) for client in clients if client.lossless)


def ready(client: Client, need: Need) -> bool:
    """No image of the property waits, or one, and there is room."""
    return client.outbox.lanes.waiting(need.key) <= 1 and _fits(client, need)


def _fits(client: Client, need: Need) -> bool:
    """Is there room? For a second one only where all others, as large as these, could come beside it."""
    unseen = need.unseen(client) * need.size if client.outbox.lanes.waiting(need.key) else 0
    return client.outbox.fits(need.key, need.size, need.now, need.number, unseen)


def stragglers(clients: Sequence[AnyClient], now: float) -> list[AnyClient]:
    """Find the clients that do not keep up with the fastest of them."""
    paces = [client.pace.lately(client.outbox.images_taken, now) for client in clients]
    fastest = max(paces, default=0.0)
    return [
        client
        for client, pace in zip(clients, paces, strict=True)
        if 2 * pace < fastest or (pace == 0 and client.pace.seen(now) >= LATELY)
    ]
