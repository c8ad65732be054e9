"""The outbox of a peer in our own process, which takes whole elements instead of bytes."""

from __future__ import annotations

from inditree.flow.outbox import Outbox, Ticket
from inditree.wire.elements import Blob


class WholeOutbox(Outbox):
    """As an Outbox, but nothing is ever half written: `pop` instead of `take` and `sent`."""

    __slots__ = ()

    def put(self, data: bytes) -> bool:
        self._items.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def _commit(self) -> None:
        """Nothing is moved ahead of its turn."""

    def pop(self) -> bytes | Blob | None:
        """The next element, None where nothing waits. A Blob is the caller's to drop."""
        if self._urgent:
            return self._pass(self._urgent.popleft())
        while self._items:
            item = self._items.popleft()
            if not isinstance(item, Ticket):
                return self._pass(item)
            blob = item.blob
            if blob is not None:
                self.blobs.popleft()
                self.blob_bytes -= blob.size
                self._committed += blob.size
                self.begun()
                self.taken += blob.size
                self.delivered(blob)
                return blob
        return None

    def _pass(self, data: bytes) -> bytes:
        self.control -= len(data)
        self._committed += len(data)
        self.taken += len(data)
        return data
