"""A record as a driver plays it: what is to be said when, and what came of a command then. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inditree.commands import same_value
from inditree.envelope.requests import escape
from inditree.record.entries import Entry, Place
from inditree.view.fold import parse
from inditree.view.properties import View
from inditree.wire.elements import Blob, Element, Run, alone
from inditree.wire.framer import Framer
from inditree.wire.syntax import DEF_TAGS, attribute
from inditree.wire.trust import DRIVER

ANSWERS = 100
"""Elements that are remembered as the answer to one command. Of a longer one the last that is Busy gives way to the
next, so that the end of a long exposure is never left out."""
EXPOSURE = "EXPOSURE"
"""A command for a property with this in its name is answered with its images, too."""
SECOND_CHIP = ("CCD2", "GUIDER_EXPOSURE")
"""INDI's names for the image of a camera's guiding chip, and for what asks for it."""
LIMIT = 1 << 31
"""Bytes of one element, and of an image, that a record may have."""

Key = tuple[str, str]


@dataclass
class Command:
    """A `new*` of the record: what it asked for, and what its property said until the next one, with the delays.

    Of an exposure also its images, the first of each property: where they stand, as a night of them has no room here.
    """

    time: int
    kind: str
    values: Mapping[str, str]
    answers: list[tuple[int, bytes | Place]] = field(default_factory=list)
    pictured: set[str] = field(default_factory=set)

    def said(self, time: int, data: bytes) -> None:
        """Remember what its property said."""
        if len(self.answers) < ANSWERS:
            self.answers.append((time - self.time, data))
        elif isinstance(last := self.answers[-1][1], bytes) and b"Busy" in last:
            self.answers[-1] = time - self.time, data

    def photographed(self, entry: Entry, name: str) -> None:
        """Remember where an image of this property stands."""
        if entry.place is not None and name not in self.pictured:
            self.pictured.add(name)
            self.answers.append((entry.time - self.time, entry.place))


def commands_of(entries: Iterable[Entry]) -> dict[Key, list[Command]]:
    """Gives all commands that were delivered, by property, each with what came of it."""
    found: dict[Key, list[Command]] = {}
    for entry in entries:
        if entry.result:
            command = _command(entry)
            if command is not None:
                found.setdefault(command[0], []).append(command[1])
        elif found and entry.hashes:
            _photographed(found, entry)
        elif found and not entry.known:
            for key, data in _updates(entry.data):
                if key in found:
                    found[key][-1].said(entry.time, data)
    return found


def _photographed(found: Mapping[Key, list[Command]], entry: Entry) -> None:
    """Give an image to the last exposure that its device was asked for."""
    if not entry.whole:
        return
    try:
        root = parse(entry.data[: entry.data.find(b"<oneBLOB")] + b"</setBLOBVector>")
    except ET.ParseError:
        return
    device, name = root.get("device", ""), root.get("name", "")
    chip, asks = SECOND_CHIP
    lasts = {key[1]: each[-1] for key, each in found.items() if key[0] == device and EXPOSURE in key[1]}
    if name == chip and asks in lasts:
        lasts = {asks: lasts[asks]}
    if lasts:
        max(lasts.values(), key=lambda each: each.time).photographed(entry, name)


def _command(entry: Entry) -> tuple[Key, Command] | None:
    if entry.result != "sent":
        return None
    try:
        root = parse(entry.data)
    except ET.ParseError:
        return None
    key = root.get("device", ""), root.get("name", "")
    return key, Command(entry.time, root.tag[3:-6], values_of(root))


def values_of(root: ET.Element) -> dict[str, str]:
    """The texts of a vector's members, by name."""
    return {one.get("name", ""): (one.text or "").strip() for one in root}


def _updates(data: bytes) -> Iterator[tuple[Key, bytes]]:
    for item in framed(data):
        if isinstance(item, Run):
            for head in item.heads:
                yield (head.device, head.name), item.data
        elif isinstance(item, Element) and item.tag.startswith("set"):
            yield (item.device or "", item.name or ""), item.data


def framed(data: bytes) -> Iterator[Run | Element | Blob]:
    """The elements in what one entry holds; each property's updates are a run of their own."""
    framer = Framer(alone, LIMIT, LIMIT, DRIVER)
    framer.feed(data)
    while (item := framer.pull()) is not None:
        yield item


class RecordedState:
    """The state that a replay has reached: whoever asks is told how things stand."""

    def __init__(self) -> None:
        self._view = View()

    def feed(self, data: bytes) -> None:
        """Something was said."""
        for item in framed(data):
            if isinstance(item, Run):
                for head in item.heads:
                    known = self._view.find(head.device, head.name)
                    if known is not None:
                        known.store(item.data, head.first, head.last, head.end)
            elif isinstance(item, Element):
                self._element(item)

    def _element(self, item: Element) -> None:
        device, name = item.device or "", item.name
        if item.tag in DEF_TAGS and name:
            self._view.define(item.tag, device, name, item.data)
        elif item.tag == "delProperty":
            self._view.delete(device, name)
        elif item.tag.startswith("set") and name and (known := self._view.find(device, name)) is not None:
            known.store(item.data, 0, 0, len(item.data))

    def definitions(self, device: str | None, name: str | None) -> bytes:
        """Gives all that a getProperties with these attributes asks for."""
        return b"".join(known.current() for _, known in self._view.matching(device, name))

    def refusal(self, device: str, name: str, text: str) -> bytes:
        """The property as it is, with state Alert and a message; nothing for one that is not defined."""
        known = self._view.find(device, name)
        if known is None:
            return b""
        root = parse(known.current())
        kind = root.tag[3:-6].encode()
        ones = b"".join(
            b"<one%s name=%s>%s</one%s>" % (kind, attribute(member), escape(value).encode(), kind)
            for member, value in values_of(root).items()
            if kind != b"BLOB"
        )
        head = b"<set%sVector device=%s name=%s state='Alert' message=%s>" % (
            kind, attribute(device), attribute(name), attribute(text),
        )  # fmt: skip
        return head + ones + b"</set%sVector>\n" % kind


def answer(found: Iterable[Command], asked: ET.Element, after: int) -> Command | None:
    """The command of the record that this one repeats: the same values, the next one after a time, else the first."""
    kind, values = asked.tag[3:-6], values_of(asked)
    same = [each for each in found if each.kind == kind and _same(kind, values, each.values)]
    return next((each for each in same if each.time >= after), same[0] if same else None)


def _same(kind: str, asked: Mapping[str, str], recorded: Mapping[str, str]) -> bool:
    return asked.keys() == recorded.keys() and all(same_value(kind, asked[name], recorded[name]) for name in asked)
