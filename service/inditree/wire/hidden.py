"""Finds what could hide a command from us: elements in which another reader may see more than one.

libindi's reader ends comments and CDATA sections at their first `>`, takes `< newSwitchVector` for a start tag, and
begins anew at what it calls a mistake, such as a name that is not ASCII. So it may find a command in the value of
another device, of which a driver that snoops is told. XML allows all of these; what nearly everybody writes is plain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_SPACE = rb"[ \t\r\n]*+"
_ATTRIBUTES = rb"(?:[ \t\r\n]++[A-Za-z_][A-Za-z0-9_.\-]*+%s=%s(?:\"[^\"<]*+\"|'[^'<]*+'))*+%s" % ((_SPACE,) * 3)
_MEMBER = rb"<(?:one|def)[A-Za-z]++%s(?:/>|>[^<]*+</(?:one|def)[A-Za-z]++%s>)" % (_ATTRIBUTES, _SPACE)
_BODY = rb"(?:[^<]*+%s)*+[^<]*+" % _MEMBER
_ELEMENTS = rb"(?:%s<[A-Za-z]++%s(?:/>|>%s</[A-Za-z]++%s>)%s)++" % (_SPACE, _ATTRIBUTES, _BODY, _SPACE, _SPACE)


@cache
def _plain() -> re.Pattern[bytes]:
    """Compiled when somebody comes who may use some devices only."""
    return re.compile(_ELEMENTS)


def hides(elements: bytes) -> bool:
    """Says whether a reader could see more in these well-formed elements than an XML parser does."""
    return _plain().fullmatch(elements) is None


def hides_in_image(chunks: Iterable[bytes | memoryview]) -> bool:
    """Says whether an image that the framer has let through has comments or declarations beside its tags."""
    last = b""
    for chunk in chunks:
        data = last + bytes(chunk)
        if b"<!" in data or b"<?" in data:
            return True
        last = data[-1:]
    return False
