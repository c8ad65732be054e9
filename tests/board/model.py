"""What a dashboard's JSON says about its panels, and what its queries are once Grafana's variables are filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROW = "row"
KINDS = ("timeseries", "stat", "state-timeline", "heatmap")  # each has its function in draw.py
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class BoardError(Exception):
    """A dashboard that we cannot draw, or a program that did not do its part."""


@dataclass(frozen=True)
class Target:
    """A query of a panel: an expression and a legend, both templates."""

    expr: str
    legend: str
    instant: bool


@dataclass(frozen=True)
class Panel:
    """A panel: its place in Grafana's grid of 24 columns, and the JSON that it was made of."""

    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    targets: tuple[Target, ...]
    json: Mapping[str, Any]

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What holds for all its fields: unit, thresholds, mappings."""
        return dict(self.json.get("fieldConfig", {}).get("defaults", {}))

    def unit(self, name: str = "") -> str:
        """Of the series with this legend."""
        for override in self.json.get("fieldConfig", {}).get("overrides", ()):
            if override["matcher"] == {"id": "byName", "options": name}:
                for each in override["properties"]:
                    if each["id"] == "unit":
                        return str(each["value"])
        return str(self.defaults.get("unit", "none"))


@dataclass(frozen=True)
class Series:
    """What a query gave: a value for each step of the time that is drawn, None where there is none."""

    name: str
    labels: Mapping[str, str]
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        """The newest value that is one: Grafana's lastNotNull."""
        return next((each for each in reversed(self.values) if each is not None), None)

    @property
    def largest(self) -> float | None:
        """Of all its values."""
        return max((each for each in self.values if each is not None), default=None)


def panels(path: Path) -> list[Panel]:
    """Those of a dashboard's file; BoardError where one is of a kind that nobody here can draw."""
    made = [_panel(each) for each in json.loads(path.read_text())["panels"]]
    if unknown := sorted({each.kind for each in made} - {ROW, *KINDS}):
        raise BoardError(f"{path.name}: no such panels are drawn: {', '.join(unknown)}")
    return made


def _panel(each: dict[str, Any]) -> Panel:
    place = each["gridPos"]
    targets = tuple(
        Target(one["expr"], one.get("legendFormat", ""), bool(one.get("instant"))) for one in each.get("targets", ())
    )
    return Panel(each["type"], each["title"], place["x"], place["y"], place["w"], place["h"], targets, each)


def substituted(expr: str, variables: Mapping[str, str]) -> str:
    """The expression with `$name` and `${name}` filled in; BoardError for a name that is not among the variables."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in variables:
            raise BoardError(f"nothing to put for ${name} in {expr}")
        return variables[name]

    return VARIABLE.sub(value, expr)


def legend(template: str, labels: Mapping[str, str]) -> str:
    """The legend of a series; a label that it does not have is empty, as in Grafana."""
    return " ".join(LABEL.sub(lambda found: labels.get(found[1], ""), template).split())
