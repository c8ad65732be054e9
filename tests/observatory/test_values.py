"""What conditions read of a view."""

from __future__ import annotations

import math

import pytest

from inditree.observatory.conditions import Operand
from inditree.observatory.values import Values
from inditree.view.properties import View

SAID: dict[str, bytes] = {
    "N": b"<defNumberVector device='D' name='N' state='Busy' timestamp='2026-01-02T03:04:05.5'>"
    b"<defNumber name='V'>\n 10:30 </defNumber><defNumber name='E'></defNumber></defNumberVector>",
    "S": b"<defSwitchVector device='D' name='S' state='Ok' rule='AnyOfMany'><defSwitch name='A'>\nOn\n</defSwitch>"
    b"<defSwitch name='B'>Off</defSwitch><defSwitch name='C'>?</defSwitch></defSwitchVector>",
    "L": b"<defLightVector device='D' name='L' state='Idle' timestamp='noon'><defLight name='A'>Alert</defLight>"
    b"</defLightVector>",
    "Y": b"<defTextVector device='D' name='Y' state='Ok' timestamp='0000-01-02T03:04:05'></defTextVector>",
    "T": b"<defTextVector device='D' name='T' state='Alert'><defText name='A'> 12 30 </defText></defTextVector>",
    "B": b"<defBLOBVector device='D' name='B' state='Ok'><defBLOB name='A'/></defBLOBVector>",
}


def values(silent: float = 0.0) -> Values:
    view = View()
    for name, data in SAID.items():
        view.define(data[1 : data.index(b" ")].decode(), "D", name, data)
    return Values(view, lambda _: silent, lambda _: 0)


@pytest.mark.parametrize(
    ("place", "number", "text"),
    [
        ("N.V", 10.5, "\n 10:30 "),
        ("N.E", None, ""),
        ("N._STATE", 2, None),
        ("N._TS", 1767323045.5, None),
        ("S.A", 1, "\nOn\n"),
        ("S.B", 0, "Off"),
        ("S.C", None, "?"),
        ("L.A", 3, "Alert"),
        ("L._STATE", 0, None),
        ("L._TS", None, None),
        ("Y._TS", None, None),
        ("T.A", 12.5, " 12 30 "),
        ("T._STATE", 3, None),
        ("T.X", None, None),
        ("B.A", None, None),
        ("X.A", None, None),
    ],
)
def test_values(place: str, number: float | None, text: str | None) -> None:
    operand = Operand("D", *place.split("."))
    assert values().number(operand) == number
    assert values().text(operand) == text
    gone = values(math.inf)
    assert (gone.number(operand), gone.text(operand)) == (None, None)


def test_what_is_set_since_counts() -> None:
    view = View()
    view.define("defNumberVector", "D", "N", SAID["N"])
    read = Values(view, lambda _: 0.0, lambda _: 0)
    assert read.number(Operand("D", "N", "V")) == 10.5
    said = b"<setNumberVector device='D' name='N' state='Ok'><oneNumber name='V'>7</oneNumber></setNumberVector>\n"
    known = view.find("D", "N")
    assert known is not None
    known.store(said, 0, 0, len(said))
    assert read.number(Operand("D", "N", "V")) == 7
    assert read.number(Operand("D", "N", "_STATE")) == 1
    view.delete("D", None)
    assert read.number(Operand("D", "N", "V")) is None
