"""Who stands at the edge of the tree: drivers with their devices, clients, and servers of another kind."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from tree.node import STAMP
from tree.world import Pipe

_START = re.compile(r"<(\w+)((?:\s+[\w-]+=(?:\"[^\"]*\"|'[^']*'))*)\s*/?>")
_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)')")
_ONE = re.compile(r"<(?:one|def)(\w+) name=\"\w+\"[^>]*(?<!/)>([^<]*)<")
_ELEMENTS = re.compile(rb"<set(\w+)Vector.*?</set\1Vector>", re.S)


def parse(data: bytes) -> tuple[str, dict[str, str], str]:
    """Tag, attributes, and the value of the one member."""
    text = data.decode()
    start = _START.match(text)
    assert start is not None, text
    attributes = {name: one or other for name, one, other in _ATTRIBUTE.findall(start[2])}
    if start[1] == "enableBLOB":
        return start[1], attributes, text[start.end() :].split("<")[0]
    one = _ONE.search(text, start.end())
    return start[1], attributes, one[2] if one else ""


@dataclass
class Property:
    """A property with one member. `label` changes with each new definition."""

    kind: str
    label: str
    value: str = "0"
    state: str = "Idle"

    def defined(self, device: str, name: str) -> bytes:
        """Its def*; the unknown attribute is to survive."""
        perm = "" if self.kind == "Light" else ' perm="rw"'
        limits = ' format="%g" min="0" max="0" step="0"' if self.kind == "Number" else ""
        head = f'<def{self.kind}Vector device="{device}" name="{name}" label="{self.label}" state="{self.state}"'
        member = "" if self.kind == "BLOB" else self.value
        one = f'<def{self.kind} name="M" label="m"{limits}>{member}</def{self.kind}>'
        return f'{head}{perm} x-more="1" timestamp="{STAMP}">\n{one}\n</def{self.kind}Vector>\n'.encode()

    def set(self, device: str, name: str) -> bytes:
        """Its set*."""
        head = f'<set{self.kind}Vector device="{device}" name="{name}" state="{self.state}" timestamp="{STAMP}">'
        extra = f' size="{len(self.value)}" format=".fits"' if self.kind == "BLOB" else ""
        one = f'<one{self.kind} name="M"{extra}>{self.value}</one{self.kind}>'
        return f"{head}\n{one}\n</set{self.kind}Vector>\n".encode()

    @property
    def shown(self) -> tuple[str, str, str, str, str]:
        """What a client is to know of it."""
        return self.kind, self.label, "" if self.kind == "BLOB" else self.value, self.state, "1"


class Actor:
    """One end of a stream that frames what comes."""

    out: Pipe

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        self._framer = Framer(lambda head: object(), 1 << 20, 1 << 30)

    def __repr__(self) -> str:
        return self.name

    def begin(self) -> None:
        """The stream is new."""
        self.ended = False
        self._framer = Framer(lambda head: object(), 1 << 20, 1 << 30)

    def take(self, data: bytes) -> None:
        self._framer.feed(data)
        while (item := self._framer.pull()) is not None:
            if isinstance(item, Blob):
                self.element(*parse(item.join()))
            elif item.data.startswith(b"<set"):
                for each in _ELEMENTS.finditer(item.data):
                    self.element(*parse(each[0]))
            else:
                self.element(*parse(item.data))

    def end(self) -> None:
        self.ended = True

    def say(self, data: bytes) -> None:
        """Write something."""
        self.out.write(data)

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        """One element has come."""


View = dict[str, dict[str, tuple[str, str, str, str, str]]]


class Viewer(Actor):
    """Who hears of devices: builds a view from what it hears, as a client does."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.chained = False  # it is an indiserver that uses us as its remote
        self.asks: list[tuple[str | None, str | None]] = []
        self.modes: dict[tuple[str | None, str | None], str] = {}
        self.view: View = {}
        self.messages: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.blobs: Counter[str] = Counter()
        self.echoes: Counter[str] = Counter()
        self.errors: list[str] = []
        self.deleted: list[tuple[str, str]] = []
        self.diary: list[tuple[str, str, str, str]] = []  # what it did and heard: kind, device, property, value
        self.missing: set[str] = set()  # of which it was told that they are not there, and has heard nothing since

    def begin(self) -> None:
        super().begin()
        self.view = {}

    def wants(self, device: str, name: str | None) -> bool:
        """Has it asked for this? The wider wish counts only where it came first."""
        if (None, None) in self.asks[:1]:
            return True
        return any(asked == device and (only is None or name is None or only == name) for asked, only in self.asks)

    def wants_blob(self, device: str, name: str) -> bool:
        """The narrower mode wins."""
        mode = "Never"
        for key in ((None, None), (device, None), (device, name)):
            mode = self.modes.get(key, mode)
        return mode != "Never" and self.wants(device, name)

    def ask(self, device: str | None = None, name: str | None = None) -> None:
        """getProperties."""
        self.asks.append((device, name))
        what = "".join(f' {key}="{value}"' for key, value in (("device", device), ("name", name)) if value)
        self.say(f'<getProperties version="1.7"{what}/>\n'.encode())

    def mode(self, mode: str, device: str | None = None, name: str | None = None) -> None:
        """enableBLOB."""
        self.modes[device, name] = mode
        if device is not None:
            self._use(device)
        what = "".join(f' {key}="{value}"' for key, value in (("device", device), ("name", name)) if value)
        self.say(f"<enableBLOB{what}>{mode}</enableBLOB>\n".encode())

    def command(self, device: str, name: str, value: str) -> None:
        """new*."""
        self._use(device)
        self.diary.append(("new", device, name, value))
        self.say(command(device, name, value))

    def _use(self, device: str) -> None:
        if (None, None) not in self.asks[:1] and (device, None) not in self.asks:
            self.ask(device)  # it is interested now, and only this tells it what there is

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        device, name = attributes.get("device", ""), attributes.get("name", "")
        for odd in ("via", "seq", "inditree", "to"):
            if odd in attributes:
                self.errors.append(f"{odd} in {tag} of {device}.{name}")
        if device:
            self.diary.append((self._kind(tag, attributes), device, name, attributes.get("message", value)))
        if tag.startswith("def"):
            shown = (tag[3:-6], attributes["label"], value, attributes["state"], attributes.get("x-more", ""))
            self.view.setdefault(device, {})[name] = shown
        elif tag == "setBLOBVector" and value:
            self.blobs[value] += 1
            self._set(device, name, None, attributes)
        elif tag.startswith("set"):
            self._set(device, name, value, attributes)
        elif tag == "delProperty":
            if name in self.view.get(device, {}) or (not name and self.view.get(device)):
                self.deleted.append((device, name))
            if not name:
                self.view.pop(device, None)
            else:
                self.view.get(device, {}).pop(name, None)
        elif tag == "message":
            if "not delivered" in attributes["message"]:
                self.told[device] += 1
            else:
                self.messages[attributes["message"]] += 1
        elif tag.startswith("new"):
            self.echoes[value] += 1

    def _kind(self, tag: str, attributes: dict[str, str]) -> str:
        if tag == "message":
            return "told" if "not delivered" in attributes["message"] else tag
        return "echo" if tag.startswith("new") else tag[:3]

    def _set(self, device: str, name: str, value: str | None, attributes: dict[str, str]) -> None:
        known = self.view.get(device, {}).get(name)
        if known is None:
            self.errors.append(f"set before def: {device}.{name}")
            return
        new = known[2] if value is None else value
        self.view[device][name] = (known[0], known[1], new, attributes["state"], known[4])

    def shown(self) -> View:
        """What it believes, without devices of which nothing is left."""
        return {device: properties for device, properties in self.view.items() if properties}


