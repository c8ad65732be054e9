"""The values that conditions and interlocks read: properties as defined, with their newest values."""

from __future__ import annotations

import calendar
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

from inditree.envelope import number
from inditree.observatory.conditions import STATES, Operand
from inditree.observatory.interlocks import Defined
from inditree.view.fold import read
from inditree.view.properties import View

KEPT = 1024
"""Properties that are kept parsed."""

_SWITCHES = {"On": 1.0, "Off": 0.0}
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)Z?", re.ASCII)


class Values:
    """Reads a view. `silent` gives the seconds since a device said anything, `clients` counts connections by a glob.

    Between two runs the view has to be brought up to date by its owner (`Core.receive` and `Core.drain` do).
    """

    def __init__(self, view: View, silent: Callable[[str], float], clients: Callable[[str], int]) -> None:
        self._view = view
        self._roots: dict[tuple[str, str], tuple[bytes, ET.Element | None]] = {}
        self.silent = silent
        self.clients = clients

    def root(self, device: str, name: str) -> ET.Element | None:
        """The definition of a property with its newest values; None where there is none that can be read."""
        known = self._view.find(device, name)
        if known is None:
            self._roots.pop((device, name), None)
            return None
        data = known.current()
        kept = self._roots.get((device, name))
        if kept is None or kept[0] is not data:
            if len(self._roots) >= KEPT:
                self._roots.clear()
            kept = self._roots[device, name] = data, read(data)
        return kept[1]

    def _believed(self, operand: Operand) -> ET.Element | None:
        """The property of an operand; None where nobody is left who answers for it, which the view may learn later."""
        return None if math.isinf(self.silent(operand.device)) else self.root(operand.device, operand.property)

    def defined(self, device: str, name: str) -> Defined | None:
        """The definition of a property that a command is for, with its values; None where it is not defined."""
        root = self.root(device, name)
        if root is None:
            return None
        members = tuple(member.get("name", "") for member in root)
        return Defined(root.tag[3:-6], root.get("rule", ""), members)

    def number(self, operand: Operand) -> float | None:
        """A member's value as a number, a state or a time stamp; None where it is not known or no number."""
        root = self._believed(operand)
        if root is None:
            return None
        if operand.member == "_STATE":
            return STATES.get(root.get("state", ""))
        if operand.member == "_TS":
            return _seconds(root.get("timestamp", ""))
        member = _member(root, operand.member)
        if member is None:
            return None
        text = (member.text or "").strip()
        if member.tag == "defSwitch":
            return _SWITCHES.get(text)
        return STATES.get(text) if member.tag == "defLight" else number(text)

    def text(self, operand: Operand) -> str | None:
        """A member's text as it stands; None where it is not defined."""
        root = self._believed(operand)
        member = _member(root, operand.member) if root is not None else None
        return None if member is None or member.tag == "defBLOB" else member.text or ""


def _member(root: ET.Element, name: str) -> ET.Element | None:
    return next((each for each in root if each.get("name") == name), None)


def _seconds(timestamp: str) -> float | None:
    """Seconds since 1970 of a time stamp of INDI (UTC); None for what is none."""
    found = _TIME.fullmatch(timestamp.strip())
    if found is None:
        return None
    *whole, seconds = found.groups()
    year, month, day, hour, minute = map(int, whole)
    if not (year and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    fraction, full = math.modf(float(seconds))
    return calendar.timegm((year, month, day, hour, minute, int(full))) + fraction
