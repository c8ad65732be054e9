"""The byte-bounded queue of what is still to be written to a peer, and its verdicts.

Pure: whoever writes takes buffers, and says how many bytes the kernel took. Rules: docs/flow.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from inditree.wire.elements import Attached, Blob
from inditree.wire.syntax import ping_request

WRITE_BYTES = 1 << 20
"""Bytes handed to the kernel in one write: more makes four clients unequal (measured)."""

WRITE_BUFFERS = 64
"""Buffers of one write; the kernel's own limit is 1024."""


ABANDONED = 4096
"""Requests remembered of an outbox whose peer takes no more; what is beyond is lost without a word."""


class Traced(bytes):
    """An element that must not be lost in silence: `about` says what it is."""

    about: object


class Handed(bytes):
    """The first byte of an element whose images go as descriptors: `fds` go with it, in a sendmsg that begins with it.

    `weight` is what it counts beside itself: who takes descriptors is to be compared with who takes base64.
    """

    fds: tuple[int, ...]
    weight: int


class Ticket:
    """A BLOB in one outbox; `blob` is None once it was put out. `uid` is that of the ping behind it, "" for none."""

    __slots__ = ("about", "attached", "blob", "uid")

    def __init__(self, blob: Blob, uid: str, about: object, attached: Attached | None) -> None:
        self.blob: Blob | None = blob
        self.uid = uid
        self.about = about
        self.attached = attached


class Lost(NamedTuple):
    """A BLOB that was put out. `about`, unless None: it was a request."""

    blob: Blob
    uid: str
    about: object


