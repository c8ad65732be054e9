"""Values that are not kept: those of members whose name has one of a few words between underscores. Pure."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

WORDS = frozenset({"PASSWORD", "TOKEN", "SECRET", "KEY"})

# A letter that is seldom, which is looked for first (twenty times as quick), and the part of a word around it.
_SIGNS = tuple(
    (letter, re.compile(sign))
    for letter, sign in (
        (b"K", rb"K[Ee][YyNn]"),
        (b"k", rb"k[Ee][YyNn]"),
        (b"W", rb"W(?<=[Ss][Ss]W)[Oo]"),
        (b"w", rb"w(?<=[Ss][Ss]w)[Oo]"),
        (b"C", rb"C[Rr][Ee][Tt]"),
        (b"c", rb"c[Rr][Ee][Tt]"),
    )
)
_ATTRIBUTES = rb"(?:\s++[^\s=<>/\"']++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))*+\s*+"
_MEMBER = re.compile(rb"(<(?:one|def)\w++(%s)>)([^<]*+)(</(?:one|def))?" % _ATTRIBUTES)
_NAME = re.compile(rb"\s++([^\s=<>/\"']++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")


def suspicious(data: bytes) -> bool:
    """Says whether a secret may be in these elements; a quick look, as all that is recorded is looked at."""
    return any(letter in data and sign.search(data) for letter, sign in _SIGNS) or (b"&" in data and b"&#" in data)


def without_secrets(data: bytes) -> bytes:
    """Well-formed elements without the values of members that are called `..._PASSWORD`, `API_KEY_...` and the like."""
    if not suspicious(data):
        return data
    plain = True

    def emptied(match: re.Match[bytes]) -> bytes:
        nonlocal plain
        if not named_secret(match[2]):
            return match[0]
        plain = plain and match[4] is not None
        return match[1] + (match[4] or b"")

    found = _MEMBER.sub(emptied, data)
    return found if plain else _parsed(data)


def named_secret(attributes: bytes) -> bool:
    """Says whether a member with these attributes, as they stand in its start tag, has a secret's name."""
    name = next((each[2] or each[3] or b"" for each in _NAME.finditer(attributes) if each[1] == b"name"), b"")
    return _secret(html.unescape(name.decode(errors="replace")))


def _secret(name: str) -> bool:
    return not WORDS.isdisjoint(name.upper().split("_"))


def _parsed(data: bytes) -> bytes:
    """Read the elements and write them anew: with comments, CDATA or nesting only a parser sees what is a value."""
    root = ET.fromstring(b"<all>" + data + b"</all>")
    for each in root.iter():
        if each.tag.startswith(("one", "def")) and each is not root and _secret(each.get("name", "")):
            each.text = None
            for inner in list(each):
                each.remove(inner)
    for each in root:
        each.tail = "\n"
    return b"".join(ET.tostring(each) for each in root)
