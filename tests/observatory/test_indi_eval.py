"""Conditions mean what they mean to libindi's own indi_eval, asked about the same values."""

from __future__ import annotations

import itertools
import math
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inditree.errors import ConditionError
from inditree.observatory.conditions import parse
from live import Client, serve
from observatory.values import Values
from waiting import DEADLINE

DEFINITIONS = """
<defNumberVector device='W' name='N' state='Busy' perm='ro' timestamp='2026-01-02T03:04:05'>
<defNumber name='x' format='%g' min='0' max='0' step='0'>3.5</defNumber>
<defNumber name='y' format='%g' min='0' max='0' step='0'>-5.5</defNumber>
<defNumber name='zero' format='%g' min='0' max='0' step='0'>0</defNumber></defNumberVector>
<defSwitchVector device='W' name='S' state='Ok' perm='rw' rule='AnyOfMany' timestamp='2026-01-02T03:04:05'>
<defSwitch name='on'>On</defSwitch><defSwitch name='off'>Off</defSwitch></defSwitchVector>
<defLightVector device='W' name='L' state='Alert' timestamp='2026-01-02T03:04:05'>
<defLight name='l'>Busy</defLight></defLightVector>
"""
VALUES = Values(
    {"W.N.x": 3.5, "W.N.y": -5.5, "W.N.zero": 0, "W.N._STATE": 2, "W.N._TS": 1767323045}
    | {"W.S.on": 1, "W.S.off": 0, "W.S._STATE": 1, "W.L.l": 2, "W.L._STATE": 3}
)

UNITS = ("0", "1", "2", "-3", "!2", "0.5", '"W.N.x"', '"W.N.y"')
OPERATORS = ("+", "-", "*", "/", "&&", "||", "==", "!=", "<", "<=", ">", ">=")
CHAINS = [f"1 {a} 2 {b} {c}" for (a, b), c in zip(itertools.product(OPERATORS, repeat=2), itertools.cycle(UNITS))]
FUNCTIONS = [
    f"{name}({value})"
    for name in [
        "abs",
        "floor",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "degrad",
        "raddeg",
        "log",
        "log10",
        "exp",
        "sqrt",
    ]
    for value in ("0", "1", "-0.5", "2.5", '"W.N.y"')
]
TWO = [f"{name}({pair})" for name in ("pow", "atan2") for pair in ("2,3", "0,-1", "-2,0.5", "-2,3", "0,0")]
ODD = [
    *(
        "pi",
        "- -1",
        "+ + 1",
        "!!3",
        "-!0",
        "!-1",
        "-2*-3",
        "2--2",
        "((1))",
        "1e3",
        "2.e1",
        ".5e-1",
        "0/0",
        "1/0",
        "-1/0",
    ),
    *("0/0==0/0", "0/0||0", "0/0&&1", "!(0/0)", "abs(-3)>=3", "pow(2,3)*2", "1<2<3", "3>2>1", "4==4==4", "1||0&&0"),
    *('"W.S.on"', '"W.S.off"', '"W.L.l"', '"W.L._STATE"', '"W.N._STATE"==2', '"W.N._TS"', '"W.S.on"&&"W.L.l">1'),
]
WRONG = [
    "",
    "1+",
    "1)",
    "(1",
    "()",
    "1=2",
    "1&2",
    "1|2",
    "5%2",
    "abs -1",
    "pow(2)",
    "0x10",
    "foo(1)",
    '"W.N"',
    "'x",
    "*1",
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("eval")
    (folder / "definitions.xml").write_text(DEFINITIONS)
    driver = folder / "driver"
    driver.write_text(
        f"#!/bin/sh\nread line\ncat {shlex.quote(str(folder / 'definitions.xml'))}\nwhile read line; do :; done\n"
    )
    driver.chmod(0o755)
    with serve(folder, str(driver)) as router:
        with Client(router.port) as client:
            client.ask("W")
            client.take("</defLightVector>")
        yield router.port


def indi_eval(port: int, text: str) -> tuple[int, str]:
    done = subprocess.run(
        ["indi_eval", "-p", str(port), "-f", f"({text})"], capture_output=True, text=True, timeout=DEADLINE
    )
    return done.returncode, done.stderr.strip()


def compared(port: int, text: str) -> str | None:
    """How ours differs from indi_eval's; None where it does not."""
    status, said = indi_eval(port, text)
    ours, theirs = parse(f"({text})").evaluate(VALUES), float(said or "nan")
    if ours is None:
        return f"{text}: ours is unknown, theirs {said}"
    same = math.isnan(theirs) if math.isnan(ours) else ours == pytest.approx(theirs, rel=1e-4)
    return None if same and status == (ours == 0) else f"{text}: ours {ours}, theirs {said}, status {status}"


@pytest.mark.parametrize("texts", [CHAINS, FUNCTIONS, TWO, ODD], ids=["chains", "functions", "two", "odd"])
def test_the_same_value(port: int, texts: list[str]) -> None:
    assert [found for text in texts if (found := compared(port, text))] == []


@pytest.mark.parametrize("text", WRONG)
def test_the_same_mistakes(port: int, text: str) -> None:
    assert indi_eval(port, text)[0] == 2
    with pytest.raises(ConditionError):
        parse(f"({text})")
