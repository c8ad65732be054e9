"""Compares two definitions of a property: what the newer one changes. Pure.

libindi's clients pass over a second definition of a property that they know: a changed one has to be deleted first, and
changed values have to be told as a set*.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from inditree.view.fold import ENCODING, LIMITS, read

_SHAPE = ("perm", "rule")
_STATE = ("state", "timeout")
_VALUES = ("state", "timeout", "timestamp", "message")


def redefines(old: bytes, new: bytes) -> bool:
    """Do kind, members, permission or rule differ? True, too, where that cannot be told."""
    before, after = read(old), read(new)
    if before is None or after is None:
        return old != new
    if before.tag != after.tag or any(before.get(key) != after.get(key) for key in _SHAPE):
        return True
    return [each.get("name") for each in before] != [each.get("name") for each in after]


def differs(old: bytes, new: bytes) -> bool:
    """Does anything differ that no set* can say: beside what `redefines` looks at, labels, groups and formats? True,
    too, where that cannot be told."""
    before, after = read(old), read(new)
    if before is None or after is None:
        return old != new
    if before.tag != after.tag or len(before) != len(after) or _lasting(before, _VALUES) != _lasting(after, _VALUES):
        return True
    told = LIMITS if before.tag == "defNumberVector" else ()
    return any(a.tag != b.tag or _lasting(a, told) != _lasting(b, told) for a, b in zip(before, after, strict=True))


def update(old: bytes, new: bytes) -> bytes | None:
    """The set* that takes `old` to `new`, which has the same members: state and all values; None where they are equal.

    Of numbers it has those of `min`, `max` and `step` that differ.
    """
    before, after = read(old), read(new)
    if before is None or after is None or len(before) != len(after):
        return None
    pairs = list(zip(before, after, strict=True))
    if _same(before, after, _STATE) and all(_same(a, b, LIMITS) and _text(a) == _text(b) for a, b in pairs):
        return None
    kind = after.tag[3:-6]
    of = ("device", "name", "state", "timeout", "timestamp")
    told = ET.Element(f"set{kind}Vector", {key: value for key in of if (value := after.get(key)) is not None})
    if kind != "BLOB":
        for a, b in pairs:
            limits = {key: b.get(key, "") for key in LIMITS if b.get(key) not in (None, a.get(key))}
            ET.SubElement(told, f"one{kind}", {"name": b.get("name", ""), **limits}).text = b.text
    data: bytes = ET.tostring(told, encoding=ENCODING)
    return data + b"\n"


def _same(a: ET.Element, b: ET.Element, keys: tuple[str, ...]) -> bool:
    return all(a.get(key) == b.get(key) for key in keys)


def _lasting(element: ET.Element, told: tuple[str, ...]) -> dict[str, str]:
    """The attributes that no set* changes."""
    return {key: value for key, value in element.attrib.items() if key not in told}


def _text(member: ET.Element) -> str:
    return (member.text or "").strip()
