from __future__ import annotations

import logging

import pytest

from inditree.envelope import number
from inditree.ops.control import Definition
from inditree.ops.detail import capture
from inditree.ops.values import MAX_SERIES, PropertyValues, State, Value
from inditree.view.properties import View
from ops.fake import COOLER, COORDINATES, IMAGE, TEMPERATURE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", 12.5),
        (" -3 ", -3.0),
        ("+.5e1", 5.0),
        ("10:30:00", 10.5),
        ("10:30", 10.5),
        ("-0:30:36", -0.51),
        ("+12 15 00.0", 12.25),
        ("12;15", 12.25),
        ("", None),
        ("nan", None),
        ("1_0", None),
        ("10:30:00:00", None),
        ("ten", None),
    ],
)
def test_numbers_as_indi_writes_them(text: str, value: float | None) -> None:
    assert number(text) == (None if value is None else pytest.approx(value))


def test_only_what_the_patterns_name_is_told() -> None:
    picker = PropertyValues(["CCD.CCD_TEMPERATURE.*", "*.EQUATORIAL_EOD_COORD.DEC", "*.CCD1.*"])
    values, states = picker.read([TEMPERATURE, COORDINATES, COOLER, IMAGE])
    assert values == [
        Value("CCD", "CCD_TEMPERATURE", "VALUE", -9.5),
        Value("Mount", "EQUATORIAL_EOD_COORD", "DEC", -0.51),
    ]
    assert states == [
        State("CCD", "CCD_TEMPERATURE", 2.0),
        State("Mount", "EQUATORIAL_EOD_COORD", 1.0),
        State("CCD", "CCD1", 0.0),
    ]


def test_without_patterns_nothing_is_told() -> None:
    assert PropertyValues([]).read([TEMPERATURE]) == ([], [])


def test_a_new_definition_is_looked_at_anew() -> None:
    picker = PropertyValues(["*.*.B"])
    xml = b'<defNumberVector device="D" name="P" state="Ok"><defNumber name="A">1</defNumber></defNumberVector>'
    old = Definition("D", "P", xml)
    new = Definition("D", "P", old.definition.replace(b'"A"', b'"B"'))
    assert picker.read([old]) == ([], [])
    assert picker.read([new])[0] == [Value("D", "P", "B", 1.0)]


def test_lights_and_names_with_dots_and_broken_xml() -> None:
    xml = b'<defLightVector name="P" state="Ok"><defLight name="L">Busy</defLight></defLightVector>'
    light = Definition("a.b", "P", xml)
    broken = Definition("a.b", "Q", b"<defLightVector")
    assert PropertyValues(["a.b.*.*"]).read([light, broken])[0] == [Value("a.b", "P", "L", 2.0)]


def test_too_many_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    member = b'<defNumber name="%d">1</defNumber>'
    big = b"".join(member % index for index in range(MAX_SERIES))
    too_big = Definition("D", "P", b'<defNumberVector name="P" state="Ok">' + big + b"</defNumberVector>")
    picker = PropertyValues(["*.*.*"])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert picker.read([too_big, TEMPERATURE])[0] == [Value("CCD", "CCD_TEMPERATURE", "VALUE", -9.5)]
    assert len(caplog.records) == 1


def test_the_view_is_taken_without_folding_it() -> None:
    view = View()
    view.define("defNumberVector", "CCD", "CCD_TEMPERATURE", TEMPERATURE.definition)
    view.define("defNumberVector", "Mount", "EQUATORIAL_EOD_COORD", COORDINATES.definition)
    (update,) = TEMPERATURE.pending
    view.devices["CCD"].properties["CCD_TEMPERATURE"].store(update, 0, 0, len(update))
    assert capture(view) == (TEMPERATURE, COORDINATES)
    assert capture(view, "Mount") == (COORDINATES,)
    assert capture(view, "nobody") == ()