class Outbox:
    """What waits for one peer. Sizes are bytes; `limit` bounds what waits behind what one write was given.

    `taken` counts all bytes that the kernel has taken. `begun` is called when a BLOB no longer waits, as its turn to be
    written has come, and `delivered` for each BLOB whose last byte is gone.
    """

    __slots__ = (
        "_abandoned",
        "_committed",
        "_ends",
        "_items",
        "_urgent",
        "begun",
        "blob_bytes",
        "blobs",
        "control",
        "delivered",
        "limit",
        "taken",
        "writing",
    )

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.begun: Callable[[], None] = lambda: None
        self.delivered: Callable[[Blob], None] = lambda blob: None
        self.control = 0  # bytes of the control elements that wait
        self.blobs: deque[Ticket] = deque()  # waiting, oldest first
        self.blob_bytes = 0  # of the BLOBs that wait
        self.taken = 0
        self.writing: deque[memoryview | bytes] = deque()  # the elements being written
        self._committed = 0  # bytes ever moved to `writing`
        self._ends: deque[tuple[int, Blob, object]] = deque()  # images being written: end in `_committed`, `about`
        self._items: deque[bytes | Ticket] = deque()
        self._urgent: deque[bytes] = deque()
        self._abandoned: list[object] = []  # what the requests were about that `clear` forgot

    @property
    def empty(self) -> bool:
        """Nothing is left to be written."""
        return not (self.writing or self.control or self.blob_bytes)

    @property
    def waiting(self) -> int:
        """Bytes that wait behind what is being written."""
        return self.control + self.blob_bytes

    @property
    def size(self) -> int:
        """Bytes that are not written yet."""
        return self.waiting + self._committed - self.taken

    def put(self, data: bytes) -> bool:
        """Offer control elements. False: more of them wait than the limit; the peer is to be closed."""
        if not self.writing and not self._items and not self._urgent:
            self.writing.append(data)
            self._committed += len(data)
            return True
        self._items.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def put_urgent(self, data: bytes) -> bool:
        """The same for an element that goes ahead of what waits: the reply to a driver's ping."""
        self._urgent.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def put_blob(self, blob: Blob, uid: str = "", about: object = None, attached: Attached | None = None) -> list[Lost]:
        """Offer a BLOB, and a ping behind it; returns those that it put out, oldest first (dropped already).

        `about`, unless None: it is a request. `attached`: the form in which it is written, unless as base64.
        """
        out = self.make_room(blob.size)
        blob.take()
        ticket = Ticket(blob, uid, about, attached)
        self._items.append(ticket)
        self.blobs.append(ticket)
        self.blob_bytes += blob.size
        if not self.writing:
            self._commit()
        return out

    def fits(self, size: int) -> bool:
        """Would a BLOB of `size` bytes find room without putting another one out?"""
        return not self.blobs or self.waiting + size <= self.limit

    def make_room(self, size: int) -> list[Lost]:
        """Put out the oldest waiting BLOBs until one of `size` fits, or none waits any more."""
        out: list[Lost] = []
        while not self.fits(size):
            out.append(self.put_out())
        return out

    def put_out(self) -> Lost:
        """Put out the oldest waiting BLOB; IndexError where none waits."""
        return self._cancel(self.blobs.popleft())

    def _cancel(self, ticket: Ticket) -> Lost:
        blob, ticket.blob = ticket.blob, None
        assert blob is not None
        self.blob_bytes -= blob.size
        blob.drop()
        return Lost(blob, ticket.uid, ticket.about)

    def _commit(self) -> None:
        """Move what comes next to `writing`: about WRITE_BYTES, and one image at a time."""
        writing, room = self.writing, min(WRITE_BYTES, self.limit) - (self._committed - self.taken)
        while self._urgent:
            data = self._urgent.popleft()
            self.control -= len(data)
            writing.append(data)
            self._committed += len(data)
        while self._items and room > 0:
            item = self._items[0]
            if isinstance(item, Ticket):
                if item.blob is not None:
                    if self._ends:
                        return
                    self.blobs.popleft()
                    self._commit_image(item.blob, item)
                    room -= item.blob.size
            else:
                self.control -= len(item)
                writing.append(item)
                self._committed += len(item)
                room -= len(item)
            self._items.popleft()

    def _commit_image(self, blob: Blob, ticket: Ticket) -> None:
        self.blob_bytes -= blob.size
        if ticket.attached is None:
            self.writing.extend(blob.chunks)
            self._committed += blob.size
        else:
            self._commit_attached(ticket.attached, blob.size)
        self._ends.append((self._committed, blob, ticket.about))
        if ticket.uid:
            ping = ping_request(ticket.uid)
            self.writing.append(ping)
            self._committed += len(ping)
        self.begun()

    def _commit_attached(self, attached: Attached, size: int) -> None:
        first = Handed(attached.data[:1])
        first.fds = attached.fds
        first.weight = max(0, size - len(attached.data))
        self.writing += (first, attached.data[1:])
        self._committed += first.weight + len(attached.data)

    def take(self) -> list[memoryview | bytes]:
        """The buffers of the next write, about WRITE_BYTES of them at most; empty when there is nothing."""
        if self._items or self._urgent:
            self._commit()
        writing = self.writing
        if len(writing) == 1 and len(writing[0]) <= WRITE_BYTES:
            return [writing[0]]
        buffers: list[memoryview | bytes] = []
        room = WRITE_BYTES
        for each in writing:
            if buffers and type(each) is Handed:
                break
            if len(each) > room:
                each = memoryview(each)[:room]
            buffers.append(each)
            room -= len(each)
            if room <= 0 or len(buffers) == WRITE_BUFFERS:
                break
        return buffers

    def sent(self, count: int) -> None:
        """The kernel took `count` bytes of what `take` gave."""
        self.taken += count
        writing = self.writing
        if self.taken == self._committed and not self._ends:
            writing.clear()
            return
        while count:
            first = writing[0]
            if len(first) > count:
                writing[0] = memoryview(first)[count:]
                break
            count -= len(first)
            if type(first) is Handed:
                self.taken += first.weight
            writing.popleft()
        while self._ends and self._ends[0][0] <= self.taken:
            blob = self._ends.popleft()[1]
            self.delivered(blob)
            blob.drop()

    def abandon(self) -> list[object]:
        """Forget everything, as the peer is gone: what the requests were about that it has not taken."""
        self.clear()
        abandoned, self._abandoned = self._abandoned, []
        return abandoned

    def clear(self) -> None:
        """Forget everything: the peer takes no more."""
        self._abandoned += islice(self._requests(), ABANDONED - len(self._abandoned))
        for ticket in self.blobs:
            self._cancel(ticket)
        for _, blob, _ in self._ends:
            blob.drop()
        self.blobs.clear()
        self._ends.clear()
        self.writing.clear()
        self._items.clear()
        self._urgent.clear()
        self.control = 0
        self._committed = self.taken

    def _requests(self) -> Iterator[object]:
        """What the requests are about that are not written whole."""
        for each in self.writing:
            whole = each.obj if isinstance(each, memoryview) else each
            if isinstance(whole, Traced):
                yield whole.about
        yield from (about for _, _, about in self._ends if about is not None)
        for item in self._items:
            if isinstance(item, Traced) or (isinstance(item, Ticket) and item.blob and item.about is not None):
                yield item.about
