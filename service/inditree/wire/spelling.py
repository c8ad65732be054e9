"""Names in the bytes of who wrote them first.

A driver that writes Latin-1 compares what it is sent byte by byte with what it calls itself: to it the UTF-8 of its own
name is somebody else's. So a name that goes back to it has its own bytes again; values are UTF-8.
"""

from __future__ import annotations

import re

from inditree.wire.elements import Blob, Element, OneBlob

NAMES_LIMIT = 1024
"""Names remembered for one source, of devices, properties and members; they have 256 characters at most."""

_NAMES = re.compile(rb"(\s(?:device|name)\s*+=\s*+)(\"[^\"<]*+\"|'[^'<]*+')")


class Latin:
    """The names that one source writes in Latin-1."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[bytes] = set()

    def learn(self, element: Element) -> None:
        """Take the names of a definition that came as Latin-1."""
        for _, quoted in _NAMES.findall(element.data):
            name = quoted[1:-1]
            if not name.isascii() and len(self._names) < NAMES_LIMIT:
                self._names.add(name)

    def spell(self, data: bytes) -> bytes:
        """An element (UTF-8) as it goes to that source."""
        return _NAMES.sub(self._own, data)

    def spell_blob(self, blob: Blob) -> Blob:
        """An image as it goes to that source; where a name in it is to be spelt, a copy: such images are rare."""
        names = (blob.device, blob.name, *(one.attributes.get("name", "") for one in blob.ones))
        if self._names.isdisjoint(name.encode() for name in names):
            return blob
        data = blob.join()
        start = self.spell(blob.element.data)
        parts, size, at = [start], len(start), len(blob.element.data)
        ones = []
        for one in blob.ones:
            tag = self.spell(data[one.tag_start : one.tag_stop])
            parts += (data[at : one.tag_start], tag)
            size += one.tag_start - at + len(tag)
            at = one.tag_stop
            ones.append(OneBlob(one.attributes, size - len(tag), size))
            ones[-1].payload = one.payload
        parts.append(data[at:])
        element = Element(blob.tag, blob.element.attributes, start)
        return Blob(element, list(parts), size + len(data) - at, ones)

    def _own(self, found: re.Match[bytes]) -> bytes:
        quoted = found[2]
        if quoted[1:-1] not in self._names:
            return found[0]
        return found[1] + quoted.decode().encode("latin-1")
