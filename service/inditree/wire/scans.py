"""Looking for the end of something that may come in many pieces, each byte once.

A scan remembers in `at` how far it has looked: `find` goes on from there in the same bytes, grown at their end.
"""

from __future__ import annotations

import re

from inditree.errors import PeerError
from inditree.wire.syntax import tag_end

_MARKUP = re.compile(rb"<[!/]")
_SPACE = re.compile(rb"[ \t\r\n]*+")
DOCTYPE = b"<!DOCTYPE"
_OPENINGS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (DOCTYPE, b""))
_GT = 0x3E


class Scan:
    """Looks for an end. Raises PeerError from `find` where there can be none."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at

    def find(self, data: bytes | bytearray) -> int:
        """The index after the end, or -1 while it has not come."""
        return len(data)

    def shift(self, by: int) -> None:
        """Notes that so many bytes in front have gone."""
        self.at -= by


class StartTag(Scan):
    """The end of a start tag, from behind its `<` on."""

    __slots__ = ("_quote",)

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self._quote = 0

    def find(self, data: bytes | bytearray) -> int:
        """The index after the `>`."""
        end, self._quote = tag_end(data, self.at, len(data), self._quote)
        self.at = len(data)
        return end


class Until(Scan):
    """The end of a comment or a declaration, from behind its opening on."""

    __slots__ = ("_closing",)

    def __init__(self, at: int, closing: bytes) -> None:
        super().__init__(at)
        self._closing = closing

    def find(self, data: bytes | bytearray) -> int:
        """The index after the closing."""
        found = data.find(self._closing, self.at)
        if found < 0:
            self.at = max(self.at, len(data) - len(self._closing) + 1)
            return -1
        return found + len(self._closing)


class Body(Scan):
    """The end of an element, from behind its start tag on. What looks like it in a comment or in CDATA is not it."""

    __slots__ = ("_close", "_closing")

    until: type[Until] = Until

    def __init__(self, at: int, name: bytes) -> None:
        super().__init__(at)
        self._close = b"</" + name
        self._closing = b""  # what ends the comment or CDATA in which `at` stands, or (`>`) our own end tag

    def find(self, data: bytes | bytearray) -> int:
        """The index after the end tag."""
        while True:
            if self._closing == b">":
                self.at = _SPACE.match(data, self.at).end()  # type: ignore[union-attr]
                if self.at == len(data):
                    return -1
                if data[self.at] == _GT:
                    return self.at + 1
                self._closing = b""  # a longer name
            elif self._closing:
                inside = self.until(self.at, self._closing)
                end = inside.find(data)
                self.at = max(end, inside.at)
                if end < 0:
                    return -1
                self._closing = b""
            elif not self._next_markup(data):
                return -1

    def _next_markup(self, data: bytes | bytearray) -> bool:
        """Go behind the opening of the next end tag, comment or CDATA. False: it has not come."""
        found = _MARKUP.search(data, self.at)
        if found is None:
            self.at = max(self.at, len(data) - data.endswith(b"<"))
            return False
        self.at = found.start()
        known = self._opening(data)
        if known is not None:
            return known
        if data.startswith(b"<!", self.at):
            raise PeerError("malformed", f"in an element: {bytes(data[self.at : self.at + 40])!r}")
        self.at += 2
        return True

    def _opening(self, data: bytes | bytearray) -> bool | None:
        """Go behind what opens at `at`: our end tag, a comment, CDATA. False: not all has come; None: none does."""
        for opening, closing in ((self._close, b">"), *_OPENINGS):
            if data.startswith(opening, self.at):
                if opening is DOCTYPE:
                    raise PeerError("doctype", "a DOCTYPE in an element")
                self.at += len(opening)
                self._closing = closing
                return True
            if len(data) - self.at < len(opening) and opening.startswith(bytes(data[self.at :])):
                return False
        return None
