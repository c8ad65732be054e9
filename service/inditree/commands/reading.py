"""What a `set*` or `new*` says, in a microsecond or two where its layout is plain. Pure.

What the fast pattern matches is read exactly; everything else goes to the parser.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from inditree.view.fold import read

_VALUE = rb"(?:\"[^\"<>&]*+\"|'[^'<>&]*+')"
_ATTRIBUTES = rb"(?:\s++\w++\s*+=\s*+" + _VALUE + rb")*+"
_PLAIN = re.compile(
    rb"\s*+<(?:set|new)(?:Text|Number|Switch)Vector(" + _ATTRIBUTES + rb")\s*+"
    rb"(?:/>|>(" + rb"(?:\s*+<one(?:Text|Number|Switch)" + _ATTRIBUTES + rb"\s*+>[^<>&]*+</one[A-Z][a-z]++\s*+>)*+"
    rb")\s*+</(?:set|new)[A-Z][a-z]++Vector\s*+>)\s*+"
)
_ATTRIBUTE = re.compile(rb"(\w++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_STATE = re.compile(rb"\sstate=(?:\"([^\"]*+)\"|'([^']*+)')")
_ONE = re.compile(rb"<one[A-Z][a-z]++(" + _ATTRIBUTES + rb")\s*+>([^<]*+)<")
_NAMED = re.compile(rb"<one[A-Z][a-z]++\s++name=(?:\"([^\"]*+)\"|'([^']*+)')\s*+>([^<]*+)<")


class Said(NamedTuple):
    """State ("" where none is said), values by member (white space taken off), message."""

    state: str
    values: dict[str, str]
    message: str


def said(data: bytes) -> Said:
    """Read one element; all empty where it is no vector."""
    found = _PLAIN.fullmatch(data)  # in UTF-8, as all elements in the core
    if found is None:
        return _parsed(data)
    attributes, members = found[1], found[2] or b""
    state, message = b"", b""
    if b"message" in attributes or attributes.count(b"state") != 1 or (plain := _STATE.search(attributes)) is None:
        told = _attributes(attributes)
        state, message = told.get(b"state", b""), told.get(b"message", b"")
    else:
        state = plain[1] or plain[2] or b""
    ones = [(double or single, text) for double, single, text in _NAMED.findall(members)]
    if len(ones) != members.count(b"</"):
        ones = [(_attributes(each).get(b"name", b""), text) for each, text in _ONE.findall(members)]
    values = {name.decode(): text.decode().strip() for name, text in ones}
    return Said(state.decode(), values, message.decode())


def _attributes(data: bytes) -> dict[bytes, bytes]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(data)}


def _parsed(data: bytes) -> Said:
    root = read(data)
    if root is None:
        return Said("", {}, "")
    values = {member.get("name", ""): (member.text or "").strip() for member in root}
    return Said(root.get("state", ""), values, root.get("message", ""))
