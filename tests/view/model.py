"""A straightforward model of the view, the elements that drivers send, and the layouts in which they write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from inditree.view.properties import View
from inditree.wire.elements import Blob, Element, Run
from inditree.wire.framer import Framer

LAYOUTS = ("indiserver", "indipydriver", "libindi", "latin-1")
KINDS = ("Number", "Text", "Switch", "Light", "BLOB")
DEVICES = ("Camera", "A&B <°>")
NAMES = ("N", "M", "min='1'")
MEMBERS = ("a", "b")
ODD_MEMBERS = ("c°", "d&e")
VALUES = ("1", "2", "\n      -2.5\n  ", 'min="1" step="2"')
ODD_VALUES = ("", "x < y & z", "20 °C", "a ]]> b", "max =")

Attributes = dict[str, str]


@dataclass
class Said:
    """One element: `parts` are its members in order, each with its attributes and its text."""

    verb: str
    kind: str
    device: str
    name: str | None
    attributes: Attributes = field(default_factory=dict)
    parts: list[tuple[Attributes, str]] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """Its tag."""
        return "delProperty" if self.verb == "del" else f"{self.verb}{self.kind}Vector"

    @property
    def part_tag(self) -> str:
        """The tag of its members."""
        return ("def" if self.verb == "def" else "one") + self.kind


@dataclass
class Known:
    """A property of the model."""

    kind: str
    attributes: Attributes
    members: dict[str, tuple[Attributes, str]]
    definition: bytes
    touched: bool = False


class Model:
    """Devices, properties and members as plain dictionaries, changed at once by all that is said."""

    def __init__(self) -> None:
        self.devices: dict[str, dict[str, Known]] = {}

    def hear(self, said: Said, written: bytes) -> None:
        """One element."""
        if said.verb == "del":
            if said.name is None:
                self.devices.pop(said.device, None)
            else:
                self.devices.get(said.device, {}).pop(said.name, None)
            return
        assert said.name is not None
        if said.verb == "def":
            attributes = {"device": said.device, "name": said.name, **said.attributes}
            members = {part[0]["name"]: (dict(part[0]), part[1]) for part in said.parts}
            self.devices.setdefault(said.device, {})[said.name] = Known(said.kind, attributes, members, written)
            return
        known = self.devices.get(said.device, {}).get(said.name)
        if known is None:
            return
        known.touched = True
        if known.kind != said.kind:
            return
        known.attributes |= {
            key: said.attributes[key] for key in ("state", "timeout", "timestamp") if key in said.attributes
        }
        for attributes, text in said.parts:
            name = attributes["name"]
            if name in known.members and said.kind != "BLOB":
                old = known.members[name][0]
                if said.kind == "Number":
                    old |= {key: attributes[key] for key in ("min", "max", "step") if key in attributes}
                known.members[name] = (old, text)


def hear(view: View, framer: Framer, data: bytes) -> None:
    """What the core does with a read, as far as the view is concerned."""
    framer.feed(data)
    while (item := framer.pull()) is not None:
        if isinstance(item, Run):
            for head in item.heads:
                if known := view.find(head.device, head.name):
                    view.hear_run(known, item.data, head.first, head.last, head.end, 0.0)
            continue
        if isinstance(item, Blob):
            state = item.element.data[:-1] + b"/>"
            if known := view.find(item.device, item.name):
                known.store(state, 0, 0, len(state))
            continue
        _hear_element(view, item)


def _hear_element(view: View, item: Element) -> None:
    assert item.device is not None
    if item.tag == "delProperty":
        view.delete(item.device, item.name)
        return
    assert item.name is not None
    if item.tag.startswith("def"):
        view.define(item.tag, item.device, item.name, item.data)
    elif known := view.find(item.device, item.name):
        known.store(item.data, 0, 0, len(item.data))


# How it is written


def write(said: Said, layout: str) -> bytes:
    """The bytes of an element in the layout of some program."""
    before, after, quote = {"libindi": ("\n  ", "\n", "'"), "latin-1": ("\n  ", "\n", "'")}.get(layout, (" ", "", '"'))
    named = {"device": said.device, **({} if said.name is None else {"name": said.name}), **said.attributes}
    head = "".join(f"{before}{key}={_quoted(value, quote)}" for key, value in named.items())
    parts = "".join(_part(said, attributes, text, before, quote) for attributes, text in said.parts)
    line = "\n" if layout == "indiserver" else ""
    declared = "<?xml version='1.0'?>\n" if quote == "'" else ""
    whole = f"{declared}<{said.tag}{head}{after}>{line}{parts}</{said.tag}>\n"
    return whole.encode("latin-1" if layout == "latin-1" else "utf-8")


def _part(said: Said, attributes: Attributes, text: str, before: str, quote: str) -> str:
    head = "".join(f"{before}{key}={_quoted(value, quote)}" for key, value in attributes.items())
    return f"{before}<{said.part_tag}{head}>{escape(text)}</{said.part_tag}>"


def _quoted(value: str, quote: str) -> str:
    if quote in value:
        return quoteattr(value)
    return quote + escape(value) + quote


# What is said: mostly set* of all members of few properties in plain ASCII, so that they meet and replace each other


def _seldom(draw: st.DrawFn, one_in: int = 5) -> bool:
    return draw(st.integers(1, one_in)) == one_in


def _maybe(draw: st.DrawFn, *keys: str) -> Attributes:
    return {key: draw(st.sampled_from(("0", "60", "1.5"))) for key in keys if draw(st.booleans())}


def _value(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(ODD_VALUES if _seldom(draw, 8) else VALUES))


def _parts(draw: st.DrawFn, verb: str, kind: str) -> list[tuple[Attributes, str]]:
    """Members: of a definition each once; of a set* mostly those, else some of them, perhaps unknown or twice."""
    names = [*MEMBERS, *(ODD_MEMBERS if _seldom(draw) else ())]
    if verb == "set" and _seldom(draw, 3):
        names = draw(st.lists(st.sampled_from((*names, "unknown")), max_size=len(names)))
    limited = verb == "def" or _seldom(draw)
    limits = ("min", "max", "step") if limited and (kind == "Number" or _seldom(draw)) else ()
    return [({"name": name, **_maybe(draw, *limits)}, _value(draw) if kind != "BLOB" else "") for name in names]


@st.composite
def elements(draw: st.DrawFn) -> Said:
    """One element."""
    verb = draw(st.sampled_from(("def", *["set"] * 9, "del")))
    device = draw(st.sampled_from((*["Camera"] * 5, *DEVICES)))
    name = draw(st.sampled_from((*["N"] * 3, *["M"] * 3, *NAMES)))
    kind = draw(st.sampled_from(KINDS)) if _seldom(draw, 8) else KINDS[NAMES.index(name)]
    if verb == "del":
        return Said("del", kind, device, draw(st.sampled_from((name, name, None))))
    attributes = {} if _seldom(draw, 8) else {"state": draw(st.sampled_from(("Ok", "Busy")))}
    if not _seldom(draw, 3):
        attributes |= _maybe(draw, "timeout", "timestamp")
    if _seldom(draw, 8):
        attributes["message"] = _value(draw).strip()
    if verb == "def":
        attributes |= {"label": "L°", "perm": "rw"}
    return Said(verb, kind, device, name, attributes, _parts(draw, verb, kind))


@st.composite
def reads(draw: st.DrawFn) -> list[tuple[bool, list[tuple[Said, str]]]]:
    """What some reads bring, each element with the layout of its writer; and whether somebody asks afterwards."""
    same = draw(st.sampled_from((*LAYOUTS, None)))
    defined = [
        Said("def", kind, "Camera", name, {}, _parts(draw, "def", kind))
        for name, kind in zip(NAMES, KINDS, strict=False)
    ]
    said = [defined, *draw(st.lists(st.lists(elements(), min_size=1, max_size=6), max_size=6))]
    return [(_seldom(draw, 3), [(each, same or draw(st.sampled_from(LAYOUTS))) for each in read]) for read in said]
