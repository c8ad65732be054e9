"""Conditions: what they say, where they are wrong, and what is unknown."""

from __future__ import annotations

import math

import pytest

from inditree.errors import ConditionError
from inditree.observatory.conditions import MAX_DEPTH, MAX_OPERATORS, MAX_TEXT, Operand, parse
from observatory.values import Values

HERE = Values(
    {
        "Weather.RAIN.NOW": 3.5,
        "Weather.RAIN._STATE": 3,
        "Dome.v2.SHUTTER.OPEN": 1,
        "Wheel.FILTER.NAME": " Ha ",
        "Scope.MODE.TEXT": "12",
    },
    ("inside", "192.0.2.7", "CN=anna,O=Staff"),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 - 3 - 4", -5),
        ("-2 + 3", 1),
        ("- - 1", 1),
        ("!0 == 1", 1),
        ("!2 + 1", 1),
        ("1 || 0 && 0", 1),
        ("1 > 2 == 0", 1),
        ("3 == 3 != 0", 1),
        ("1e3 + .5 + 1.", 1001.5),
        ("pow(2, 10) - atan2(0, 1)", 1024),
        ("degrad(180) == pi", 1),
        ("1/0", math.inf),
        ("-1/0", -math.inf),
        ("log(0)", -math.inf),
        ("exp(1e9)", math.inf),
        ("pow(0, -1)", math.inf),
        ("floor(-1.5)", -2),
        ('"Weather.RAIN.NOW" > 2 && "Weather.RAIN._STATE" == 3', 1),
        ('"Dome.v2.SHUTTER.OPEN"', 1),
        ("\"Wheel.FILTER.NAME\" == 'Ha'", 1),
        ("\"Wheel.FILTER.NAME\" != 'Ha' || 0", 0),
        ("'Ha' == \"Wheel.FILTER.NAME\"", 1),
        ("\"Scope.MODE.TEXT\" == '12' && 1", 1),
        ('clients("*")', 3),
        ('clients("192.0.2.*") + clients("CN=anna*") == 2', 1),
        ('clients("nobody") == 0', 1),
    ],
)
def test_value(text: str, value: float) -> None:
    assert parse(text).evaluate(HERE) == value


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('"No.SUCH.THING" > 2', None),
        ('0 && "No.SUCH.THING"', False),
        ('"No.SUCH.THING" && 0', False),
        ('1 && "No.SUCH.THING"', None),
        ('1 || "No.SUCH.THING"', True),
        ('"No.SUCH.THING" || 1', True),
        ('0 || "No.SUCH.THING"', None),
        ('!"No.SUCH.THING"', None),
        ('abs("No.SUCH.THING")', None),
        ("\"No.SUCH.THING\" == 'x'", None),
        ('"Wheel.FILTER.NAME" > 2', None),
        ("0/0", None),
        ("sqrt(-1)", None),
        ("0/0 == 0/0", False),
        ("0/0 && 1", True),
        ('"No.SUCH.THING" * 0', None),
    ],
)
def test_unknown(text: str, holds: bool | None) -> None:
    assert parse(text).holds(HERE) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a value expected (column 1)"),
        ("   ", "a value expected (column 4)"),
        ("1 +", "a value expected (column 4)"),
        ("1 + * 2", "a value expected (column 5)"),
        ("2 3", "an operator expected (column 3)"),
        ("1 !0", "an operator expected (column 3)"),
        ("1)", "too many ) (column 2)"),
        ("(1", ") expected to close the parenthesis (column 3)"),
        ("()", "a value expected (column 2)"),
        ("1 = 2", "= alone is not an operator (column 3)"),
        ("1 & 2", "& alone is not an operator (column 3)"),
        ("5 % 2", "% has no meaning here (column 3)"),
        ('"A.B.C > 2', 'no closing " (column 1)'),
        ('"A.B" > 2', '"A.B" is no "Device.PROPERTY.MEMBER" (column 1)'),
        ('"..C" > 2', '"..C" is no "Device.PROPERTY.MEMBER" (column 1)'),
        ("RAIN > 2", 'RAIN is no function; a property\'s value is written "Device.PROPERTY.MEMBER" (column 1)'),
        ("abs -1", "( expected after abs (column 5)"),
        ("pow(2)", ", expected between the 2 arguments of pow (column 6)"),
        ("pow(2, 3, 4)", ") expected to end the arguments of pow (column 9)"),
        ("abs()", "a value expected (column 5)"),
        ("clients(3)", 'clients takes a pattern in double quotes: clients("*") (column 9)'),
        ("\"A.B.C\" < 'x'", "a text is compared by == or != only (column 11)"),
        ("'x' == 3", 'a text is compared with a "Device.PROPERTY.MEMBER" (column 8)'),
        ("\"A.B._STATE\" == 'Ok'", "_STATE is a number and no text (column 17)"),
        ("0x10", "an operator expected (column 2)"),
        ("1, 2", "an operator expected (column 2)"),
        ("(" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} (column {MAX_DEPTH + 1})"),
        ("-" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} (column {MAX_DEPTH + 1})"),
        (" " * (MAX_TEXT + 1), f"longer than {MAX_TEXT} characters (column {MAX_TEXT + 1})"),
    ],
)
def test_mistake(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_operands_are_named() -> None:
    condition = parse('"A.b.C.D" > 1 && "A.b.C._STATE" == 1 || \'x\' == "E.F.G" || clients("in*")')
    assert condition.operands == {Operand("A.b", "C", "D"), Operand("A.b", "C", "_STATE"), Operand("E", "F", "G")}
    assert condition.counts == {"in*"}


def test_the_longest_chain_is_evaluated_and_a_longer_one_refused() -> None:
    assert parse("+".join(["1"] * (MAX_OPERATORS + 1))).evaluate(HERE) == MAX_OPERATORS + 1
    with pytest.raises(ConditionError, match=f"more than {MAX_OPERATORS} operators"):
        parse("+".join(["1"] * (MAX_OPERATORS + 2)))
