"""Interlocks: commands that are not delivered unless a condition holds. Rules: docs/observatory.md, "Interlocks".

An interlock refuses whatever any reader could take for the command that it names. Drivers read commands in their own
ways: libindi compares the beginnings of switches (`Onward` is on), passes over comments within a value, and takes the
last of two values of one member; others take character references and CDATA. So a command is delivered past an
interlock only where it is *plainly* something else: no comment, reference, CDATA or nesting, each value of a form that
all read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from inditree.observatory.conditions import Condition, Number, Operand, Source
from inditree.observatory.patterns import Pattern
from inditree.wire.elements import Element

_SPACE = rb"[ \t\r\n]"
_ATTRIBUTES = rb"(?:" + _SPACE + rb"++[\w:.-]++" + _SPACE + rb"*+=" + _SPACE + rb"*+(?:\"[^\"<&]*+\"|'[^'<&]*+'))*+"
_HEAD = re.compile(
    _SPACE + rb"*+<new(Text|Number|Switch|BLOB)Vector" + _ATTRIBUTES + _SPACE + rb"*+>" + _SPACE + rb"*+"
)
_MEMBER = re.compile(
    rb"<one(\w++)" + _ATTRIBUTES + _SPACE + rb"*+>([^<&]*+)</one(\w++)" + _SPACE + rb"*+>" + _SPACE + rb"*+"
)
_NAME = re.compile(_SPACE + rb"name" + _SPACE + rb"*+=" + _SPACE + rb"*+(?:\"([^\"]*+)\"|'([^']*+)')")
_TAIL = re.compile(rb"</new(Text|Number|Switch|BLOB)Vector" + _SPACE + rb"*+>" + _SPACE + rb"*+")


class Defined(NamedTuple):
    """What is known of the property that a command is for: `kind` is Switch, Number, Text or BLOB."""

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

    def concerns(self, device: str, name: str) -> bool:
        """Whether one of its patterns names this property."""
        return any(pattern.names(device, name) for pattern in self.refuse)

    def could_be(self, command: Element, defined: Defined | None) -> bool:
        """Whether any reader could take this `new*` for one that is refused; `defined` is its property, if known."""
        device, name = command.device or "", command.name or ""
        patterns = [pattern for pattern in self.refuse if pattern.names(device, name)]
        if not patterns:
            return False
        plain = plainly(command.data)
        if plain is None or defined is None or defined.kind != plain[0]:
            return True
        return any(_could_be(pattern, defined, plain[1]) for pattern in patterns)

    def holds(self, source: Aged) -> bool | None:
        """Whether its condition holds; None where that is unknown."""
        return self.unless.holds(_Recent(source, self.max_age))


def _could_be(pattern: Pattern, defined: Defined, given: list[Given]) -> bool:
    if any(pattern.may_set(member, defined.kind, text) for member, text in given):
        return True
    if defined.kind != "Switch" or defined.rule not in ("OneOfMany", "AtMostOne"):
        return False
    named = {member for member, _ in given}
    on = [member for member, text in given if text.strip(" \t\r\n") == "On"]
    others = [member for member in defined.members if member not in named]
    if on:  # turning one on turns the others off
        return len(on) > 1 or any(pattern.may_turn(member, False) for member in others)
    # With one of many, switching the others off leaves this one: readers choose differently which.
    return defined.rule == "OneOfMany" and any(pattern.may_turn(member, True) for member in others)


class Aged(Source, Protocol):
    """A source of values that knows how long their owners have been silent."""

    def silent(self, device: str) -> float:
        """Seconds since the owner of a device said anything; infinite where nobody owns it."""


class _Recent(Source):
    """What has been heard of within `max_age` seconds; all else is unknown."""

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


class Gate:
    """All interlocks of a router, asked about each `new*`. Without any it is not asked at all."""

    KNOWN = 1024
    """Properties whose interlocks are remembered; clients can make up names without end."""

    def __init__(self, interlocks: Iterable[Interlock]) -> None:
        self.interlocks = tuple(interlocks)
        self._concerned: dict[tuple[str, str], tuple[Interlock, ...]] = {}

    def concerned(self, device: str, name: str) -> tuple[Interlock, ...]:
        """The interlocks that name this property."""
        found = self._concerned.get((device, name))
        if found is None:
            if len(self._concerned) >= self.KNOWN:
                self._concerned.clear()
            found = tuple(each for each in self.interlocks if each.concerns(device, name))
            self._concerned[device, name] = found
        return found

    def refusing(self, command: Element, defined: Defined | None, source: Aged) -> Interlock | None:
        """The first interlock that refuses this `new*` now; None where it may be delivered."""
        for each in self.concerned(command.device or "", command.name or ""):
            if each.could_be(command, defined) and not each.holds(source):
                return each
        return None


def states(interlocks: Iterable[Interlock], source: Aged) -> Mapping[str, bool | None]:
    """By name whether each interlock's condition holds now; None where that is unknown."""
    return {each.name: each.holds(source) for each in interlocks}
