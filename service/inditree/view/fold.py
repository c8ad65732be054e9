"""Folding set* elements into a definition, as the driver itself would now define the property.

indi_getprop and others read values from `def*` alone, so a new client must see the newest ones there.
"""

from __future__ import annotations

import codecs
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from xml.parsers import expat

ENCODING = "utf-8"
codecs.lookup(ENCODING)  # reads a file, for which there may be no descriptor later

LIMITS = ("min", "max", "step")
_VECTOR = ("state", "timeout", "timestamp")


def parse(data: bytes) -> ET.Element:
    """Parse one element; bytes that are not UTF-8 are read as Latin-1. Raises ET.ParseError."""
    for encoding in ("utf-8",) if data.isascii() else ("utf-8", "iso-8859-1"):
        # Not ET's own parser: it knows namespaces, and writes them back otherwise than they stood there.
        builder = ET.TreeBuilder()
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.data
        try:
            parser.Parse(data, True)
        except expat.ExpatError:
            continue
        root: ET.Element = builder.close()
        return root
    raise ET.ParseError("not well-formed")


def fold(definition: bytes, updates: Iterable[bytes]) -> bytes:
    """The definition with the updates applied, one element each, in order.

    Only members that the definition has are changed, and only by a set* of its kind. The message of an update is
    not said again. What cannot be parsed, or is nested as no property is, is left out.
    """
    root = read(definition)
    if root is None:
        return definition
    members = {member.get("name"): member for member in root}
    for update in updates:
        element = read(update)
        if element is not None and element.tag == "set" + root.tag[3:]:
            _apply(root, members, element)
    folded: bytes = ET.tostring(root, encoding=ENCODING)
    return folded.rstrip() + b"\n"


def member_names(vector: bytes) -> frozenset[bytes] | None:
    """The names of the members of a definition or set*, in UTF-8; None where it cannot be parsed."""
    root = read(vector)
    return None if root is None else frozenset(member.get("name", "").encode() for member in root)


def member_values(vector: bytes) -> dict[str, str]:
    """The values by member of a definition or set*; none where it cannot be parsed."""
    root = read(vector)
    return {} if root is None else {member.get("name", ""): (member.text or "").strip() for member in root}


def read(data: bytes) -> ET.Element | None:
    """A vector and its members; None where something is wrong with it. Deep nesting would overflow the stack."""
    try:
        root = parse(data)
    except ET.ParseError:
        return None
    return None if any(len(member) for member in root) else root


def _apply(root: ET.Element, members: dict[str | None, ET.Element], element: ET.Element) -> None:
    for key in _VECTOR:
        if (value := element.get(key)) is not None:
            root.set(key, value)
    kind = root.tag[3:-6]
    for one in element:
        member = members.get(one.get("name"))
        if member is None or one.tag != "one" + kind or kind == "BLOB":
            continue
        member.text = one.text
        if kind == "Number":
            for key in LIMITS:
                if (value := one.get(key)) is not None:
                    member.set(key, value)
