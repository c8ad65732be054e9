"""The outbox of a peer in our own process, which takes whole elements instead of bytes."""

from __future__ import annotations

from collections.abc import Callable

from inditree.flow.outbox import Outbox
from inditree.wire.elements import Blob


class WholeOutbox(Outbox):
    """An outbox in which nothing is ever half written: it has `pop` instead of `next_write` and `sent`."""

    __slots__ = ()

    def put(self, data: bytes) -> bool:
        self._row.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def _commit(self) -> None:
        """Nothing is moved ahead of its turn."""

    def pop(self) -> bytes | Blob | None:
        """The next element, None where nothing waits. A Blob is for the caller to release."""
        lanes = self.lanes
        if self._urgent:
            return self._pass(self._urgent.popleft())
        if self._row and (not lanes.count or lanes.passed < self._ahead):
            lanes.passed += 1
            return self._pass(self._row.popleft())
        if not lanes.count:
            return None
        ticket = lanes.next()
        assert ticket is not None and ticket.blob is not None  # nobody in our process acknowledges
        if lanes.after(ticket) > lanes.passed:
            self._ahead = lanes.after(ticket)
            return self.pop()
        lanes.begin(ticket)
        self._committed += ticket.size
        self.taken += ticket.size
        self._images += ticket.size
        self._ahead = lanes.passed + len(self._row)
        self.moved = True
        return ticket.blob

    def _pass(self, data: bytes) -> bytes:
        self.control -= len(data)
        self._committed += len(data)
        self.taken += len(data)
        return data


class HeardOutbox(WholeOutbox):
    """An outbox whose control elements are `heard` at once where no image waits; the others are to be popped."""

    __slots__ = ("_heard",)

    def __init__(self, limit: int, now: Callable[[], float], heard: Callable[[bytes], object]) -> None:
        super().__init__(limit, now)
        self._heard = heard

    def put(self, data: bytes) -> bool:
        if self._row or self.lanes.count:
            return super().put(data)
        self._heard(data)
        return True
