"""A record as a driver plays it: what is to be said when, and what came of a command then. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inditree.commands import same_value
from inditree.envelope.requests import escape
from inditree.record.entries import Entry
from inditree.view.fold import parse
from inditree.view.properties import View
from inditree.wire.elements import Blob, Element, Run, alone
from inditree.wire.framer import Framer
from inditree.wire.syntax import DEF_TAGS, attribute
from inditree.wire.trust import DRIVER

ANSWERS = 100
"""Elements that are remembered as the answer to one command."""
LIMIT = 1 << 31
"""Bytes of one element, and of an image, that a record may have."""

Key = tuple[str, str]


@dataclass
class Command:
    """A `new*` of the record: what it asked for, and what its property said until the next one, with the delays."""

    time: int
    kind: str
    values: Mapping[str, str]
    answers: list[tuple[int, bytes]] = field(default_factory=list)


def commands_of(entries: Iterable[Entry]) -> dict[Key, list[Command]]:
    """All commands that were delivered, by property, each with what came of it."""
    found: dict[Key, list[Command]] = {}
    for entry in entries:
        if entry.result:
            command = _command(entry)
            if command is not None:
                found.setdefault(command[0], []).append(command[1])
        elif found and not entry.known:
            for key, data in _updates(entry.data):
                last = found.get(key, [])[-1:]
                if last and len(last[0].answers) < ANSWERS:
                    last[0].answers.append((entry.time - last[0].time, data))
    return found


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
        """All that a getProperties with these attributes asks for."""
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
