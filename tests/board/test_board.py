"""What is drawn of the dashboards: every kind of panel, every variable, every unit and colour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from board import units
from board.model import KINDS, BoardError, legend, panels, substituted
from board.prometheus import Recording

BOARDS = Path(__file__).parents[2] / "k8s/monitoring/dashboards"
NAMES = ("inditree", "inditree-night")
RECORDING = Recording("127.0.0.1:9090", 1000, 1110)


def test_a_kind_of_panel_that_nobody_draws_is_said(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    place = {"x": 0, "y": 0, "w": 24, "h": 8}
    file.write_text(json.dumps({"panels": [{"type": "piechart", "title": "Pie", "gridPos": place}]}))
    with pytest.raises(BoardError, match=r"^new\.json: no such panels are drawn: piechart$"):
        panels(file)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_of_a_kind_and_in_units_that_are_drawn(name: str) -> None:
    found = [each for each in panels(BOARDS / f"{name}.json") if each.targets]
    assert {each.kind for each in found} <= set(KINDS)
    for each in found:
        assert {each.unit(), *(each.unit(target.legend) for target in each.targets)} <= units.UNITS, each.title


def test_an_override_gives_its_series_another_unit() -> None:
    (waiting,) = (each for each in panels(BOARDS / "inditree.json") if each.title == "Waiting")
    assert (waiting.unit("client not read"), waiting.unit("slow clients")) == ("percentunit", "none")


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_over_another_or_beside_the_grid(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for each in panels(BOARDS / f"{name}.json"):
        cells = {(each.x + x, each.y + y) for x in range(each.width) for y in range(each.height)}
        assert not cells & taken, each.title
        assert all(x < 24 for x, _ in cells), each.title
        taken |= cells


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_every_query_is_known(name: str) -> None:
    for panel in panels(BOARDS / f"{name}.json"):
        for target in panel.targets:
            assert "$" not in substituted(target.expr, RECORDING.variables)


def test_a_variable_is_the_longest_name_and_an_unknown_one_is_an_error() -> None:
    variables = {"job": "inditree", "__range": "110s"}
    assert substituted('up{job="$job"}[$__range]', variables) == 'up{job="inditree"}[110s]'
    assert substituted("${job}s", variables) == "inditrees"
    with pytest.raises(BoardError, match=r"^nothing to put for \$jobs in \$jobs$"):
        substituted("$jobs", variables)
    assert RECORDING.variables["__range"] == "110s"


def test_a_legend_has_its_labels_and_nothing_for_those_that_are_not_there() -> None:
    assert legend("{{instance}} {{driver}}", {"instance": "dome", "driver": "ccd"}) == "dome ccd"
    assert legend("closed {{reason}}", {}) == "closed"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        (0.0, "s", "0 s"),
        (0.00042, "s", "420 µs"),
        (95.0, "s", "1.58 min"),
        (1536.0, "bytes", "1.5 KiB"),
        (134217728.0, "bytes", "128 MiB"),
        (12_345_678.0, "Bps", "12.3 MB/s"),
        (0.25, "cps", "0.25 c/s"),
        (0.031, "percentunit", "3.1%"),
        (1048576.0, "none", "1048576"),
        (1.0, "bool_on_off", "On"),
    ],
)
def test_values_are_written_in_their_unit(value: float | None, unit: str, text: str) -> None:
    assert units.text(value, unit) == text


def test_ticks_are_even_in_the_unit() -> None:
    assert units.ticks(140 * 1024**2, "bytes") == [n * 32 * 1024**2 for n in range(5)]
    assert units.ticks(0.011, "s") == pytest.approx([0, 0.0025, 0.005, 0.0075, 0.01])
