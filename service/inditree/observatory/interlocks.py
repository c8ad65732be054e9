"""Interlocks: commands that are not delivered unless a condition holds. Rules: docs/observatory.md, "Interlocks".

An interlock refuses whatever any reader could take for the command that it names. Drivers read commands in their own
ways: libindi compares the beginnings of switches (`Onward` is on), passes over comments within a value, and takes the
last of two values of one member; others take character references and CDATA. So a command is delivered past an
interlock only where it is *plainly* something else: no comment, reference, CDATA or nesting, each value of a form that
all read alike. And what goes to a driver that has a device with an interlock must not hide a second command: lilxml
ends a CDATA section at its first `>`, so that what stands behind it is a command to libindi.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

from inditree.commands.names import literal
from inditree.observatory.conditions import Condition, Number, Operand, Source
from inditree.observatory.patterns import Pattern
from inditree.wire.elements import Blob, Element
from inditree.wire.hidden import hides, hides_in_image

_SPACE = rb"[ \t\r\n]"
_ENTITY = rb"&(?:amp|lt|gt|quot|apos);"
_CHARACTER = rb"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});"
# Who searches for `device="` must find nothing in another value: so no quotes that follow a sign of equality.
_IN_DOUBLE = rb"[^\"'<&>]*+(?:(?<![= \t\r\n])'[^\"'<&>]*+)*+"
_DOUBLE = rb"\"" + _IN_DOUBLE + rb"(?:" + _ENTITY + _IN_DOUBLE + rb")*+\""
_IN_SINGLE = rb"[^\"'<&>]*+"
_SINGLE = rb"'" + _IN_SINGLE + rb"(?:" + _ENTITY + _IN_SINGLE + rb")*+'"
_KNOWN = rb"(?:device|name|label|group|state|perm|rule|timeout|timestamp|message|format|min|max|step|size|len|enclen)"
_ATTRIBUTES = (
    rb"(?:" + _SPACE + rb"++" + _KNOWN + _SPACE + rb"*+=" + _SPACE + rb"*+(?:" + _DOUBLE + rb"|" + _SINGLE + rb"))*+"
)
_END = _SPACE + rb"*+>" + _SPACE + rb"*+"
_HEAD = re.compile(_SPACE + rb"*+<new(Text|Number|Switch)Vector" + _ATTRIBUTES + _END)
_MEMBER = re.compile(rb"<one(\w++)" + _ATTRIBUTES + _SPACE + rb"*+>([^<&]*+)</one(\w++)" + _END)
_NAME = re.compile(_SPACE + rb"name" + _SPACE + rb"*+=" + _SPACE + rb"*+(?:\"([^\"&]*+)\"|'([^'&]*+)')")
_TAIL = re.compile(rb"</new(Text|Number|Switch)Vector" + _END)
_TAME = re.compile(
    _SPACE
    + rb"*+<new(Text|Number|Switch)Vector"
    + _ATTRIBUTES
    + _END
    + rb"(?:<one(?:Text|Number|Switch)"
    + _ATTRIBUTES
    + _SPACE
    + rb"*+>[^<&]*+(?:"
    + _CHARACTER
    + rb"[^<&]*+)*+</one(?:Text|Number|Switch)"
    + _END
    + rb")*+</new\1Vector"
    + _END
)
"""A `new*` in which every reader sees one command for one property: nothing in it could be another one to anybody."""


class Defined(NamedTuple):
    """The property that a command is for, as it is defined: `kind` is Switch, Number, Text or BLOB."""

    kind: str
    rule: str = ""
    members: tuple[str, ...] = ()


class Given(NamedTuple):
    """One value of a command, as it stands there."""

    member: str
    text: str


def plainly(data: bytes) -> tuple[str, list[Given]] | None:
    """The kind of a `new*` and its values, in order; None where readers could differ about what they are."""
    head = _HEAD.match(data)
    if head is None:
        return None
    kind, at, given = head[1], head.end(), []
    while member := _MEMBER.match(data, at):
        names = [found[0] or found[1] for found in _NAME.findall(data, member.start(), member.start(2))]
        if not member[1] == member[3] == kind or len(names) != 1:
            return None
        try:
            given.append(Given(names[0].decode(), member[2].decode()))
        except UnicodeDecodeError:
            return None
        at = member.end()
    tail = _TAIL.match(data, at)
    if tail is None or tail[1] != kind or tail.end() != len(data) or not given:
        return None
    if len({each.member for each in given}) < len(given):
        return None
    return kind.decode(), given


@dataclass(frozen=True)
class Interlock:
    """Refuses what `refuse` names unless `unless` holds.

    `max_age` (seconds, None: no bound): how long the owner of a device that the condition names may be silent before
    what it said counts as unknown.
    """

    name: str
    refuse: tuple[Pattern, ...]
    unless: Condition
    max_age: float | None = None

    def concerns(self, device: str, name: str, known: bool = True) -> bool:
        """Says whether a pattern of it names this property; where it is not `known`, as careless readers compare."""
        if known:
            return any(pattern.names(device, name) for pattern in self.refuse)
        return any(
            fnmatchcase(device, each.device) and fnmatchcase(loose(name), loose(each.property)) for each in self.refuse
        )

    def touches(self, owned: Collection[str]) -> bool:
        """Says whether it names one of these devices."""
        return any(each.of_one(owned) for each in self.refuse)

    def could_be(self, command: Element, defined: Defined | None) -> bool:
        """Says whether a reader could take this `new*` for one that is refused; `defined` is its property, if known."""
        device, name = command.device or "", command.name or ""
        patterns = [pattern for pattern in self.refuse if pattern.names(device, name)]
        if not patterns:
            return False
        plain = plainly(command.data)
        if plain is None or defined is None or defined.kind != plain[0]:
            return True
        return any(_could_be(pattern, defined, plain[1]) for pattern in patterns)

    def names(self) -> set[str]:
        """The devices that it names; globs are not among them."""
        guarded = {name for each in self.refuse if (name := literal(each.device)) is not None}
        return guarded | {each.device for each in self.unless.operands}

    def unknown(self, source: Aged) -> list[Operand]:
        """The operands of its condition that are not defined, or too old."""
        return self.unless.unknown(_Recent(source, self.max_age))

    def holds(self, source: Aged) -> bool | None:
        """Says whether its condition holds; None where that is unknown."""
        return self.unless.holds(_Recent(source, self.max_age))


def _could_be(pattern: Pattern, defined: Defined, given: list[Given]) -> bool:
    named = {member for member, _ in given}
    if not named <= set(defined.members):
        return True
    if any(pattern.may_set(member, defined.kind, text) for member, text in given):
        return True
    if defined.kind != "Switch" or defined.rule == "AnyOfMany":
        return False
    if any(text.strip(" \t\r\n") == "On" for _, text in given):  # turning one on turns the others off
        several = sum(text.strip(" \t\r\n") == "On" for _, text in given) > 1
        return several or any(pattern.may_turn(member, False) for member in defined.members if member not in named)
    # With one of many, switching the others off leaves one: readers choose differently which.
    return defined.rule != "AtMostOne" and any(pattern.may_turn(member, True) for member in defined.members)


def loose(name: str) -> str:
    """A name as a careless reader compares it: without white space around it, whatever the case."""
    return name.strip().casefold()


class Aged(Source, Protocol):
    """A source of values that knows how long their owners have been silent, and what is defined."""

    def silent(self, device: str) -> float:
        """Seconds since the owner of a device said anything; infinite where nobody owns it."""

    def defined(self, device: str, name: str) -> Defined | None:
        """A property as it is defined now."""


class _Recent(Source):
    """A source of values that knows only properties heard of within `max_age` seconds."""

    def __init__(self, source: Aged, max_age: float | None) -> None:
        self._source = source
        self._max_age = max_age

    def _fresh(self, device: str) -> bool:
        return self._max_age is None or self._source.silent(device) <= self._max_age

    def number(self, operand: Operand) -> Number:
        return self._source.number(operand) if self._fresh(operand.device) else None

    def text(self, operand: Operand) -> str | None:
        return self._source.text(operand) if self._fresh(operand.device) else None

    def clients(self, pattern: str) -> int:
        return self._source.clients(pattern)


class Refusal(NamedTuple):
    """The interlock that refuses a command, and why, for people."""

    interlock: str
    why: str


class Gate:
    """Holds all interlocks of a router, and is asked about each `new*` that is to be delivered.

    `refusals` counts by interlock; `before` is the gate that this one takes the place of.
    """

    KNOWN = 1024
    """Properties whose interlocks are remembered; clients can make up names without end."""

    def __init__(self, interlocks: Iterable[Interlock], source: Aged, before: Gate | None = None) -> None:
        self.interlocks = tuple(interlocks)
        self.source = source
        old = before.refusals if before is not None else {}
        self.refusals: dict[str, int] = {each.name: old.get(each.name, 0) for each in self.interlocks}
        only = [pattern.only for each in self.interlocks for pattern in each.refuse]
        self._guarded = frozenset(name for name in only if name is not None)  # devices that are named as they are
        self._globs = None in only
        self._concerned: dict[tuple[str, str, bool], tuple[Interlock, ...]] = {}

    def concerned(self, device: str, name: str, known: bool = True) -> tuple[Interlock, ...]:
        """The interlocks that name this property; where it is not `known`, those that it is near enough to."""
        key = device, name, known
        found = self._concerned.get(key)
        if found is None:
            if len(self._concerned) >= self.KNOWN:
                self._concerned.clear()
            found = tuple(each for each in self.interlocks if each.concerns(device, name, known))
            self._concerned[key] = found
        return found

    def refusing(self, command: Element, owned: Collection[str]) -> Refusal | None:
        """Says why this `new*` may not go to the owner of these devices now; None where it may.

        What another reader could see in it is looked at too: a second command, for any of the owner's devices.
        """
        touching = self._touching(owned)
        if not touching:
            return None
        device, name = command.device or "", command.name or ""
        if _TAME.fullmatch(command.data) is None:
            return self._first(touching, "it could be taken for another command")
        defined = self.source.defined(device, name)
        named = self.concerned(device, name, defined is not None)
        if named and defined is None:
            return self._refuse(named[0], f"{device}.{name} is not defined")
        return self._first([each for each in named if each.could_be(command, defined)], "")

    def hiding(self, item: bytes | Blob, owned: Collection[str]) -> Refusal | None:
        """Says why what is no command may not be told to the owner of these devices now; None where it may.

        Who has none yet may have any of them soon.
        """
        touching = self._touching(owned) if owned else self.interlocks
        if not touching or not (hides(item) if isinstance(item, bytes) else hides_in_image(item.chunks)):
            return None
        return self._first(touching, "a command could hide in it")

    def _touching(self, owned: Collection[str]) -> list[Interlock]:
        """The interlocks that name one of these devices."""
        if not self._globs and self._guarded.isdisjoint(owned):
            return []
        return [each for each in self.interlocks if each.touches(owned)]

    def _first(self, suspects: Iterable[Interlock], more: str) -> Refusal | None:
        for each in suspects:
            holds = each.holds(self.source)
            if not holds:
                state = "its condition is unknown" if holds is None else "its condition does not hold"
                return self._refuse(each, f"{state}, and {more}" if more else state)
        return None

    def _refuse(self, interlock: Interlock, why: str) -> Refusal:
        self.refusals[interlock.name] += 1
        return Refusal(interlock.name, why)

    def states(self) -> dict[str, bool | None]:
        """Tell by name whether each interlock's condition holds now; None where that is unknown."""
        return {each.name: each.holds(self.source) for each in self.interlocks}
