"""Property values for Grafana: what `metrics.properties` names, as numbers. Runs in a thread."""

from __future__ import annotations

import logging
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from fnmatch import translate
from typing import NamedTuple

from inditree.envelope import number
from inditree.ops.control import Definition
from inditree.ops.detail import newest
from inditree.view.fold import parse

MAX_SERIES = 500
"""Series of property values and states together: a careless `*` must not fill a Prometheus."""

STATES = {"Idle": 0.0, "Ok": 1.0, "Busy": 2.0, "Alert": 3.0}
_SWITCHES = {"Off": 0.0, "On": 1.0}

_logger = logging.getLogger("inditree.metrics")


class Value(NamedTuple):
    device: str
    property: str
    member: str
    value: float


class State(NamedTuple):
    device: str
    property: str
    value: float


class PropertyValues:
    """Picks by globs over DEVICE.PROPERTY.MEMBER. Remembers what fits, so that a scrape parses only that."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._pattern = re.compile("|".join(translate(pattern) for pattern in patterns) or r"(?!)")
        self._fits: dict[tuple[str, str], tuple[bytes, frozenset[str]]] = {}
        self._warned = False

    def read(self, definitions: Iterable[Definition]) -> tuple[list[Value], list[State]]:
        """The values and states now, whole properties until the limit is reached."""
        values: list[Value] = []
        states: list[State] = []
        seen = {}
        for each in definitions:
            key = (each.device, each.property)
            seen[key] = fits = self._fitting(key, each.definition)
            root = newest(each) if fits[1] else None
            if root is None:
                continue
            found = list(_values(each, root, fits[1]))
            state = STATES.get(root.get("state", ""))
            if len(values) + len(states) + len(found) + (state is not None) > MAX_SERIES:
                self._warn()
                continue
            values += found
            if state is not None:
                states.append(State(each.device, each.property, state))
        self._fits = seen
        return values, states

    def _fitting(self, key: tuple[str, str], definition: bytes) -> tuple[bytes, frozenset[str]]:
        known = self._fits.get(key)
        if known is not None and known[0] is definition:
            return known
        try:
            names = [member.get("name", "") for member in parse(definition)]
        except ET.ParseError:
            names = []
        return definition, frozenset(name for name in names if self._pattern.match(".".join((*key, name))))

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            _logger.warning(
                "metrics.properties names more than %d series: the rest is left out",
                MAX_SERIES,
                extra={"event": "property_series_limit"},
            )


def _values(source: Definition, root: ET.Element, names: frozenset[str]) -> Iterator[Value]:
    for member in root:
        name, text = member.get("name", ""), (member.text or "").strip()
        if name not in names:
            continue
        match member.tag:
            case "defNumber":
                value = number(text)
            case "defSwitch":
                value = _SWITCHES.get(text)
            case "defLight":
                value = STATES.get(text)
            case _:
                value = None
        if value is not None:
            yield Value(source.device, source.property, name, value)
