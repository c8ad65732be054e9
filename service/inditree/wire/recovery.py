"""Recovery after what is no XML: finding where an element ends, or where the next one begins.

A peer's garbage must not swallow what follows it. A whole element that is no XML goes to `mend`.

What begins like an element of INDI (`<setTextVector device="`) is one, wherever it stands: in a value, a body,
a comment.
"""

from __future__ import annotations

import re

from inditree.wire.scans import DOCTYPE, Body, Scan, Until
from inditree.wire.syntax import KNOWN_TAGS, TAG_STOP

_WORD = re.compile(rb"<([A-Za-z]*+)")
_MARKUP = re.compile(rb"<(?:[!/]|(?=[A-Za-z]|\Z))")
_GOES_ON = re.compile(
    rb"[ \t\r\n]{1,16}+(?:\Z|[A-Za-z]{1,16}+(?:\Z|[ \t\r\n]{0,16}+(?:\Z|=[ \t\r\n]{0,16}+(?:\Z|[\"']))))"
)
_TAGS = frozenset(tag.encode() for tag in KNOWN_TAGS)
_BEGUN = frozenset(tag[:length] for tag in _TAGS for length in range(len(tag) + 1))
_NAME = rb"[A-Za-z_:\x80-\xff][\w.:\-\x80-\xff]*+"
_SPACE = rb"[ \t\r\n]"
_IN_QUOTE = {ord(quote): re.compile(b"[<%s]" % quote.encode()) for quote in "'\""}
_BEFORE_QUOTE = re.compile(rb"%(s)s++%(n)s%(s)s*+=%(s)s*+" % {b"s": _SPACE, b"n": _NAME})
_BEFORE_END = re.compile(rb"%s*+/?+" % _SPACE)
_CLOSINGS = {each: re.compile(b"<|" + re.escape(each)) for each in (b"-->", b"]]>", b"?>", b">")}
_TAG_NAME = re.compile(_NAME)
_IMAGE_ENDS = (b"</setBLOBVector", b"</newBLOBVector")
_MEMBER = b"<oneBLOB"
_GT, _LT = 0x3E, 0x3C


class BrokenError(Exception):
    """The bytes that were begun are no element; the next may begin at `at`. `reason` is that of a parse error."""

    def __init__(self, at: int, text: str, reason: str = "malformed") -> None:
        super().__init__(text)
        self.at = at
        self.reason = reason


def opens(data: bytes | bytearray, at: int) -> bool | None:
    """Does an element of INDI begin at this `<`? None: what has come does not say."""
    word = _WORD.match(data, at)
    assert word is not None
    if word.end() == len(data):
        return None if word[1] in _BEGUN else False
    if word[1] not in _TAGS:
        return False
    rest = _GOES_ON.match(data, word.end())
    if rest is None:
        return False
    return True if data[rest.end() - 1] in b"\"'" else None


class LooseTag(Scan):
    """The end of a start tag, from behind its `<` on. Raises BrokenError where it can be none."""

    __slots__ = ("_begin", "_first", "_quote")

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self._begin = at  # of what stands between two quotes
        self._first = True  # which is the name too
        self._quote = 0

    def shift(self, by: int) -> None:
        super().shift(by)
        self._begin -= by

    def find(self, data: bytes | bytearray) -> int:
        """The index after the `>`."""
        while True:
            pattern = _IN_QUOTE[self._quote] if self._quote else TAG_STOP
            found = pattern.search(data, self.at)
            if found is None:
                self.at = len(data)
                return -1
            at, char = found.start(), found[0][0]
            if char == _LT:
                begins = opens(data, at) if self._quote else True
                if begins is None:
                    self.at = at
                    return -1
                if begins:
                    raise BrokenError(at, "a start tag without an end")
            elif self._quote:
                self._quote, self._begin = 0, at + 1
            elif not self._fits(data, at, char):
                raise BrokenError(at, "a start tag that is none")
            elif char == _GT:
                return at + 1
            else:
                self._quote = char
            self.at = at + 1

    def _fits(self, data: bytes | bytearray, at: int, char: int) -> bool:
        """May what stands before this quote or `>` stand there?"""
        begin = self._begin
        if self._first:
            self._first = False
            name = _TAG_NAME.match(data, begin, at)
            if name is None:
                return False
            begin = name.end()
        pattern = _BEFORE_END if char == _GT else _BEFORE_QUOTE
        return pattern.fullmatch(data, begin, at) is not None


class LooseUntil(Until):
    """The end of a comment, CDATA or a declaration. Raises BrokenError where an element begins first."""

    __slots__ = ()

    def find(self, data: bytes | bytearray) -> int:
        """The index after the closing."""
        pattern = _CLOSINGS[self._closing]
        while found := pattern.search(data, self.at):
            at = found.start()
            if found[0] != b"<":
                return found.end()
            begins = True if self._closing in (b"?>", b">") else opens(data, at)
            if begins is None:
                self.at = at
                return -1
            if begins:
                raise BrokenError(at, "a comment or declaration without an end")
            self.at = at + 1
        self.at = max(self.at, len(data) - len(self._closing) + 1)
        return -1


class LooseBody(Body):
    """The end of an element, from behind its start tag on. Raises BrokenError where another one begins first."""

    __slots__ = ()

    until = LooseUntil

    def _next_markup(self, data: bytes | bytearray) -> bool:
        found = _MARKUP.search(data, self.at)
        if found is None:
            self.at = len(data)
            return False
        at = self.at = found.start()
        if found.end() > at + 1 and not data.startswith(DOCTYPE, at):
            known = self._opening(data)
            if known is not None:
                return known
        begins = opens(data, at)
        if begins is None:
            return False
        if begins:
            raise BrokenError(at, "an element without an end")
        self.at += 1
        return True


class Remains:
    """The rest of an image that was broken before its end: text, which is no garbage, up to `left` bytes of it.

    Nothing begins in it but an element of INDI, or a oneBLOB.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0

    def holds(self, size: int) -> bool:
        """Take so many bytes of text for a part of it, unless there is none."""
        self.left -= size
        return self.left + size > 0

    def opens(self, data: bytes, at: int) -> bool:
        """Does an element begin at this `<`? False: what has come does not say. Raises BrokenError where none does."""
        start = data[at : at + len(_IMAGE_ENDS[0])]
        if start in _IMAGE_ENDS:
            self.left = 0
        elif start.startswith(_MEMBER):
            return True
        elif any(each.startswith(start) for each in (_MEMBER, *_IMAGE_ENDS)):
            return False
        elif (begins := opens(data, at)) is not False:
            return begins is True
        raise BrokenError(at + 1, "text")
