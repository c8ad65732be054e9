"""Repairing what drivers write and is no XML. Rules: docs/wire.md, "Repair".

indiserver parses and writes anew, so the field's drivers never had to be careful. What this returns is checked by
`proof` again: here nothing has to be proven.
"""

from __future__ import annotations

import re

from inditree.wire.syntax import NOT_XML

AMPERSAND, LESS, CONTROL, DUPLICATE, ENCODING = "ampersand", "less", "control", "duplicate_attribute", "encoding"
REASONS = (AMPERSAND, CONTROL, DUPLICATE, ENCODING, LESS)

_LATIN = {0xDC80 + byte: 0x80 + byte for byte in range(0x80)}
"""Maps what `surrogateescape` makes of a byte that is no UTF-8 to that byte's character in Latin-1."""
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_TAG = re.compile(r"<([^\s/>=\"'<]++)")
_ATTRIBUTE = re.compile(r"(\s++)([^\s/>=\"'<]++)(\s*+=\s*+)(\"[^\"]*+\"|'[^']*+')")
_TAG_END = re.compile(r"\s*+/?+>")
_CHILD = re.compile(r"<(?:one|def)[A-Z]")
_END = re.compile(r"\s*+>")
_SPECIALS = (("<!--", "-->"), ("<![CDATA[", "]]>"))
_NO_VECTORS = frozenset({"message", "delProperty", "getProperties", "enableBLOB", "pingRequest", "pingReply"})


class _HopelessError(Exception):
    """The element cannot be repaired."""


def to_utf8(data: bytes) -> tuple[bytes, bool]:
    """The bytes as UTF-8; True where they were not: what belongs to no character in UTF-8 is taken for Latin-1.

    Programs mix both in one element: KStars sends a device's name as it was told, and what a person typed in Latin-1.
    """
    if data.isascii():
        return data, False
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="surrogateescape").translate(_LATIN).encode(), True
    return data, False


def mend(element: bytes) -> tuple[bytes, set[str]] | None:
    """A whole element (UTF-8) repaired, and what was wrong; None where it cannot be."""
    work = _Mending(element.decode())
    try:
        return work.element().encode(), work.reasons
    except _HopelessError:
        return None


def mend_tag(tag: bytes) -> tuple[bytes, set[str]] | None:
    """Mend a start tag alone."""
    work = _Mending(tag.decode())
    try:
        text, _, end = work.tag(0)
    except _HopelessError:
        return None
    return None if end != len(work.text) else (text.encode(), work.reasons)


class _Mending:
    """One element; `reasons` grows as it is read. Each part is read once, from left to right."""

    def __init__(self, text: str) -> None:
        self.reasons: set[str] = set()
        self._closings: dict[str, int] = {}  # where the next of each was found
        self.text = self._replaced(NOT_XML, "?", text, CONTROL)

    def _replaced(self, pattern: re.Pattern[str], by: str, text: str, reason: str) -> str:
        text, number = pattern.subn(by, text)
        if number:
            self.reasons.add(reason)
        return text

    def element(self) -> str:
        start, name, at = self.tag(0)
        if start.endswith("/>"):
            return start
        end = self.text.rfind("</")
        if end < at:
            raise _HopelessError
        body = self._members(at, end) if name.endswith("Vector") else self._plain_body(name, at, end)
        return start + body + self.text[end:]

    def tag(self, at: int) -> tuple[str, str, int]:
        """The start tag at `at` repaired, its name, and where it ends."""
        opening = _TAG.match(self.text, at)
        if opening is None:
            raise _HopelessError
        parts, seen = [opening[0]], set()
        at = opening.end()
        while found := _ATTRIBUTE.match(self.text, at):
            at = found.end()
            if found[2] in seen:
                self.reasons.add(DUPLICATE)
                continue
            seen.add(found[2])
            parts += (found[1], found[2], found[3], self._value(found[4]))
        ending = _TAG_END.match(self.text, at)
        if ending is None:
            raise _HopelessError
        return "".join(parts) + ending[0], opening[1], ending.end()

    def _value(self, text: str) -> str:
        text = self._references(text)
        if "<" in text:
            self.reasons.add(LESS)
            text = text.replace("<", "&lt;")
        return text

    def _references(self, text: str) -> str:
        if "&" not in text:
            return text
        text = self._replaced(_BARE, "&amp;", text, AMPERSAND)

        def allowed(found: re.Match[str]) -> str:
            code = int(found[1], 16) if found[1] else int(found[2])
            if code <= 0x10FFFF and not NOT_XML.match(chr(code)):
                return found[0]
            self.reasons.add(CONTROL)
            return "?"

        return _REFERENCE.sub(allowed, text)

    def _text(self, at: int, stop: int) -> str:
        """Text between tags; comments and CDATA in it stay as they are."""
        parts: list[str] = []
        begin = at
        while (found := self.text.find("<!", at, stop)) >= 0:
            at = self._special(found, stop)
            if at < 0:
                at = found + 2
                continue
            parts += (self._plain(self.text[begin:found]), self.text[found:at])
            begin = at
        return "".join(parts) + self._plain(self.text[begin:stop])

    def _plain(self, text: str) -> str:
        text = self._value(text)
        if "]]>" in text:
            self.reasons.add(LESS)
            text = text.replace("]]>", "]]&gt;")
        return text

    def _special(self, at: int, stop: int) -> int:
        """Finds where the comment or CDATA at `at` ends; -1: none begins there."""
        for opening, closing in _SPECIALS:
            if self.text.startswith(opening, at):
                inside = at + len(opening)
                known = self._closings.get(closing, 0)
                if 0 <= known < inside:  # looked for once, however many openings there are
                    known = self._closings[closing] = self.text.find(closing, inside)
                return known + len(closing) if 0 <= known <= stop - len(closing) else -1
        return -1

    def _plain_body(self, name: str, at: int, stop: int) -> str:
        if name not in _NO_VECTORS:
            raise _HopelessError
        return self._text(at, stop)

    def _members(self, at: int, stop: int) -> str:
        """The members of a vector, which is everything from `at` to `stop`."""
        parts = []
        while (opening := self._next(at, stop)) < stop:
            parts.append(self._text(at, opening))
            start, name, at = self.tag(opening)
            parts.append(start)
            if start.endswith("/>"):
                continue
            end, behind = self._end_of(name, at, stop)
            if _CHILD.search(self.text, at, end):
                raise _HopelessError
            parts += (self._text(at, end), self.text[end:behind])
            at = behind
        return "".join(parts) + self._text(at, stop)

    def _end_of(self, name: str, at: int, stop: int) -> tuple[int, int]:
        """Finds where the end tag of a member begins and ends."""
        close = f"</{name}"
        while (at := self.text.find(close, at, stop)) >= 0:
            end = _END.match(self.text, at + len(close), stop)
            if end is not None:
                return at, end.end()
            at += len(close)
        raise _HopelessError

    def _next(self, at: int, stop: int) -> int:
        """Finds where the next member begins; raises where another tag comes first."""
        while (found := self.text.find("<", at, stop)) >= 0:
            at = self._special(found, stop)
            if at < 0:
                if _CHILD.match(self.text, found):
                    return found
                raise _HopelessError
        return stop
