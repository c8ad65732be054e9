"""DEVICE.PROPERTY.MEMBER as people write it."""

from __future__ import annotations

import pytest

from inditree.commands.names import Names, assignment, literal, pattern


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mount", Names("Mount", "*", "*")),
        ("Mount.COORD", Names("Mount", "COORD", "*")),
        ("Mount.COORD.RA", Names("Mount", "COORD", "RA")),
        ("Dome v1.2.COORD.RA", Names("Dome v1.2", "COORD", "RA")),
        ("CCD*.*.T", Names("CCD*", "*", "T")),
        ('"Dome v1.2".COORD', Names("Dome v1.2", "COORD", "*")),
        ('"Cam [a*]".X.Y', Names("Cam [[]a[*]]", "X", "Y")),
    ],
)
def test_patterns(text: str, names: Names) -> None:
    assert pattern(text) == names


def test_what_is_quoted_fits_itself_alone() -> None:
    quoted = pattern('"Cam [a*]".X.Y')
    assert quoted.fits("Cam [a*]", "X", "Y")
    assert not quoted.fits("Cam ab", "X", "Y")
    assert pattern("Cam [a*]").fits("Cam *", "X")


@pytest.mark.parametrize("text", ["", ".X", "A..B", "A.B."])
def test_empty_parts(text: str) -> None:
    with pytest.raises(ValueError, match="has an empty part"):
        pattern(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A.B.C=1", ("A", "B", "C", "1")),
        ("A.B.C=x=y.z", ("A", "B", "C", "x=y.z")),
        ("A.v2.B.C=", ("A.v2", "B", "C", "")),
        ('"A=B".P.*=1', ("A=B", "P", "*", "1")),
        ('"A*[x]".P.M=1', ("A*[x]", "P", "M", "1")),
    ],
)
def test_assignments(text: str, parts: tuple[str, ...]) -> None:
    assert assignment(text) == parts


@pytest.mark.parametrize("text", ["A.B.C", "A.B=1", "=1", "A..C=1"])
def test_what_is_no_assignment(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not DEVICE\.PROPERTY\.MEMBER=VALUE"):
        assignment(text)


def test_an_open_quote_is_said() -> None:
    with pytest.raises(ValueError, match='no closing "'):
        pattern('"A.B')


@pytest.mark.parametrize(
    ("glob", "name"), [("A", "A"), ("A*", None), ("A[*]", "A*"), ("[ab]", None), ("A [[]x]", "A [x]")]
)
def test_literal(glob: str, name: str | None) -> None:
    assert literal(glob) == name
