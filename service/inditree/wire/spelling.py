"""Names in the bytes of who wrote them first.

A driver that writes Latin-1 compares what it is sent byte by byte with what it calls itself: to it the UTF-8 of its own
name is somebody else's. So a name that goes back to it has its own bytes again; values are UTF-8.
"""

from __future__ import annotations

import re

from inditree.wire.elements import Blob, Element, OneBlob
from inditree.wire.mend import to_utf8

NAMES_LIMIT = 1024
"""Names remembered for one source, of devices, properties and members; they have 256 characters at most."""

_NAMES = re.compile(rb"(\s(?:device|name)\s*+=\s*+)(\"[^\"<]*+\"|'[^'<]*+')")


class Latin:
    """The names that one source writes in bytes that are no UTF-8."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}  # as they are here: as they came

    def learn(self, element: Element) -> None:
        """Take the names of a definition that came so; those in it that are UTF-8 stay as they are."""
        for _, quoted in _NAMES.findall(element.latin):
            name, is_latin = to_utf8(quoted[1:-1])
            if is_latin and len(self._names) < NAMES_LIMIT:
                self._names[name] = quoted[1:-1]

    def spell(self, data: bytes) -> bytes:
        """An element (UTF-8) as it goes to that source."""
        return _NAMES.sub(self._own, data)

    def spell_blob(self, blob: Blob) -> Blob:
        """An image as it goes to that source; where a name in it is to be spelt, a copy: such images are rare."""
        names = (blob.device, blob.name, *(one.attributes.get("name", "") for one in blob.ones))
        if self._names.keys().isdisjoint(name.encode() for name in names):
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
        own = self._names.get(quoted[1:-1])
        return found[0] if own is None else found[1] + quoted[:1] + own + quoted[-1:]
