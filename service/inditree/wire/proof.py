"""Is this XML? One look of expat at a whole element says so, and what its start tag says.

No element that fails here is ever passed on. A strict reader is the measure: UTF-8, and prefixes that are declared.
"""

from __future__ import annotations

from xml.parsers import expat

from inditree.errors import PeerError
from inditree.wire.syntax import DEPTH_LIMIT

NAME_LIMIT = 256
"""Characters of a device's, a property's or a member's name, of a `uid` and of an ID in a `via`; libindi has 63."""

VIA_LIMIT = 64
"""IDs of routers in one path."""

MEMBERS_LIMIT = 4096
"""Members of one property: what is made of them, for pages and newcomers, takes ten microseconds each."""

_NAMES = ("device", "name", "uid")


class NotXmlError(Exception):
    """The element is not well-formed; `at` is the byte at which that shows."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(text)
        self.at = at


class TooManyError(PeerError):
    """The element has more members than a property may have."""

    def __init__(self) -> None:
        super().__init__("too_large", f"over {MEMBERS_LIMIT} members")


def look(element: bytes) -> tuple[str, dict[str, str]]:
    """Tag and attributes of a whole element.

    Raises NotXmlError, and PeerError (`too_large`) for a name too long, TooManyError for members too many.
    """
    parser = expat.ParserCreate("utf-8")
    found: list[tuple[str, dict[str, str]]] = []
    depth = members = 0
    prefixed = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, members, prefixed
        depth += 1
        members += 1
        if depth == 1:
            found.append((tag, attributes))
        elif members > 1 + MEMBERS_LIMIT:
            raise TooManyError
        elif depth > DEPTH_LIMIT:
            raise NotXmlError(f"nested deeper than {DEPTH_LIMIT}", parser.CurrentByteIndex)
        elif len(attributes.get("name", "")) > NAME_LIMIT:
            raise PeerError("too_large", f"the name of a member is over {NAME_LIMIT} characters")
        if ":" in tag or any(":" in name for name in attributes):
            prefixed = True

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(element, True)
        if prefixed:
            expat.ParserCreate("utf-8", " ").Parse(element, True)
    except expat.ExpatError as error:
        raise NotXmlError(expat.ErrorString(error.code), parser.ErrorByteIndex) from None
    tag, attributes = found[0]
    check_names(attributes)
    return tag, attributes


def look_at_tag(tag: bytes) -> tuple[str, dict[str, str]]:
    """Prove a start tag alone (`<tag a="b">` or `<tag a="b"/>`)."""
    return look(tag if tag.endswith(b"/>") else tag[:-1] + b"/>")


def check_names(attributes: dict[str, str]) -> None:
    """The one door for names: raises PeerError (`too_large`) where one is too long to be kept."""
    for each in _NAMES:
        if len(attributes.get(each, "")) > NAME_LIMIT:
            raise PeerError("too_large", f"{each!r} is over {NAME_LIMIT} characters")
    via = attributes.get("via", "")
    if via.count(",") >= VIA_LIMIT:
        raise PeerError("too_large", f"'via' has over {VIA_LIMIT} IDs")
    if len(via) > NAME_LIMIT and max(map(len, via.split(","))) > NAME_LIMIT:
        raise PeerError("too_large", f"an ID in 'via' is over {NAME_LIMIT} characters")