def command(device: str, name: str, value: str) -> bytes:
    """A newTextVector."""
    one = f'<oneText name="M">{value}</oneText>'
    return f'<newTextVector device="{device}" name="{name}">{one}</newTextVector>\n'.encode()


@dataclass
class Device:
    """A device and its properties; it outlives its driver's runs."""

    name: str
    properties: dict[str, Property] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, tuple[str, str, str, str, str]]:
        return {name: each.shown for name, each in self.properties.items()}


class Provider(Viewer):
    """Who has devices: a driver, which may snoop, or a server of another kind."""

    def __init__(self, name: str, devices: list[Device]) -> None:
        super().__init__(name)
        self.devices = {device.name: device for device in devices}
        self.commands: Counter[str] = Counter()
        self.said: dict[str, int] = {}  # values, images and messages, in their order
        self.running = False
        self._defined = False  # since it started: nothing is set before that

    def begin(self) -> None:
        super().begin()
        self._defined = False

    def define(self, device: str | None = None, name: str | None = None) -> None:
        """Say what it has."""
        self._defined = True
        for each in self.devices.values():
            if device in (None, each.name):
                for key, prop in each.properties.items():
                    if name in (None, key):
                        self.say(prop.defined(each.name, key))

    def note(self, word: str) -> None:
        """Remember that it says this now."""
        self.said.setdefault(word, len(self.said))

    def set(self, device: str, name: str, value: str, state: str = "Ok") -> None:
        """Publish a new value."""
        self.note(value)
        prop = self.devices[device].properties[name]
        prop.value, prop.state = value, state
        if self._defined:
            self.say(prop.set(device, name))

    def remove(self, device: str, name: str | None = None) -> None:
        """Delete a property, or the device."""
        what = f' name="{name}"' if name else ""
        if name is None:
            self.devices[device].properties.clear()
        else:
            del self.devices[device].properties[name]
        self.say(f'<delProperty device="{device}"{what}/>\n'.encode())

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        device, name = attributes.get("device"), attributes.get("name")
        if tag == "getProperties":
            self.asked(attributes)
        elif tag.startswith("new") and device in self.devices:
            self.commands[value] += 1
            if name in self.devices[device].properties:
                self.set(device, name, value)
        elif tag == "pingRequest":
            self.errors.append("a ping to a driver")
        elif tag not in ("pingReply", "enableBLOB"):
            if device in self.devices and tag != "delProperty" and self.devices[device].properties:
                self.clash(tag, device)
            super().element(tag, attributes, value)

    def asked(self, attributes: dict[str, str]) -> None:
        """A getProperties."""
        if attributes.get("device") == "*":
            self.errors.append("device='*' to a driver")
        self.define(attributes.get("device"), attributes.get("name"))

    def clash(self, tag: str, device: str) -> None:
        """Its own device is told to it. A driver snoops on others only, so that cannot be."""
        self.errors.append(f"{tag} of its own {device}")


