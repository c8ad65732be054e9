"""The outbox of one peer: a row of control elements and lanes of images that wait. Pure. Rules: docs/flow.md.

Whoever writes takes buffers, and says how many bytes the kernel took.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from inditree.flow.image_queue import PATIENCE
from inditree.flow.lanes import Lanes
from inditree.flow.ticket import Lost, Ticket
from inditree.wire.elements import Attached, Blob, Key
from inditree.wire.syntax import ping_request

WRITE_BYTES = 1 << 20
"""Bytes handed to the kernel in one write: more makes four clients unequal (measured)."""

WRITE_BUFFERS = 64
"""Buffers of one write; the kernel's own limit is 1024."""

ABANDONED = 4096
"""Requests remembered of an outbox whose peer takes no more; what is beyond is lost without a word."""

UNHELD = 2
"""Images of a property that wait for one peer where their source cannot be held, or more of the last UNHELD_SECONDS."""

UNHELD_SECONDS = 1.0


class Traced(bytes):
    """An element that must not be lost in silence: `about` says what it is."""

    about: object


class Handed(bytes):
    """The first byte of an element whose images go as descriptors: `fds` go with it, in a sendmsg that begins with it.

    `weight` is what it counts beside itself: who takes descriptors is to be compared with who takes base64.
    """

    fds: tuple[int, ...]
    weight: int


def _stopped() -> float:
    return 0.0


