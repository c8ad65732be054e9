"""Properties as they are now, so that what is said of an update has all its items."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from inditree.envelope.numbers import json_number
from inditree.envelope.objects import (
    Object,
    add_image,
    add_value,
    alone,
    deletion,
    elements,
    is_vector,
    item,
    kind_of,
    limits,
    state,
    vector,
)


class Image(NamedTuple):
    """The address of the newest image of a member, its bytes, and its format (`.fits`)."""

    url: str
    size: int
    format: str


class Known:
    """One property: its definition with all that was said since.

    `images` are the newest ones by member. `asked` are the values that were last asked for, by member.
    """

    def __init__(self, definition: ET.Element) -> None:
        self.root = definition
        self.kind = kind_of(definition)
        self.images: Mapping[str, Image] = {}
        self.asked: dict[str, float] = {}
        self._members = {member.get("name", ""): member for member in definition}

    def apply(self, update: ET.Element) -> frozenset[str]:
        """Take the values of a `set*` of this kind; the members whose limits it changed."""
        for key in ("state", "timeout", "timestamp"):
            if (value := update.get(key)) is not None:
                self.root.set(key, value)
        limited = set()
        for one in update:
            member = self._members.get(one.get("name", ""))
            if member is None or one.tag != "one" + self.kind or self.kind == "BLOB":
                continue
            member.text = one.text
            for key in ("min", "max", "step"):
                if self.kind == "Number" and (value := one.get(key)) is not None:
                    member.set(key, value)
                    limited.add(one.get("name", ""))
        return frozenset(limited)

    def ask(self, request: ET.Element) -> None:
        """Take a `newNumberVector`: its values are the targets."""
        for one in request:
            value = json_number(one.text)
            if value is not None and one.get("name") in self._members:
                self.asked[one.get("name", "")] = value

    def defined(self) -> Object:
        """Give the `def*` as the driver would send it now."""
        return {self.root.tag: vector(self.root, [self._item(member, True) for member in self.root])}

    def updated(self, update: ET.Element, limited: frozenset[str] = frozenset()) -> Object:
        """Give a `set*` with all items: state, message and times as `update`, or else the property, has them."""
        whole = ET.Element("set" + self.root.tag[3:], {**_lasting(self.root), **update.attrib})
        return {whole.tag: vector(whole, [self._item(m, False, m.get("name", "") in limited) for m in self.root])}

    def current(self) -> Object:
        """Give the `set*` that says how the property is now."""
        lasting = {key: value for key in ("timeout", "timestamp") if (value := self.root.get(key))}
        return self.updated(ET.Element("set" + self.root.tag[3:], lasting))

    def _item(self, member: ET.Element, described: bool, limited: bool = False) -> Object:
        name = member.get("name", "")
        if self.kind == "Number":
            return self._number(member, name, described, limited)
        found = item(member)
        if not described:
            del found["label"]
        image = self.images.get(name)
        if image is not None and state(self.root) == "Ok":
            found["value"] = image.url
            add_image(found, str(image.size), image.format)
        return found

    def _number(self, member: ET.Element, name: str, described: bool, limited: bool) -> Object:
        found: Object = {"name": name}
        if described:
            found.update(label=member.get("label") or name, **limits(member), format=member.get("format", "%g"))
        value = json_number(member.text)
        if self.root.get("perm") != "ro":
            found["target"] = self.asked.get(name, 0 if value is None else value)
        add_value(found, member.text)
        if limited and not described:
            found.update(limits(member))
        return found


def _lasting(root: ET.Element) -> dict[str, str]:
    return {key: value for key in ("device", "name", "state") if (value := root.get(key)) is not None}


class Properties:
    """Holds all properties that were defined in what it was fed, by device and name. Whoever feeds it bounds it."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Known] = {}
        self._names: dict[str, dict[str, None]] = {}  # device: its properties

    def feed(self, data: bytes) -> Iterator[Object]:
        """Take the elements in `data` and give the object of each; none of a `new*`, which is only remembered."""
        for root in elements(data):
            if (found := self._take(root)) is not None:
                yield found

    def _take(self, root: ET.Element) -> Object | None:
        key = root.get("device", ""), root.get("name", "")
        action, vectors = root.tag[:3], is_vector(root)
        if vectors and action == "def":
            return self._define(key, root)
        if vectors and action == "set":
            return self._set(key, root)
        if vectors and action == "new":
            if root.tag == "newNumberVector" and key in self.known:
                self.known[key].ask(root)
            return None
        if root.tag == "delProperty":
            self.forget(key[0], root.get("name"))
            return deletion(root)
        return alone(root) if root.tag == "message" else None

    def _define(self, key: tuple[str, str], root: ET.Element) -> Object:
        old, new = self.known.get(key), Known(root)
        if old is not None and old.root.tag == root.tag:
            new.asked, new.images = old.asked, old.images
        self.known[key] = new
        self._names.setdefault(key[0], {})[key[1]] = None
        return new.defined()

    def _set(self, key: tuple[str, str], root: ET.Element) -> Object | None:
        known = self.known.get(key)
        if known is None or known.kind != kind_of(root):
            return alone(root)
        return known.updated(root, known.apply(root))

    def forget(self, device: str, name: str | None = None) -> None:
        """Forget a property, or a device with all that it has."""
        names = self._names.get(device, {})
        for each in list(names) if name is None else [name]:
            self.known.pop((device, each), None)
            names.pop(each, None)
        if not names:
            self._names.pop(device, None)
