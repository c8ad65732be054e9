"""Elements as indipydriver has them, and as the router has them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.python.elements import parse, serialise
from inditree.wire.elements import Element, Run
from inditree.wire.framer import Framer

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
GOOD = st.text(st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cn"]), max_size=12)


def vector(attributes: dict[str, str], members: list[tuple[str, str]]) -> ET.Element:
    root = ET.Element("setTextVector", {"device": "D", "name": "N", **attributes})
    for name, text in members:
        ET.SubElement(root, "oneText", name=name).text = text
    return root


def shape(root: ET.Element) -> object:
    return root.tag, root.attrib, root.text or "", [(one.tag, one.attrib, one.text or "") for one in root]


@given(
    st.dictionaries(st.sampled_from(["state", "timestamp", "timeout", "message"]), GOOD),
    st.lists(st.tuples(GOOD, GOOD)),
)
def test_it_reads_back_as_it_was(attributes: dict[str, str], members: list[tuple[str, str]]) -> None:
    root = vector(attributes, members)
    data = serialise(root)
    assert data.decode().endswith("\n")
    ((again,), wrong) = parse(data)
    assert (shape(again), wrong) == (shape(root), "")
    assert shape(ET.fromstring(ET.tostring(root))) == shape(again), "and as ElementTree would have written it"


@given(st.dictionaries(st.sampled_from(["state", "message"]), TEXT), st.lists(st.tuples(TEXT, TEXT)))
def test_nothing_that_it_writes_is_malformed(attributes: dict[str, str], members: list[tuple[str, str]]) -> None:
    data = serialise(vector(attributes, members))
    assert parse(data)[1] == ""
    framer = Framer(lambda head: head, 1 << 20, 1 << 20)
    framer.feed(data)
    item = framer.pull()
    assert isinstance(item, Run | Element) and item.data == data
    assert framer.pull() is None and framer.idle


def test_what_is_no_element_of_indi_is_written_too() -> None:
    root = ET.fromstring("<a><b><c>1</c></b></a>")
    assert serialise(root) == b"<a><b><c>1</c></b></a>\n"
    assert serialise(ET.fromstring("<enableBLOB device='D'>Also</enableBLOB>")) == (
        b'<enableBLOB device="D">Also</enableBLOB>\n'
    )


def test_what_is_no_string_is_refused_as_the_package_refuses_it() -> None:
    root = ET.Element("message")
    root.set("message", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        serialise(root)


@pytest.mark.parametrize(
    ("data", "tags"),
    [
        (b"", []),
        (b"<message/>\n<getProperties version='1.7'/>\n", ["message", "getProperties"]),
        (b"<message/>\n<setTextVector><a></setTextVector>\n<message/>\n", ["message", "message"]),
        (b"<setTextVector><a>\n</setTextVector>\n<setTextVector/>\n", ["setTextVector"]),
        (b"<setTextVector><a></setTextVector>\n", []),
        (b"<message message='\xb0'/>\n", ["message"]),
        (b"<message message='\x00'/>\n<message/>\n", ["message"]),
    ],
)
def test_one_bad_element_takes_no_other_with_it(data: bytes, tags: list[str]) -> None:
    roots, wrong = parse(data)
    assert [root.tag for root in roots] == tags
    assert bool(wrong) == (len(tags) < data.count(b">\n"))
