"""Reads the values of a `set*` or `new*`, in a microsecond or two where its layout is plain. Pure.

What the fast pattern matches is read exactly; everything else goes to the parser.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from inditree.commands.following import NEAR
from inditree.view.fold import read

_VALUE = rb"(?:\"[^\"<>&]*+\"|'[^'<>&]*+')"
_ATTRIBUTES = rb"(?:\s++\w++\s*+=\s*+" + _VALUE + rb")*+"
_ATTRIBUTE = re.compile(rb"(\w++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_STATE = re.compile(rb"\sstate=(?:\"([^\"]*+)\"|'([^']*+)')")
_ONE = re.compile(rb"<one[A-Z][a-z]++(" + _ATTRIBUTES + rb")\s*+>([^<]*+)<")
_NAMED = re.compile(rb"<one[A-Z][a-z]++\s++name=(?:\"([^\"]*+)\"|'([^']*+)')\s*+>([^<]*+)<")


@cache
def _plain() -> re.Pattern[bytes]:
    """Matches a plain element: its attributes and its members are groups 1 and 2. Compiled for the first command."""
    return re.compile(
        rb"\s*+<(?:set|new)(?:Text|Number|Switch)Vector(" + _ATTRIBUTES + rb")\s*+"
        rb"(?:/>|>((?:\s*+<one(?:Text|Number|Switch)" + _ATTRIBUTES + rb"\s*+>[^<>&]*+</one[A-Z][a-z]++\s*+>)*+"
        rb")\s*+</(?:set|new)[A-Z][a-z]++Vector\s*+>)\s*+"
    )


class Said(NamedTuple):
    """State ("" where none is said), values by member (white space taken off), message."""

    state: str
    values: dict[str, str]
    message: str


def said(data: bytes) -> Said:
    """Read one element; all empty where it is no vector."""
    found = _plain().fullmatch(data)  # in UTF-8, as all elements in the core
    if found is None:
        return _parsed(data)
    attributes, members = found[1], found[2] or b""
    state, message = b"", b""
    plain = _STATE.search(attributes)
    if plain is None or attributes.find(b"message") >= 0 or attributes.count(b"state") != 1:
        told = _attributes(attributes)
        state, message = told.get(b"state", b""), told.get(b"message", b"")
    else:
        state = plain[1] or plain[2] or b""
    ones = [(double or single, text) for double, single, text in _NAMED.findall(members)]
    if len(ones) != members.count(b"</"):
        ones = [(_attributes(each).get(b"name", b""), text) for each, text in _ONE.findall(members)]
    values = {name.decode(): text.decode().strip() for name, text in ones}
    return Said(state.decode(), values, message.decode())


def plainly_reached(asked: bytes, told: bytes) -> bool:
    """Says whether a `set*` plainly has each value that a `new*` asks for. False: perhaps; `said` has to look.

    It sees members in the order of the command, as most answers have them, with a name and nothing beside it.
    """
    wanted, found = asked.split(b"<"), told.split(b"<")  # nothing, the vector, each member and its end, the vector's
    size = len(wanted)
    if size < 5 or len(found) != size:
        return False
    numbers = asked[:10] == b"<newNumber"
    for at in range(2, size - 1, 2):
        ours, theirs = wanted[at], found[at]
        if not (ours[:3] == b"one" and wanted[at + 1][:4] == found[at + 1][:4] == b"/one"):
            return False
        tag, _, text = ours.partition(b">")
        other_tag, _, other = theirs.partition(b">")
        if tag != other_tag and _named(tag) != _named(other_tag):
            return False
        if not (text == other or text.strip() == other.strip() or (numbers and _near(text, other))):
            return False
    return True


def _named(tag: bytes) -> bytes:
    """The name in a member's start tag that has nothing else; the tag where it has, or may have.

    Libindi's drivers write an attribute a line in single quotes, clients one line in double quotes.
    """
    before, _, name = tag.partition(b"name=")
    name = name.rstrip()
    quote = name[:1]
    plain = name.count(quote) == 2 and name[-1:] == quote and quote in (b"'", b'"') and before[3:].strip().isalpha()
    return name[1:-1] if plain else tag


def _near(asked: bytes, told: bytes) -> bool:
    try:
        near = abs(float(asked) - float(told)) <= NEAR
    except ValueError:
        return False
    return near and not (asked + told).partition(b"_")[1]  # `1_0` is a number of Python's, not of INDI's


def _attributes(data: bytes) -> dict[bytes, bytes]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(data)}


def _parsed(data: bytes) -> Said:
    root = read(data)
    if root is None:
        return Said("", {}, "")
    values = {member.get("name", ""): (member.text or "").strip() for member in root}
    return Said(root.get("state", ""), values, root.get("message", ""))
