"""What is read quickly is what a parser reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.commands import reading, same_value
from inditree.commands.reading import Said, said

LIBINDI = b"""<setNumberVector
  device='Mount'
  name='COORD'
  state='Busy'
  timeout='60'
  message='slewing'
>
  <oneNumber name='RA'>
      5.5
  </oneNumber>
  <oneNumber name='DEC'>
      -5:23:28
  </oneNumber>
</setNumberVector>
"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LIBINDI, Said("Busy", {"RA": "5.5", "DEC": "-5:23:28"}, "slewing")),
        (b'<setSwitchVector device="D" name="P" state="Ok"/>\n', Said("Ok", {}, "")),
        (b'<newTextVector device="D" name="P"><oneText name="A">x</oneText></newTextVector>', Said("", {"A": "x"}, "")),
        (b'<newTextVector device="D" name="P"><oneText name="A"/></newTextVector>', Said("", {"A": ""}, "")),
        (
            b'<setTextVector state="Ok"><oneText name="A&amp;B">x &lt; y</oneText></setTextVector>',
            Said("Ok", {"A&B": "x < y"}, ""),
        ),
        (
            b'<setTextVector label=\'state="Alert"\' state="Ok"><oneText name="A">x</oneText></setTextVector>',
            Said("Ok", {"A": "x"}, ""),
        ),
        (
            b'<setNumberVector state="Ok"><oneNumber min="1" name="A">2</oneNumber></setNumberVector>',
            Said("Ok", {"A": "2"}, ""),
        ),
        (
            '<setTextVector state="Ok"><oneText name="Hα">ºC</oneText></setTextVector>'.encode(),
            Said("Ok", {"Hα": "ºC"}, ""),
        ),
        (
            b'<setTextVector state="Ok"><oneText name="A">a<!-- b -->c</oneText></setTextVector>',
            Said("Ok", {"A": "ac"}, ""),
        ),
        (b'<setBLOBVector device="D" name="P" state="Busy"/>', Said("Busy", {}, "")),
        (
            b"<setTextVector state = 'Alert'><oneText name = 'A' >b</oneText></setTextVector>",
            Said("Alert", {"A": "b"}, ""),
        ),
        (b"no XML at all", Said("", {}, "")),
    ],
)
def test_what_is_read(data: bytes, expected: Said) -> None:
    assert said(data) == expected


_names = st.text("abc=' \"é/", max_size=4).map(lambda text: text.replace('"', "").replace("'", ""))
_texts = st.text("ab1 .:;-\n\t'\"é]", max_size=6)


@given(
    st.sampled_from(["set", "new"]),
    st.sampled_from(["", "Ok", "Busy"]),
    st.dictionaries(_names, _texts, max_size=3),
    _names,
)
def test_the_quick_way_and_the_parser_agree(verb: str, state: str, values: dict[str, str], message: str) -> None:
    ones = "".join(f'<oneText name="{name}">{text}</oneText>' for name, text in values.items())
    states = f' state="{state}"' if state else ""
    data = f'<{verb}TextVector device="D"{states} message="{message}">{ones}</{verb}TextVector>'.encode()
    assert reading._plain().fullmatch(data)
    assert said(data) == reading._parsed(data)


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "a>b", "it's"]),
        st.sampled_from(["1", "1.0", " 1\n", "01", "1_0", "10", "1.0004", "1.1", "-0:30:0", "nan", "inf", "x", ""]),
        st.sampled_from(["", " ", "<!-- c -->", "\n  "]),
    ),
    max_size=3,
)


def vector(start: str, kind: str, members: list[tuple[str, str, str]]) -> bytes:
    ones = "".join(f'{space}<one{kind} name="{name}">{text}</one{kind}>' for name, text, space in members)
    return f'<{start}{kind}Vector device="D" name="P">{ones}</{start}{kind}Vector>\n'.encode()


def libindi(data: bytes) -> bytes:
    """Each member's start tag as libindi's drivers write it: an attribute a line, in single quotes."""
    return re.sub(rb"(<one\w+) name=\"([^\"']*)\">", rb"\1\n    name='\2'\n>", data)


@given(st.sampled_from(["Number", "Text", "Switch"]), MEMBERS, MEMBERS, st.booleans())
def test_what_is_plainly_reached_is_reached(
    kind: str, wanted: list[tuple[str, str, str]], told: list[tuple[str, str, str]], spread: bool
) -> None:
    asked, answer = vector("new", kind, wanted), vector("set", kind, told)
    if spread:
        answer = libindi(answer)
    if reading.plainly_reached(asked, answer):
        values = said(answer).values
        assert all(same_value(kind, text, values.get(name)) for name, text in said(asked).values.items())


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ([("A", "5", "")], [("A", "5", "")]),
        ([("A", "5", "\n")], [("A", "\n  5.0000\n", "\n ")]),
        ([("A", "5", ""), ("B", "-6.5", " ")], [("A", "5", ""), ("B", "-6.4999", "")]),
    ],
)
def test_the_usual_answer_is_seen_at_once(wanted: list[tuple[str, str, str]], told: list[tuple[str, str, str]]) -> None:
    answer = vector("set", "Number", told)
    assert reading.plainly_reached(vector("new", "Number", wanted), answer)
    assert libindi(answer) != answer
    assert reading.plainly_reached(vector("new", "Number", wanted), libindi(answer))
