"""Scanning a BLOB element while it comes in: base64 has no `<`, so the next one starts a tag.

The scanner is used by one thread at a time: the loop, or the reading thread until that image ends.
"""

from __future__ import annotations

from inditree.errors import PeerError
from inditree.wire.elements import Blob, Element, OneBlob
from inditree.wire.syntax import START_TAG_LIMIT, TAG_NAME, parse_start, tag_end


class ImageScanner:
    """Collects one `setBLOBVector` or `newBLOBVector`, chunk by chunk, never copying its data."""

    def __init__(self, element: Element, limit: int) -> None:
        """`element`: its start tag alone; `limit`: bytes of the whole element."""
        self.element = element
        self.chunks: list[bytes | memoryview] = [element.data]
        self.size = len(element.data)
        self.ones: list[OneBlob] = []
        self.began = 0.0
        self._limit = limit
        self._tag = bytearray()
        self._quote = 0
        self._one: OneBlob | None = None

    def feed(self, buffer: bytes | bytearray, start: int, stop: int) -> int:
        """Scan `buffer[start:stop]`, keep it as a chunk up to the element's end.

        Returns the index after the element, or -1 when it goes on in the next buffer. Raises PeerError.
        """
        pos = start
        while True:
            if not self._tag:
                opening = buffer.find(b"<", pos, stop)
                if self._one is not None:
                    self._one.payload += (stop if opening < 0 else opening) - pos
                if opening < 0:
                    break
                pos = opening
            end, self._quote = tag_end(buffer, pos + (not self._tag), stop, self._quote)
            self._tag += buffer[pos : stop if end < 0 else end]
            if len(self._tag) > START_TAG_LIMIT:
                raise PeerError("too_large", f"tag in a BLOB is over {START_TAG_LIMIT} bytes")
            if end < 0:
                break
            pos = end
            if self._finish_tag(self.size + pos - start):
                self._keep(buffer, start, pos)
                return pos
        self._keep(buffer, start, stop)
        return -1

    def _finish_tag(self, offset: int) -> bool:
        """Act on the complete tag in `_tag`, which ends at `offset` of the element; True: it ends the element."""
        tag = bytes(self._tag)
        self._tag.clear()
        named = TAG_NAME.match(tag)
        if named is None:
            raise PeerError("malformed", f"in a BLOB: {tag[:40]!r}")
        name = named[1].decode()
        if not tag.startswith(b"</"):
            if name != "oneBLOB" or self._one is not None:
                raise PeerError("malformed", f"<{name}> inside {self.element.tag}")
            one = OneBlob(parse_start(tag)[1], offset - len(tag), offset)
            self.ones.append(one)
            self._one = None if tag.endswith(b"/>") else one
            return False
        if self._one is not None and name == "oneBLOB":
            self._one = None
            return False
        if self._one is None and name == self.element.tag:
            return True
        raise PeerError("malformed", f"</{name}> inside {self.element.tag}")

    def _keep(self, buffer: bytes | bytearray, start: int, stop: int) -> None:
        self.size += stop - start
        if self.size > self._limit:
            raise PeerError(
                "too_large", f"BLOB of {self.element.device}.{self.element.name} is over {self._limit} bytes"
            )
        if stop > start:
            self.chunks.append(buffer[start:stop] if isinstance(buffer, bytes) else memoryview(buffer)[start:stop])

    def finished(self) -> Blob | Element:
        """The complete element: a Blob, or an Element where it has no oneBLOB (a change of state, not an image)."""
        if not self.ones:
            return Element(self.element.tag, self.element.attributes, b"".join(self.chunks) + b"\n")
        self.chunks.append(b"\n")
        blob = Blob(self.element, self.chunks, self.size + 1, self.ones)
        blob.began = self.began
        return blob
