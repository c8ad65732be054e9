"""Requests that go round: plain servers repeat each `new*` to all their clients, and nothing in it says where it was.

Rules: docs/plain-servers.md, "Several links to one plain server".
"""

from __future__ import annotations

import hashlib
import re
from collections import deque

ROUNDS = 20
"""Equal requests from links within a second that are none too many: a joystick sends ten."""

SECOND = 1.0
"""Seconds within which these are counted."""

CUT_OFF = 10.0
"""Seconds for which a request that goes round is dropped: long enough for all its copies to die out."""

REMEMBERED = 1024
"""Requests that are looked at; the one that was seen least lately goes first."""

_MEMBER = re.compile(rb"<one\w++[^<>]*?\bname\s*+=\s*+(\"[^\"]*+\"|'[^']*+')[^<>]*+>([^<]*+)")
"""A member and its text. It stops at `<`, as a comment may have thousands that look like the beginning of one."""


def key_of(device: str, name: str, data: bytes) -> bytes:
    """Return a key that is equal for equal values of a property, however the element is written."""
    digest = hashlib.blake2b(f"{device}\0{name}".encode(), digest_size=16)
    for member, text in _MEMBER.findall(data):
        digest.update(b"\0%s=%s" % (member[1:-1], text.strip()))
    return digest.digest()


class Circulation:
    """Counts equal requests that links bring."""

    __slots__ = ("_cut", "_seen")

    def __init__(self) -> None:
        self._seen: dict[bytes, deque[float]] = {}
        self._cut: dict[bytes, float] = {}  # what is cut off, until when

    @property
    def size(self) -> int:
        """Counts the requests that are remembered."""
        return len(self._seen) + len(self._cut)

    def passes(self, key: bytes, now: float) -> bool:
        """Is this request to be sent on? False: it goes round."""
        until = self._cut.get(key)
        if until is not None:
            if now < until:
                return False
            del self._cut[key]
        seen = self._seen.pop(key, None)
        if seen is None:
            seen = deque(maxlen=ROUNDS)
        if len(seen) == ROUNDS and now - seen[0] < SECOND:
            self._bound(self._cut)
            self._cut[key] = now + CUT_OFF
            return False
        seen.append(now)
        self._bound(self._seen)
        self._seen[key] = seen
        return True

    def _bound(self, table: dict[bytes, float] | dict[bytes, deque[float]]) -> None:
        if len(table) >= REMEMBERED // 2:
            del table[next(iter(table))]