class PlainServer(Provider):
    """A server of another kind, with devices of its own.

    `pongs`: it answers pings (indiserver; IPyServer does not). `slow`: its drivers define nothing at first, so that
    it is silence that tells what it is.
    """

    def __init__(self, name: str, devices: list[Device], *, pongs: bool, slow: bool) -> None:
        super().__init__(name, devices)
        self.pongs = pongs
        self.slow = slow
        self.pinged = 0
        self.starred = False

    def begin(self) -> None:
        super().begin()
        self.starred = False
        self.pinged = 0
        self.asks = [(None, None)]

    def element(self, tag: str, attributes: dict[str, str], value: str) -> None:
        if tag == "pingRequest":
            if self.slow and attributes["uid"] == "probe/1":  # we have settled by now: its drivers are there at last
                self.define()
            if self.pongs:
                self.pinged += 1
                self.say(f'<pingReply uid="{attributes["uid"]}"/>\n'.encode())
            return
        if tag == "getProperties" and "inditree" in attributes:  # it does not know that attribute
            if not self.slow:
                self.define(attributes.get("device"), None)
            return
        super().element(tag, attributes, value)

    def asked(self, attributes: dict[str, str]) -> None:
        for odd in ("via", "seq"):
            if odd in attributes:
                self.errors.append(f"{odd} in getProperties to a plain server")
        if attributes.get("device") == "*":
            if not self.pinged or self.starred:
                self.errors.append("device='*' before a pong, or twice")
            self.starred = True
            return
        self.define(attributes.get("device"), attributes.get("name"))

    def clash(self, tag: str, device: str) -> None:
        self.errors.append(f"{tag} of {device}, which it has defined itself")
