"""A device as the HTTP API tells it, made from the bytes of the view. Runs in a thread."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Literal, get_args

from inditree.ops.control import Definition, DeviceSource
from inditree.ops.model import DeviceDetail, MemberRow, PropertyRow
from inditree.view.fold import fold, parse
from inditree.view.properties import View

_Type = Literal["Text", "Number", "Switch", "Light", "BLOB"]
_TYPES: dict[str, _Type] = {f"def{kind}Vector": kind for kind in get_args(_Type)}


def capture(view: View, device: str | None = None) -> tuple[Definition, ...]:
    """Gives all properties, or those of one device, as references: no folding, so that it takes the loop no time."""

    return tuple(
        Definition(name, each.name, each.definition, each.pending) for name, each in view.matching(device, None)
    )


def newest(source: Definition) -> ET.Element | None:
    """The definition with the updates applied; None where the driver's XML cannot be parsed."""
    data = fold(source.definition, list(source.pending)) if source.pending else source.definition
    try:
        return parse(data)
    except ET.ParseError:
        return None


def render(source: DeviceSource) -> DeviceDetail:
    """The device with its properties in the order in which they were first defined."""
    rows = (property_row(each) for each in source.definitions)
    return DeviceDetail(
        name=source.name, owner=source.owner, stale=source.stale, properties=tuple(row for row in rows if row)
    )


def property_row(source: Definition) -> PropertyRow | None:
    """One property as it is now; None where the driver's XML cannot be parsed."""
    root = newest(source)
    if root is None or root.tag not in _TYPES:
        return None
    return PropertyRow(
        name=source.property,
        type=_TYPES[root.tag],
        label=root.get("label") or source.property,
        group=root.get("group", ""),
        state=root.get("state", ""),
        perm=root.get("perm"),
        timestamp=root.get("timestamp"),
        message=root.get("message"),
        members=tuple(_member(each) for each in root),
    )


def _member(element: ET.Element) -> MemberRow:
    name = element.get("name", "")
    value = None if element.tag == "defBLOB" else (element.text or "").strip()
    return MemberRow(name=name, label=element.get("label") or name, value=value)
