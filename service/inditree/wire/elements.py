"""The items that the framer gives out: runs of control elements, single elements, and BLOBs."""

from __future__ import annotations

from collections.abc import MutableSequence

from inditree.wire.syntax import start_end

_GT = 0x3E

Key = tuple[str, str, bool]
"""A device, its property, and whether these are frames of a stream: libindi's go through the property of exposures."""


class Head:
    """A start tag as far as it decides about routing, the same object for the same tag, device and name.

    `group` belongs to whoever routes: the framer only joins neighbours whose group is the same
    object. The rest is where the framer found the elements with this head in the last run.
    """

    __slots__ = ("count", "device", "end", "first", "group", "last", "name", "run", "tag")

    def __init__(self, tag: str, device: str, name: str) -> None:
        self.tag = tag
        self.device = device
        self.name = name
        self.group: object | None = None
        self.run = 0
        self.first = self.last = self.end = self.count = 0


def alone(head: Head) -> object:
    """Route each head by itself: a framer then joins the updates of one property only."""
    return head


class Run:
    """Neighbouring `set*` elements that go the same way: `data` is all of them, each ended by a newline.

    `heads` are those that occur; each `first`, `last` and `end` are offsets of its elements in `data`, valid
    until the next pull from the same framer.
    """

    __slots__ = ("data", "group", "heads")

    def __init__(self, data: bytes, group: object, heads: list[Head]) -> None:
        self.data = data
        self.group = group
        self.heads = heads


class Element:
    """One complete control element: `data` are its bytes, in UTF-8, and one newline after it.

    `latin`: the bytes as they came, where these were no UTF-8.
    """

    __slots__ = ("attributes", "data", "device", "latin", "name", "tag")

    def __init__(self, tag: str, attributes: dict[str, str], data: bytes, latin: bytes = b"") -> None:
        self.latin = latin
        self.tag = tag
        self.attributes = attributes
        self.device = attributes.get("device")
        self.name = attributes.get("name")
        self.data = data

    @property
    def text(self) -> str:
        """The text between the tags of an element without children, white space around it taken off."""
        start = start_end(self.data)
        if self.data[start] != _GT:
            return ""
        return self.data[start + 1 : self.data.find(b"<", start)].strip().decode("utf-8", "replace")


class OneBlob:
    """One `oneBLOB` of a BLOB: its attributes, and where its start tag stands in the element."""

    __slots__ = ("attached", "attributes", "payload", "tag_start", "tag_stop")

    def __init__(self, attributes: dict[str, str], tag_start: int, tag_stop: int) -> None:
        self.attributes = attributes
        self.attached = attributes.get("attached", "").lower() == "true"
        self.tag_start = tag_start
        self.tag_stop = tag_stop
        self.payload = 0


class Attached:
    """A BLOB as a peer that takes descriptors gets it: `data`, the element with attached='true', and beside its
    first byte `fds`, one for each attached oneBLOB in their order. `size` is how many bytes of image they hold.
    """

    __slots__ = ("data", "fds", "size")

    def __init__(self, data: bytes, fds: tuple[int, ...], size: int) -> None:
        self.data = data
        self.fds = fds
        self.size = size


class Blob:
    """A `setBLOBVector` or `newBLOBVector` with data: the list of chunks in which it was received.

    `size` is all bytes of the element, newline included; `payload` what stands between its oneBLOB tags.
    `attached` is its other form; where only that is wanted, `chunks` is empty and `size` counts the images as they are.
    `refs` counts who still holds it; at zero it is laid on the queue `freed`. `buffers` are recycled ones that `chunks`
    look into: they and the descriptors are given back then.
    `began` is when its first byte came (seconds of the runtime's clock).
    """

    __slots__ = (
        "attached",
        "began",
        "buffers",
        "chunks",
        "device",
        "element",
        "freed",
        "key",
        "name",
        "ones",
        "payload",
        "refs",
        "size",
        "tag",
    )

    def __init__(self, element: Element, chunks: list[bytes | memoryview], size: int, ones: list[OneBlob]) -> None:
        self.element = element
        self.tag = element.tag
        self.device = element.device or ""
        self.name = element.name or ""
        self.chunks = chunks
        self.size = size
        self.ones = ones
        self.payload = sum(one.payload for one in ones)
        self.key: Key = self.device, self.name, any("stream" in one.attributes.get("format", "") for one in ones)
        self.attached: Attached | None = None
        self.refs = 0
        self.began = 0.0
        self.buffers: list[bytearray] = []
        self.freed: MutableSequence[Blob] | None = None

    def retain(self) -> None:
        """Count one more holder."""
        self.refs += 1

    def release(self) -> None:
        """Count one holder less; the last one appends the image to `freed`."""
        self.refs -= 1
        if self.refs == 0 and self.freed is not None:
            self.freed.append(self)

    def join(self) -> bytes:
        """Gives all bytes of the element, copied together."""
        return b"".join(self.chunks)
