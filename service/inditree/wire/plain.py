"""The short way for what clients send: elements so plain that one look proves them well-formed.

Two parsers would look at a `new*`, one for its start tag and one for all of it, and cost more than everything else on
its way to the driver. What is not matched here goes that way.
"""

from __future__ import annotations

import re

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
_PLAIN = re.compile(
    rb"<(new(?:Number|Switch|Text)Vector|getProperties|enableBLOB|pingRequest|pingReply)"
    rb"((?:%(ws)s++%(name)s%(ws)s*+=%(ws)s*+%(value)s)*+)%(ws)s*+"
    rb"(?:/>|>(?:%(ws)s*+(?:%(child)s))*+%(text)s</\1%(ws)s*+>)"
    % {b"ws": _WS, b"name": _NAME, b"value": _VALUE, b"child": _CHILD, b"text": _TEXT}
)
_ATTRIBUTE = re.compile(rb"(%s)%s*+=%s*+[\"']" % (_NAME, _WS, _WS))


def match(data: bytes, pos: int) -> tuple[str, dict[str, str], int] | None:
    """Tag, attributes and end of the complete plain element at `pos`; None where there is none."""
    found = _PLAIN.match(data, pos)
    if found is None:
        return None
    attributes: dict[str, str] = {}
    text = found[2]
    at = 0
    while named := _ATTRIBUTE.search(text, at):
        start = named.end()
        at = text.index(text[start - 1], start) + 1
        name = named[1].decode("ascii", "replace")
        if name in attributes:
            return None  # the parser says what is wrong with it
        attributes[name] = text[start : at - 1].decode("ascii")
    return found[1].decode("ascii"), attributes, found.end()
