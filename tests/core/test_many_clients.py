"""A hundred clients that connect and ask at random moments, beside a model of what the driver last published."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.world import Actor, World
from inditree.wire.syntax import get_properties

CLIENTS = 100
GET = "<getProperties version='1.7'/>"
MEMBERS = ("A", "B", "C")
KINDS = {"NUM": "Number", "TXT": "Text", "SW": "Switch", "LI": "Light"}
STATES = ("Idle", "Ok", "Busy", "Alert")
WORDS = {
    "Number": ("0", "-7", "1:30:00", " 5.50 ", "-0", "1e9"),
    "Text": ("", "a", " b c ", "<&>", "\"'", "é", "]]>"),
    "Switch": ("On", "Off"),
    "Light": STATES,
}

Property = tuple[dict[str, str], dict[str, tuple[str, dict[str, str]]]]  # vector attributes, member: text, attributes


def element(tag: str, attributes: dict[str, str], one: str, members: dict[str, tuple[str, dict[str, str]]]) -> str:
    """The XML of a vector, in one line."""
    root = ET.Element(tag, attributes)
    for name, (text, more) in members.items():
        ET.SubElement(root, one, {"name": name, **more}).text = text
    line: bytes = ET.tostring(root, encoding="us-ascii")
    return line.decode()


def parsed(line: str) -> tuple[str, Property]:
    """The key of a definition, and its property, as a client understands them."""
    root = ET.fromstring(line)
    attributes = dict(root.attrib)
    name = attributes.pop("name")
    assert attributes.pop("device") == "D"
    members = {}
    for child in root:
        more = dict(child.attrib)
        members[more.pop("name")] = (child.text or "", more)
    return name, (attributes, members)


class Model:
    """A driver of one device, and what it last published."""

    def __init__(self, world: World, random: Random) -> None:
        self.random = random
        self.published: dict[str, Property] = {}
        self.actor = world.join("driver")
        world.core.desk.send(self.actor.peer, get_properties(), "getProperties")
        world.run()

    def act(self, say: bool = True) -> str:
        """One element; it is remembered as published."""
        name = self.random.choice(sorted(KINDS))
        known = self.published.get(name)
        what = self.random.choice(("set", "set", "set", "define", "delete"))
        if known is None or what == "define":
            line = self._define(name)
        elif what == "delete":
            del self.published[name]
            line = f'<delProperty device="D" name="{name}"/>'
        else:
            line = self._set(name, known)
        if say:
            self.actor.say(line)
        return line

    def _define(self, name: str) -> str:
        kind = KINDS[name]
        number = {"min": "0", "max": "9", "step": "1", "format": "%g"} if kind == "Number" else {}
        members = {member: (self.random.choice(WORDS[kind]), {"label": member, **number}) for member in MEMBERS}
        attributes = {"label": "l", "state": self.random.choice(STATES)}
        self.published[name] = (attributes, members)
        return element(f"def{kind}Vector", {"device": "D", "name": name, **attributes}, f"def{kind}", members)

    def _set(self, name: str, known: Property) -> str:
        """All of its members or some of them, perhaps with a limit, and with or without the vector's attributes."""
        kind = KINDS[name]
        attributes, members = known
        keys = [key for key in ("state", "timestamp", "timeout") if self.random.random() < 0.5]
        said = {key: self.random.choice(STATES) for key in keys}
        ones: dict[str, tuple[str, dict[str, str]]] = {}
        for member in MEMBERS:
            if self.random.random() < 0.75:
                limited = kind == "Number" and self.random.random() < 0.2
                limit = {"max": self.random.choice(WORDS["Number"])} if limited else {}
                ones[member] = (self.random.choice(WORDS[kind]), limit)
        line = element(f"set{kind}Vector", {"device": "D", "name": name, **said, "message": "news"}, f"one{kind}", ones)
        attributes.update(said)
        for member, (text, limit) in ones.items():
            members[member] = (text, {**members[member][1], **limit})
        return line


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 32))
def test_each_newcomers_answer_is_what_the_driver_last_published(seed: int) -> None:
    world = World()
    random = Random(seed)
    model = Model(world, random)
    clients: list[Actor] = []
    for _ in range(CLIENTS):
        said = [model.act() for _ in range(random.randint(0, 2))]
        witnesses = clients[-2:]
        assert all(witness.heard() == said for witness in witnesses)
        newcomer = world.join("client")
        newcomer.say(GET)
        assert dict(map(parsed, newcomer.heard())) == model.published
        clients.append(newcomer)
    assert model.actor.heard() == ['<getProperties version="1.7"/>']
    assert not any(witness.heard() for witness in clients[-2:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_a_newcomer_who_follows_what_it_hears_knows_what_the_driver_published(seed: int) -> None:
    """Whatever lies in one read, and however slowly a client takes it: no set* before its definition, none lost."""
    world = World()
    random = Random(seed)
    model = Model(world, random)
    clients: list[tuple[Actor, dict[str, Property]]] = []
    for _ in range(12):
        model.actor.say("\n".join(model.act(say=False) for _ in range(random.randint(1, 6))))
        newcomer = world.join("client")
        newcomer.stuck = True
        newcomer.say(GET)
        clients.append((newcomer, {}))
        for client, _ in clients:
            client.take(random.randint(0, 2000))
    for client, knows in clients:
        client.stuck = False
        for line in client.heard():
            follow(line, knows)
        assert knows == model.published


def follow(line: str, knows: dict[str, Property]) -> None:
    """What a client does with what it hears."""
    name, (attributes, members) = parsed(line)
    if line.startswith("<def"):
        knows[name] = attributes, members
    elif line.startswith("<del"):
        del knows[name]
    else:
        attributes.pop("message")
        knows[name][0].update(attributes)
        for member, (text, limit) in members.items():
            knows[name][1][member] = (text, {**knows[name][1][member][1], **limit})
