"""The outbox of a web client: elements become frames as they are put in.

A page that does not keep up gets the newest state of each property instead of a backlog: past BEHIND bytes only what
has changed is remembered, and made a message of when it has room. So does one that asks for more than FIRST bytes of
definitions that were not made yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from inditree.envelope import split
from inditree.flow.outbox import Outbox
from inditree.flow.ticket import Lost
from inditree.web import frames
from inditree.web.json_messages import JsonMessage, JsonMessages, Key
from inditree.wire.elements import Attached, Blob

BEHIND = 256 << 10
"""Bytes that wait for a client from which on it is told what is newest only."""

FIRST = 32 << 10
"""The same of definitions that nobody here has had yet: to make all of 8 000 devices at once takes a second."""

REFILL = 16 << 10
"""Bytes of messages that are made at once for a client that has caught up."""

MOST = 1 << 17
"""Properties and devices of which a client that is behind is still to be told: others come and go without end."""

MESSAGES = 100
"""Messages of devices that are remembered for a client that is behind, the newest ones."""


class JsonOutbox(Outbox):
    """The outbox of a client that speaks JSON. `image` is told of each image, and gives the frames sent for it."""

    __slots__ = ("_json", "_messages", "_on_image", "_stale")

    def __init__(
        self, limit: int, now: Callable[[], float], messages: JsonMessages, image: Callable[[Blob], bytes]
    ) -> None:
        super().__init__(limit, now)
        self._json = messages
        self._on_image = image
        self._stale: dict[Key, str] = {}  # what is to be told: set, def, delete, or delete+def
        self._messages: deque[bytes] = deque(maxlen=MESSAGES)

    def put(self, data: bytes) -> bool:
        if self.behind or self.waiting > FIRST:
            key = self._json.unmade(data)
            if key is not None:
                self._define(key)
                return len(self._stale) <= MOST
        if self.behind or self.waiting > BEHIND:
            for told in self._json.say(data):
                self._remember(told)
            return len(self._stale) <= MOST
        joined = self._json.joined(data)
        return super().put(joined) if joined else True

    def put_urgent(self, data: bytes) -> bool:
        return self.put(data)

    def put_frame(self, frame: bytes) -> bool:
        """Offer what is no element: a status."""
        return super().put(frame)

    def put_blob(
        self, blob: Blob, about: object = None, attached: Attached | None = None, *, unheld: bool = False
    ) -> list[Lost]:
        joined = self._on_image(blob)
        if self.behind or self.waiting > BEHIND:
            self._stale.setdefault((blob.device, blob.name), "set")
        elif joined:
            super().put(joined)
        return []

    @property
    def behind(self) -> bool:
        """Does it not keep up?"""
        return bool(self._stale or self._messages)

    def _remember(self, told: JsonMessage) -> None:
        if told.kind == "message":
            self._messages.append(told.frame)
        elif told.kind == "delete":
            self._stale.pop(told.key, None)
            self._stale[told.key] = "delete"  # of what is said of a device that is gone nothing is left to be made
        elif told.kind == "def":
            self._define(told.key)
        else:
            self._stale.setdefault(told.key, "set")

    def _define(self, key: Key) -> None:
        before = self._stale.pop(key, "")
        self._stale[key] = "delete+def" if before.startswith("delete") else "def"

    # What is written

    @property
    def empty(self) -> bool:
        return super().empty and not self.behind

    def next_write(self) -> list[memoryview | bytes]:
        if self.behind and super().empty:
            self._catch_up()
        return super().next_write()

    def _catch_up(self) -> None:
        made: list[bytes] = []
        size = 0
        while self._stale and size < REFILL:
            key = next(iter(self._stale))
            made.append(self._state_of(key, self._stale.pop(key)))
            size += len(made[-1])
        if not self._stale:
            made += self._messages
            self._messages.clear()
        super().put(b"".join(made))

    def _state_of(self, key: Key, what: str) -> bytes:
        gone = self._json.gone(key) if what.startswith("delete") else b""
        return gone + (b"" if what == "delete" else self._json.now(key, defined=what.endswith("def")))

    def clear(self) -> None:
        super().clear()
        self._stale.clear()
        self._messages.clear()


class XmlOutbox(Outbox):
    """The outbox of a client that speaks XML: one element a text message.

    Past FIRST bytes elements become messages as they are written, in their order, but an image waits behind none that
    is not made: `_later` is empty while one waits.
    """

    __slots__ = ("_later",)

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        super().__init__(limit, now)
        self._later: deque[bytes] = deque()

    def put(self, data: bytes) -> bool:
        if self._later or (self.control > FIRST and not self.lanes.count):
            self._later.append(data)
            self.control += len(data)
            return self.control <= self.limit
        return super().put(_messages(data))

    def put_urgent(self, data: bytes) -> bool:
        return super().put_urgent(frames.text(data))

    def put_frame(self, frame: bytes) -> bool:
        """Offer what is no element."""
        return self.put(_Made(frame)) if self._later else super().put(frame)

    def put_behind(self, device: str, data: bytes) -> bool:
        if device not in self.lanes:
            return self.put(data)
        return super().put_behind(device, _messages(data))

    def put_blob(
        self, blob: Blob, about: object = None, attached: Attached | None = None, *, unheld: bool = False
    ) -> list[Lost]:
        while self._later:
            self._make_some()
        return super().put_blob(_Framed(blob), about, unheld=unheld)

    # What is written

    @property
    def empty(self) -> bool:
        return super().empty and not self._later

    def next_write(self) -> list[memoryview | bytes]:
        if self._later and super().empty:
            self._make_some()
        return super().next_write()

    def _make_some(self) -> None:
        made: list[bytes] = []
        size = 0
        while self._later and size < REFILL:
            data = self._later.popleft()
            self.control -= len(data)
            size += len(data)
            made.append(data if type(data) is _Made else _messages(data))
        super().put(b"".join(made))

    def clear(self) -> None:
        super().clear()
        self._later.clear()


class _Made(bytes):
    """A frame that is made already."""

    __slots__ = ()


def _messages(data: bytes) -> bytes:
    """Give the text messages of the elements in `data`."""
    return b"".join([frames.text(each) for each in split(data)])


class _Framed(Blob):
    """An image as a text message, whose buffers are those of the image: it is held as long as this one is."""

    __slots__ = ("_whole",)

    def __init__(self, whole: Blob) -> None:
        head = frames.head(frames.TEXT, whole.size)
        super().__init__(whole.element, [head, *whole.chunks], whole.size + len(head), whole.ones)
        self.began = whole.began
        self._whole = whole

    def retain(self) -> None:
        if self.refs == 0:
            self._whole.retain()
        super().retain()

    def release(self) -> None:
        super().release()
        if self.refs == 0:
            self._whole.release()