class Outbox:
    """The queue of one peer: all that waits to be written to it. Sizes are bytes.

    `limit` bounds what waits behind what one write was given.

    `requested` is to be set before a `Traced` element is put in.

    `taken` counts all bytes that the kernel has taken. `moved` is set when an image no longer waits, as its turn to be
    written has come; whoever looks at it takes it back. `now` is the clock (seconds).
    """

    __slots__ = (
        "_abandoned",
        "_ahead",
        "_committed",
        "_image",
        "_images",
        "_now",
        "_row",
        "_urgent",
        "control",
        "lanes",
        "limit",
        "moved",
        "requested",
        "taken",
        "writing",
    )

    def __init__(self, limit: int, now: Callable[[], float] = _stopped) -> None:
        self.limit = limit
        self.lanes = Lanes(limit, now)
        self.control = 0  # bytes of the control elements that wait
        self.taken = 0
        self.moved = False
        self.requested = False  # a request was among what it was offered
        self.writing: deque[memoryview | bytes] = deque()  # the elements being written
        self._now = now
        self._images = 0  # bytes of the images that were taken whole
        self._committed = 0  # bytes ever moved to `writing`
        self._image: tuple[int, Ticket, Blob] | None = None  # the one being written: where it ends in `_committed`
        self._row = self.lanes.row
        self._ahead = 0  # how many elements of the row go before the next image
        self._urgent: deque[bytes] = deque()
        self._abandoned: list[object] = []  # what the requests were about that `clear` forgot

    @property
    def empty(self) -> bool:
        """Nothing is left that can be written now."""
        return not (self.writing or self._row or self._urgent or (self.lanes.count and not self.lanes.stuck))

    @property
    def waiting(self) -> int:
        """Bytes that wait behind what is being written."""
        return self.control + self.lanes.bytes

    @property
    def size(self) -> int:
        """Bytes that are not written yet."""
        return self.waiting + self._committed - self.taken

    @property
    def images_taken(self) -> int:
        """Bytes of images that were taken, of the one that is being written too."""
        if self._image is None:
            return self._images
        end, ticket, _ = self._image
        return self._images + max(0, ticket.size - max(0, end - self.taken))

    def fits(self, key: Key, size: int, now: float, number: int = 1, unseen: int = 0) -> bool:
        """Is there room for `number` more BLOBs of a property, beside what waits and what others were promised?

        `unseen`: bytes beside these that may come without anybody being asked.
        """
        return self.lanes.fits(key, size, self.control + unseen, now, number)

    def unread(self, key: Key) -> bool:
        """Was an image of this property dropped that would still wait here? Of a link: one that may not be sent yet.

        False once one of the property has had its turn, nothing waits, or PATIENCE has passed.
        """
        known = self.lanes.properties.get(key)
        if known is None or known.dropped is None or self._now() >= known.dropped[0]:
            return False
        if self.lanes.window is not None:
            return not self.lanes.window.may_send(key)
        return self.lanes.count > 0 and self.images_taken < known.dropped[1]

    def put(self, data: bytes) -> bool:
        """Offer control elements. False: more of them wait than the limit; the peer is to be closed."""
        if not self.writing and not self._row and not self._urgent:
            self.writing.append(data)
            self._committed += len(data)
            return True
        self._row.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def put_behind(self, device: str, data: bytes) -> bool:
        """Offer control elements of a device: they stay behind its images. What it returns is as in `put`."""
        if device not in self.lanes:
            return self.put(data)
        self.lanes.say(device, data)
        self.control += len(data)
        return self.control <= self.limit

    def put_urgent(self, data: bytes) -> bool:
        """Offer an element that goes ahead of what waits: the reply to a driver's ping. It returns as `put`."""
        self._urgent.append(data)
        self.control += len(data)
        return self.control <= self.limit

    def put_last(self, data: bytes) -> bool:
        """Offer an element that goes ahead of what waits, in the place of the one before: the answer to a last ping."""
        self.control -= sum(map(len, self._urgent))
        self._urgent.clear()
        return Outbox.put_urgent(self, data)

    def put_blob(
        self, blob: Blob, about: object = None, attached: Attached | None = None, *, unheld: bool = False
    ) -> list[Lost]:
        """Offer a BLOB; returns those that it dropped, oldest first.

        A stream frame that finds no room beside other images is itself the last of those. `about`, unless None: it is a
        request. `attached`: the form in which it is written, unless as base64. `unheld`: its source cannot be held.
        """
        now = self._now()
        self.requested |= about is not None
        ticket = Ticket(blob, now, about, attached, unheld=unheld)
        alone = not self.lanes.count
        out = self._bound_age(ticket, now) if unheld else []
        while (victim := self.lanes.victim(blob.size, self.control, blob.key)) is not None:
            out.append(self.drop(victim, ticket))
        if blob.key[2] and not self._fits_as_stream(blob.size):
            self.lanes.leave(blob.device)
            out.append(Lost(blob, about))
            return out
        blob.retain()
        if alone:
            self._ahead = self.lanes.passed + len(self._row)
        self.lanes.queue(ticket)
        if not self.writing:
            self._commit()
        return out

    def _fits_as_stream(self, size: int) -> bool:
        lanes = self.lanes
        if not lanes.count:
            return True
        return self.waiting + size <= min(self.limit, lanes.stream_limit or self.limit)

    def _bound_age(self, ticket: Ticket, now: float) -> list[Lost]:
        """Keep two images of a source that cannot be held, or those of the last second where these are more."""
        out = []
        known = self.lanes.properties.get(ticket.key)
        while known is not None and len(known.tickets) >= UNHELD and known.tickets[0].at <= now - UNHELD_SECONDS:
            out.append(self.drop(known.tickets[0], ticket))
        return out

    def drop(self, ticket: Ticket, newcomer: Ticket | None = None) -> Lost:
        """Drop a waiting BLOB, maybe for a newcomer; what was said behind it stays."""
        blob = ticket.blob
        assert blob is not None
        ticket.blob = None
        known, until = self.lanes.properties[ticket.key], self._now() + PATIENCE
        if ticket.unheld:
            known.free_until = until
        known.dropped = until, self.images_taken + ticket.size
        self.lanes.cancel(ticket, newcomer)
        blob.release()
        return Lost(blob, ticket.about)

    def answered(self, uid: str) -> Key | None:
        """The other end of a link has acknowledged an image: its property, None where the uid is not ours."""
        window = self.lanes.window
        key = window.answered(uid) if window is not None else None
        if key is not None:
            self.lanes.opened()
        return key

    def _commit(self) -> None:
        """Move what comes next to `writing`: about WRITE_BYTES, and one image at a time."""
        writing, row, lanes = self.writing, self._row, self.lanes
        room = min(WRITE_BYTES, self.limit) - (self._committed - self.taken)
        while self._urgent:
            data = self._urgent.popleft()
            self.control -= len(data)
            writing.append(data)
            self._committed += len(data)
        while room > 0:
            if row and (not lanes.count or self._image is not None or lanes.passed < self._ahead):
                data = row.popleft()
                lanes.passed += 1
                self.control -= len(data)
                writing.append(data)
                self._committed += len(data)
                room -= len(data)
            elif not lanes.count or self._image is not None:
                return
            else:
                room -= self._next_image()
                if not row and self._image is None:
                    return

    def _next_image(self) -> int:
        """Commit the next image; returns the bytes written for it, 0 where elements of the row go first."""
        lanes = self.lanes
        ticket = lanes.next()
        if ticket is None or lanes.after(ticket) > lanes.passed:
            self._ahead = lanes.passed + len(self._row) if ticket is None else lanes.after(ticket)
            return 0
        blob = ticket.blob
        assert blob is not None
        before = self._committed
        lanes.begin(ticket)
        ticket.blob = None
        self._commit_image(blob, ticket)
        self.moved = True
        return self._committed - before

    def _commit_image(self, blob: Blob, ticket: Ticket) -> None:
        if ticket.attached is None:
            self.writing.extend(blob.chunks)
            self._committed += blob.size
        else:
            self._commit_attached(ticket.attached, blob.size)
        self._image = self._committed, ticket, blob
        window = self.lanes.window
        if window is not None and blob.tag == "setBLOBVector":
            ping = ping_request(window.sending(ticket.key, self._now()))
            self.writing.append(ping)
            self._committed += len(ping)

    def _commit_attached(self, attached: Attached, size: int) -> None:
        first = Handed(attached.data[:1])
        first.fds = attached.fds
        first.weight = max(0, size - len(attached.data))
        self.writing += (first, attached.data[1:])
        self._committed += first.weight + len(attached.data)

    def next_write(self) -> list[memoryview | bytes]:
        """The buffers of the next write, about WRITE_BYTES of them at most; empty when there is nothing."""
        if self._row or self._urgent or self.lanes.count:
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

    def sent(self, count: int) -> Sequence[Blob]:
        """The kernel took `count` bytes of `next_write`: the BLOBs whose last byte is gone, to be released."""
        self.taken += count
        writing = self.writing
        if self.taken == self._committed and self._image is None:
            writing.clear()
            return ()
        while count:
            first = writing[0]
            if len(first) > count:
                writing[0] = memoryview(first)[count:]
                break
            count -= len(first)
            if type(first) is Handed:
                self.taken += first.weight
            writing.popleft()
        if self._image is None or self._image[0] > self.taken:
            return ()
        self._ahead = self.lanes.passed + len(self._row)
        delivered = self._image[2]
        self._images += self._image[1].size
        self._image = None
        return (delivered,)

    def abandon(self) -> list[object]:
        """Forget everything, as the peer is gone: what the requests were about that it has not taken."""
        self.clear()
        abandoned, self._abandoned = self._abandoned, []
        return abandoned

    def clear(self) -> None:
        """Forget everything: the peer takes no more."""
        if self.requested:  # else what waits, which can be half a million elements, need not be looked through
            self._abandoned += islice(self._requests(), ABANDONED - len(self._abandoned))
        for ticket in self.lanes:
            if ticket.blob is not None:
                ticket.blob.release()
        if self._image is not None:
            self._image[2].release()
            self._image = None
        self.writing.clear()
        self.lanes.clear()
        self._urgent.clear()
        self.control = 0
        self._committed = self.taken

    def _requests(self) -> Iterator[object]:
        """The `about` of each request that is not written whole."""
        for each in self.writing:
            whole = each.obj if isinstance(each, memoryview) else each
            if isinstance(whole, Traced):
                yield whole.about
        if self._image is not None and self._image[1].about is not None:
            yield self._image[1].about
        yield from [data.about for data in self._row if type(data) is not bytes and isinstance(data, Traced)]
        for ticket in self.lanes:
            behind = (data.about for data in ticket.behind if isinstance(data, Traced))
            yield from chain((ticket.about,) if ticket.about is not None else (), behind)
