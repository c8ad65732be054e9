"""Patterns over what a command sets: ``Dome.DOME_SHUTTER.SHUTTER_OPEN=On``, ``Mount.*.*``, ``Cam.COOLER.T<-20``.

Three globs between dots (the last two dots count, as a device's name may have dots), then nothing, or a comparison and
a value. A part in double quotes is itself, whatever signs it has.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from inditree.commands.names import literal, split
from inditree.envelope import number
from inditree.errors import ConditionError

_COMPARISON = re.compile(r"(<=|>=|==|!=|=|<|>)")
_BEGINNING = re.compile(r"\s*+[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
MAX_NUMBER = 64
"""Characters of a number that is plain to all: libindi cuts off what is longer than 127."""
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MANY = 256
"""Devices of one owner that are not compared with a glob one by one, for each command."""

_SWITCHES = {"On": True, "Off": False}


@dataclass(frozen=True)
class Pattern:
    """A pattern for commands, `Device.PROPERTY.MEMBER`, maybe with a comparison.

    `compare` is "" where any value fits; `value` is what it is compared with.
    """

    text: str
    device: str
    property: str
    member: str
    compare: str = ""
    value: str = ""

    @cached_property
    def only(self) -> str | None:
        """The one device that it can fit; None where it may fit several."""
        return literal(self.device)

    def of_one(self, devices: Collection[str]) -> bool:
        """Says whether one of these devices fits. Of very many, any glob is said to fit."""
        if self.only is not None:
            return self.only in devices
        return len(devices) > MANY or any(fnmatchcase(each, self.device) for each in devices)

    def names(self, device: str, name: str) -> bool:
        """Says whether a property of this device and name fits."""
        return fnmatchcase(name, self.property) and fnmatchcase(device, self.device)

    def may_set(self, member: str, kind: str, text: str) -> bool:
        """Says whether any reader could take this text, given for this member, for what the pattern is about.

        `kind` is Switch, Number, Text or BLOB, `text` what stands in the command. True wherever the text is not
        plainly something else.
        """
        if not fnmatchcase(member, self.member):
            return False
        return not self.compare or self._may_be(kind, text)

    def may_turn(self, member: str, on: bool) -> bool:
        """Says whether the pattern is about a switch that another one turns on or off by the property's rule."""
        return fnmatchcase(member, self.member) and self._switched(on)

    def _may_be(self, kind: str, text: str) -> bool:
        match kind:
            case "Switch":
                plain = _SWITCHES.get(text.strip(" \t\r\n"))
                return plain is None or self._switched(plain)
            case "Number":
                return self._may_be_number(text)
            case "Text":
                return self._may_be_text(text)
        return True

    def _may_be_number(self, text: str) -> bool:
        given, wanted = _readings(text), number(self.value)
        if not given or wanted is None:
            return True
        return any(_ORDER[self.compare](each, wanted) for each in given)

    def _switched(self, on: bool) -> bool:
        wanted = _SWITCHES.get(self.value)
        if not self.compare or wanted is None or self.compare not in ("=", "==", "!="):
            return True
        return (on is wanted) is (self.compare != "!=")

    def _may_be_text(self, text: str) -> bool:
        given, wanted = text.strip().casefold(), self.value.strip().casefold()
        if self.compare == "!=":
            return given != wanted or text != self.value
        if self.compare not in ("=", "=="):
            return True
        return given.startswith(wanted) or (bool(given) and wanted.startswith(given))  # some readers compare beginnings


def _readings(text: str) -> set[float]:
    """Gives all that readers take a number for; none where not all can read it.

    Who knows no sexagesimal stops at the blank of `12 30`, as strtod does, and libindi takes blanks out: 1230.
    """
    text = text.strip()
    if not text.isascii() or len(text) > MAX_NUMBER:
        return set()
    found: set[float] = set()
    for each in (text, text.replace(" ", "")):
        value, begun = number(each), _BEGINNING.match(each)
        if value is None or begun is None:
            return set()
        found |= {value, float(begun[0])}
    return found


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern. Raises ConditionError with the column (from 1) of the mistake."""
    try:
        parts, start = split(text, "<>=!")
    except ValueError:
        raise ConditionError('no closing "', text.rfind('"') + 1) from None
    parts[-1] = parts[-1].rstrip()
    if len(parts) < 3:
        raise ConditionError(f"{text!r} is not DEVICE.PROPERTY.MEMBER", 1)
    device, name, member = ".".join(parts[:-2]), parts[-2], parts[-1]
    if not (device and name and member):
        raise ConditionError(f"{text!r} has an empty part", 1)
    compare, value = _comparison(text, start) if start < len(text) else ("", "")
    return Pattern(text, device, name, member, compare, value)


def _comparison(text: str, start: int) -> tuple[str, str]:
    found = _COMPARISON.match(text, start)
    if found is None:
        raise ConditionError("! alone compares nothing", start + 1)
    compare, value = found[0], text[found.end() :].strip()
    if not value:
        raise ConditionError(f"a value expected after {compare}", found.end() + 1)
    if compare in ("<", "<=", ">", ">=") and number(value) is None:
        raise ConditionError(f"{value!r} is not a number", found.end() + 1)
    return compare, value
