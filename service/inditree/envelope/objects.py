"""One element as a JSON object, by itself: what stands in the element and nothing else."""

from __future__ import annotations

import contextlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import msgspec

from inditree.envelope.numbers import json_number
from inditree.view.fold import parse

Object = dict[str, Any]
"""`{"setNumberVector": {"device": ..., ...}}`: one key, which names the kind."""

VERSION = 512
"""INDIGO's number for version 2.0 of its protocol."""

STATES = ("Idle", "Ok", "Busy", "Alert")
PERMISSIONS = ("ro", "rw", "wo")
KINDS = ("Text", "Number", "Switch", "Light", "BLOB")
RULES = ("AnyOfMany", "OneOfMany", "AtMostOne")

encode = msgspec.json.Encoder().encode

_ELEMENT = re.compile(rb"<(?:(?:def|set|new)\w+Vector|message|delProperty|getProperties|enableBLOB)\b")


def elements(data: bytes) -> list[ET.Element]:
    """Parse the elements that stand one behind the other in `data`. Those that are no XML are left out."""
    try:
        return list(parse(b"<all>" + data + b"</all>"))
    except ET.ParseError:
        return list(_one_by_one(data))


def split(data: bytes) -> list[bytes]:
    """Cut what is one element behind the other, a newline behind each, into its elements."""
    found, begin, seen = [], 0, 0
    # Looked for by its `<`, which is found fast; white space before each is looked at once.
    for each in _ELEMENT.finditer(data, 1):
        between = data[seen : each.start()]
        if b"\n" in between[len(between.rstrip()) :]:
            found.append(data[begin : each.start()].strip())
            begin = each.start()
        seen = each.end()
    found.append(data[begin:].strip())
    return found


def _one_by_one(data: bytes) -> Iterator[ET.Element]:
    for each in split(data):
        with contextlib.suppress(ET.ParseError):
            yield parse(each)


def objects(data: bytes) -> Iterator[Object]:
    """Give an object for each element in `data`: with the items that stand in it, and without the data of images."""
    for root in elements(data):
        if (found := alone(root)) is not None:
            yield found


def alone(root: ET.Element) -> Object | None:
    """Give the object of one element by itself; None for an element that JSON has not."""
    match root.tag:
        case "message":
            return message(root)
        case "delProperty":
            return deletion(root)
        case "getProperties" | "enableBLOB":
            return _wish(root)
    if not is_vector(root):
        return None
    return {root.tag: vector(root, [item(one) for one in root])}


def kind_of(root: ET.Element) -> str:
    """Text, Number, Switch, Light or BLOB, of a vector."""
    return root.tag[3:-6]


def is_vector(root: ET.Element) -> bool:
    """Is it a `def*`, `set*` or `new*` that INDI knows?"""
    return root.tag.endswith("Vector") and kind_of(root) in KINDS


def vector(root: ET.Element, items: list[Object]) -> Object:
    """Give the body of a `def*`, `set*` or `new*`, in the order of keys that the envelope has."""
    body = _described(root) if root.tag.startswith("def") else _named(root)
    if (text := root.get("message")) is not None:
        body["message"] = text
    body["items"] = items
    _add_times(body, root)
    return body


def _described(root: ET.Element) -> Object:
    name, kind = root.get("name", ""), kind_of(root)
    body: Object = {
        "version": VERSION,
        "device": root.get("device", ""),
        "name": name,
        "group": root.get("group", ""),
        "label": root.get("label") or name,
    }
    if kind not in ("Light", "BLOB"):
        body["perm"] = one_of(PERMISSIONS, root.get("perm"))
    body["state"] = state(root)
    if kind == "Switch":
        body["rule"] = one_of(RULES, root.get("rule"))
    if (hints := root.get("hints")) is not None:
        body["hints"] = hints
    return body


def _named(root: ET.Element) -> Object:
    body: Object = {"device": root.get("device", ""), "name": root.get("name", "")}
    if root.get("state") is not None:
        body["state"] = state(root)
    return body


def state(root: ET.Element) -> str:
    """Give one of the four states; Idle for what is none of them."""
    return one_of(STATES, root.get("state"))


def one_of(words: tuple[str, ...], text: str | None) -> str:
    """Give `text` where it is one of the words, else the first of them."""
    return text if text in words else words[0]


def _add_times(body: Object, root: ET.Element) -> None:
    if timestamp := root.get("timestamp"):
        body["timestamp"] = timestamp
    if (timeout := json_number(root.get("timeout"))) is not None:
        body["timeout"] = timeout


def item(member: ET.Element) -> Object:
    """Give one member of a vector: of a `def*` with its label, of an image with its size and format."""
    name, kind = member.get("name", ""), member.tag[3:]
    found: Object = {"name": name}
    if member.tag.startswith("def"):
        found["label"] = member.get("label") or name
    if kind == "Number":
        if member.tag == "defNumber":
            found.update(limits(member), format=member.get("format", "%g"))
        add_value(found, member.text)
    elif kind == "Switch":
        found["value"] = (member.text or "").strip() == "On"
    elif kind == "Light":
        found["value"] = one_of(STATES, (member.text or "").strip())
    elif kind == "BLOB":
        add_image(found, member.get("size"), member.get("format"))
    else:
        found["value"] = (member.text or "").strip()
    return found


def limits(member: ET.Element) -> Object:
    """Give `min`, `max` and `step` of a number, 0 for those that are not said."""
    return {key: json_number(member.get(key)) or 0 for key in ("min", "max", "step")}


def add_value(found: Object, text: str | None) -> None:
    """Add the `value` of a number: 0 and `invalid` for one that JSON has not."""
    value = json_number(text)
    found["value"] = 0 if value is None else value
    if value is None:
        found["invalid"] = True


def add_image(found: Object, size: str | None, form: str | None) -> None:
    """Add what is known of an image beside its data: bytes, and the ending of a file's name (`.fits`)."""
    if (known := json_number(size)) is not None:
        found["size"] = known
    if form is not None:
        found["format"] = form


def message(root: ET.Element) -> Object:
    """Give `{"message": "text", "timestamp"?, "device"?}`."""
    body: Object = {"message": root.get("message", "")}
    _add_times(body, root)
    if device := root.get("device"):
        body["device"] = device
    return body


def deletion(root: ET.Element) -> Object:
    """Give `{"deleteProperty": {"device", "name"?, "message"?, "timestamp"?}}`."""
    body: Object = {"device": root.get("device", "")}
    for key in ("name", "message"):
        if (value := root.get(key)) is not None:
            body[key] = value
    _add_times(body, root)
    return {"deleteProperty": body}


def _wish(root: ET.Element) -> Object:
    body: Object = {key: value for key in ("device", "name") if (value := root.get(key))}
    if root.tag == "enableBLOB":
        body["value"] = (root.text or "").strip()
    return {root.tag: body}
