"""Tells INDI from HTTP by the first bytes of a client.

Whoever finds a web page's request and reads on would find INDI in its body: any page could then move the telescope.
"""

from __future__ import annotations

import re
from enum import Enum

SPACE = b" \t\r\n"

LINE_LIMIT = 4096
"""Bytes without a line's end after which text is no longer taken for the beginning of a request."""

_METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI")
_METHOD = re.compile(rb"(?:%s)[ \t]" % b"|".join(_METHODS), re.IGNORECASE)
_LONGEST = max(map(len, _METHODS))
_LINE_END = re.compile(rb"[\r\n<]")
_ANY_REQUEST = re.compile(rb"[^ \t]++[ \t].*[ \t]HTTP/\d", re.IGNORECASE | re.DOTALL)


class First(Enum):
    """The kind of a stream, by its first bytes. MORE: that cannot be said yet."""

    MORE = "more"
    INDI = "indi"
    HTTP = "http"
    TEXT = "text"


def look(data: bytes, *, whole_line: bool) -> First:
    """The kind of the stream that begins with `data`, behind its white space.

    `whole_line`: text is not refused, so wait for the end of its line before it is called TEXT: requests with a method
    that nobody knows end in `HTTP/1.1`.
    """
    if not data:
        return First.MORE
    if data[:1] == b"<":
        return First.INDI
    if _METHOD.match(data):
        return First.HTTP
    if whole_line:
        end = _LINE_END.search(data, 0, LINE_LIMIT)
        if end is None and len(data) < LINE_LIMIT:
            return First.MORE
        return First.HTTP if _ANY_REQUEST.match(data, 0, end.start() if end else LINE_LIMIT) else First.TEXT
    begun = data[: _LONGEST + 1].upper()
    return First.MORE if any(method.startswith(begun) for method in _METHODS) else First.TEXT
