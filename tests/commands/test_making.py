"""Commands as any driver takes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from inditree.commands.making import CommandError, made

COORD = (
    '<defNumberVector device="Mount" name="COORD" perm="rw"><defNumber name="RA"> 5:30:00 </defNumber>'
    '<defNumber name="DEC">2</defNumber></defNumberVector>'
)
NAME = (
    '<defTextVector device="D &amp; E" name="N" perm="rw"><defText name="a">x</defText>'
    '<defText name="b">y</defText></defTextVector>'
)


def switches(rule: str, **values: str) -> str:
    members = "".join(f'<defSwitch name="{name}">{value}</defSwitch>' for name, value in values.items())
    return f'<defSwitchVector device="D" name="S" perm="rw" rule="{rule}">{members}</defSwitchVector>'


def sent(definition: str, **values: str) -> dict[str, str]:
    """What stands in the command, by member."""
    root = ET.fromstring(made(ET.fromstring(definition), values)[1])
    return {one.get("name", ""): one.text or "" for one in root}


def test_numbers_that_are_not_named_keep_their_values() -> None:
    assert sent(COORD, DEC="-5:23:28") == {"RA": "5:30:00", "DEC": "-5.391111111111112"}
    asked, data = made(ET.fromstring(COORD), {"DEC": "3"})
    assert (asked.kind, asked.values) == ("Number", {"DEC": "3"})
    assert data.startswith(b'<newNumberVector device="Mount" name="COORD">') and data.endswith(b"\n")


def test_texts_are_escaped() -> None:
    _, data = made(ET.fromstring(NAME), {"a": "R & D <x>\x06"})
    assert b'device="D &amp; E"' in data
    assert ET.fromstring(data)[0].text == "R & D <x>?"


@pytest.mark.parametrize(
    ("definition", "values", "expected"),
    [
        (switches("OneOfMany", a="On", b="Off", c="Off"), {"b": "On"}, {"a": "Off", "b": "On", "c": "Off"}),
        (switches("OneOfMany", a="On", b="Off"), {"b": "off"}, {"a": "On", "b": "Off"}),
        (switches("AtMostOne", a="On", b="Off"), {"a": "Off"}, {"a": "Off", "b": "Off"}),
        (switches("AtMostOne", a="On", b="Off"), {"b": "on"}, {"a": "Off", "b": "On"}),
        (switches("AnyOfMany", a="On", b="Off", c="On"), {"b": "On", "c": "Off"}, {"a": "On", "b": "On", "c": "Off"}),
    ],
)
def test_switches_as_the_rule_says(definition: str, values: dict[str, str], expected: dict[str, str]) -> None:
    assert sent(definition, **values) == expected


@pytest.mark.parametrize(
    ("definition", "values", "message"),
    [
        (COORD, {"RA": "noon"}, "Mount.COORD.RA: 'noon' is not a number"),
        (COORD, {"X": "1"}, "Mount.COORD has no member X (it has RA, DEC)"),
        (COORD.replace("rw", "ro"), {"RA": "1"}, "Mount.COORD is read-only"),
        (switches("OneOfMany", a="On", b="Off"), {"a": "On", "b": "On"}, "only one of a, b can be On"),
        (switches("OneOfMany", a="On", b="Off"), {"a": "Off"}, "one of a, b has to be On"),
        (switches("AnyOfMany", a="On"), {"a": "1"}, "D.S.a: '1' is neither On nor Off"),
        ('<defLightVector device="D" name="L"/>', {"a": "1"}, "D.L is a property of lights"),
        ('<defBLOBVector device="D" name="L"/>', {"a": "1"}, "D.L is a property of images"),
    ],
)
def test_what_a_property_cannot_take(definition: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError) as caught:
        made(ET.fromstring(definition), values)
    assert str(caught.value) == message
