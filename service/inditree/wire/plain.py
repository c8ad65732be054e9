"""The short way for what clients send, and for the tags of images: so plain that one look proves them well-formed.

Two parsers would look at a `new*`, one for its start tag and one for all of it, and cost more than everything else on
its way to the driver. What is not matched here goes that way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from inditree.wire.proof import NAME_LIMIT

_WS = rb"[ \t\r\n]"
# Printable ASCII without what ends the value, `&` and `<`.
_VALUE = rb"(?:\"[ !#-%'-;=-~]*+\"|'[ -%(-;=-~]*+')"
_MEMBER_NAME = _VALUE.replace(b"*+", b"{0,%d}+" % NAME_LIMIT)
_NAME = rb"[A-Za-z_][\w.\-]*+"
# The same without `]`, so that no `]]>` can stand there.
_TEXT = rb"[ -%'-;=-\\^-~\t\r\n]*+"
# One attribute, so that none stands there twice. No groups: CPython 3.11 mixes them up in possessive repeats.
_CHILD = b"|".join(
    rb"<one%(kind)s%(ws)s++name%(ws)s*+=%(ws)s*+%(value)s%(ws)s*+>%(text)s</one%(kind)s%(ws)s*+>"
    % {b"kind": kind, b"ws": _WS, b"value": _MEMBER_NAME, b"text": _TEXT}
    for kind in (b"Number", b"Switch", b"Text")
)
_TAGS = ("newNumberVector", "newSwitchVector", "newTextVector")
_REST = rb"(?:%(ws)s*+(?:%(child)s))*+%(text)s</" % {b"ws": _WS, b"child": _CHILD, b"text": _TEXT}
_PLAIN = re.compile(
    rb"<(%(tags)s|getProperties|enableBLOB|pingRequest|pingReply)((?:%(ws)s++%(name)s%(ws)s*+=%(ws)s*+%(value)s)*+)"
    rb"%(ws)s*+(?:/>|>%(rest)s\1%(ws)s*+>)"
    % {b"tags": "|".join(_TAGS).encode(), b"ws": _WS, b"name": _NAME, b"value": _VALUE, b"rest": _REST}
)
_IMAGE_TAG = re.compile(
    rb"<(setBLOBVector|newBLOBVector|oneBLOB)((?:%(ws)s++%(name)s%(ws)s*+=%(ws)s*+%(value)s)*+)%(ws)s*+>"
    % {b"ws": _WS, b"name": _NAME, b"value": _VALUE}
)
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.\-]*+)[ \t\r\n]*+=[ \t\r\n]*+(?:\"([^\"]*+)\"|'([^']*+)')", re.ASCII)

KNOWN = 32
"""Start tags of one peer's commands that are remembered: who sends more starts over."""

KNOWN_BYTES = 256
"""Bytes of one of them."""

Found = tuple[str, dict[str, str], int]
"""Tag, attributes and end of an element."""

_Match = Callable[[bytes, int], "re.Match[bytes] | None"]


@cache
def _behind(tag: str) -> _Match:
    """Matches what stands behind the start tag of a command, from its `>` on. Compiled for the first command."""
    return re.compile(b">" + _REST + tag.encode() + _WS + b"*+>").match


def image_tag(data: bytes | bytearray, pos: int, stop: int) -> Found | None:
    """Tag, attributes and end of the whole start tag of an image, or of one in it, at `pos`.

    None where it is to be looked at by the parser. It ends before `stop`, and no name in it is too long.
    """
    found = _IMAGE_TAG.match(data, pos, min(stop, pos + NAME_LIMIT))
    if found is None:
        return None
    attributes = _attributes(found[2])
    if attributes is None or "via" in attributes:
        return None
    return found[1].decode("ascii"), attributes, found.end()


def _attributes(text: bytes | bytearray) -> dict[str, str] | None:
    """The attributes of a plain tag; None where one stands there twice: the parser says so."""
    said = _ATTRIBUTE.findall(text.decode("ascii"))
    attributes = {name: double or single for name, double, single in said}
    return attributes if len(attributes) == len(said) else None


class Plain:
    """The plain elements in one peer's stream, and the start tags of its commands: most of them come again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, dict[str, str], _Match]] = {}

    def match(self, data: bytes, pos: int) -> Found | None:
        """Tag, attributes and end of the complete plain element at `pos`; None where there is none."""
        start = data[pos : pos + KNOWN_BYTES].partition(b">")[0]
        known = self._known.get(start)
        if known is not None:
            tag, attributes, behind = known
            found = behind(data, pos + len(start))
            return None if found is None else (tag, attributes.copy(), found.end())
        found = _PLAIN.match(data, pos)
        if found is None:
            return None
        said = _attributes(found[2])
        if said is None:
            return None
        tag = found[1].decode("ascii")
        if tag in _TAGS and pos + len(start) == data.find(b">", found.end(2)) < found.end() - 1:
            self._remember(start, tag, said)
        return tag, said, found.end()

    def _remember(self, start: bytes, tag: str, attributes: dict[str, str]) -> None:
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[start] = tag, attributes.copy(), _behind(tag)
