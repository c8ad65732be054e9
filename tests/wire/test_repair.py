"""What drivers and plain links write and is no XML: repaired where that can be done, else dropped, never passed on.

docs/wire.md, "Repair". The framer is given a driver's trust; what clients see:
tests/integration/test_real_drivers.py.
"""

from __future__ import annotations

import contextlib
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from growth import grows
from inditree.errors import PeerError
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from inditree.wire.proof import look
from inditree.wire.syntax import TEXT_LIMIT
from inditree.wire.trust import CLIENT, DRIVER, LINK
from wire.streams import bytewise, cut, one_group, take

KINDS = ("Text", "Number", "Switch", "Light", "BLOB")
GOOD = b"<setTextVector device='G' name='%d' state='Ok'>\n  <oneText name='T'>\n good\n  </oneText>\n</setTextVector>\n"
BARE = {"a & b": "a &amp; b", "AT&T": "AT&amp;T", "&nbsp;x": "&amp;nbsp;x", "&amp; &#65; &": "&amp; &#65; &amp;"}


class Heard:
    """What came out of a stream: elements, and by action and reason what was wrong."""

    def __init__(self, pieces: list[bytes], trust: object = DRIVER) -> None:
        framer = Framer(one_group, 1 << 20, 1 << 24, trust)  # type: ignore[arg-type]
        self.elements: list[bytes] = []
        self.faults: list[tuple[bool, str]] = []
        self.said: list[str] = []
        try:
            for piece in pieces:
                framer.feed(piece)
                self.elements += [item.data for item in take(framer)]
        finally:
            for fault in framer.faults:
                self.faults += [(fault.dropped, reason) for reason in fault.reasons]
                self.said.append(f"{fault.place} {fault.text}")
        for each in self.elements:
            ET.fromstring(each)

    @property
    def repairs(self) -> set[str]:
        assert not any(dropped for dropped, _ in self.faults), self.faults
        return {reason for _, reason in self.faults}


def one(data: str | bytes, trust: object = DRIVER) -> tuple[str, set[str]]:
    """The one element that came out, the same for every way of cutting it, and what was repaired."""
    raw = data.encode() if isinstance(data, str) else data
    whole = Heard([GOOD % 1 + raw + GOOD % 2], trust)
    assert len(whole.elements) == 3, (whole.elements, whole.said)
    for pieces in (bytewise(raw), cut(raw, range(0, len(raw), 7))):
        assert Heard([GOOD % 1, *pieces, GOOD % 2], trust).elements == whole.elements
    return whole.elements[1].decode(), whole.repairs


def dropped(data: bytes) -> None:
    """Nothing of it comes out, and both neighbours do."""
    for pieces in ([data], bytewise(data)):
        heard = Heard([GOOD % 1, *pieces, GOOD % 2])
        assert heard.elements == [GOOD % 1, GOOD % 2], heard.elements
        assert heard.faults and all(gone for gone, _ in heard.faults)


@pytest.mark.parametrize("trust", [DRIVER, LINK])
@pytest.mark.parametrize(("wrong", "right"), BARE.items())
def test_ampersands(wrong: str, right: str, trust: object) -> None:
    for template in (
        "<setTextVector device='D' name='N' state='Ok'><oneText name='T'>{}</oneText></setTextVector>\n",
        "<setTextVector device='D' name='N' state='Ok' message='{}'><oneText name='T'>1</oneText></setTextVector>\n",
        '<message device="D" message="{}"/>\n',
        "<delProperty device='D' message='{}'></delProperty>\n",
        "<newTextVector device='D' name='N'><oneText name='T'>{}</oneText></newTextVector>\n",
        "<getProperties version='1.7' device='D' name='{}'/>\n",
    ):
        assert one(template.format(wrong), trust) == (template.format(right), {"ampersand"})


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_groups_of_every_kind(kind: str) -> None:
    template = (
        f"<def{kind}Vector device='D' name='N' label='{{}}' group='{{}}' state='Idle' perm='ro'>"
        f"<def{kind} name='M' label='{{}}'>{{}}</def{kind}></def{kind}Vector>\n"
    )
    value = "" if kind == "BLOB" else "Off"
    got = one(template.format("<Park>", "R & D", "A & B; x", value))
    assert got == (template.format("&lt;Park>", "R &amp; D", "A &amp; B; x", value), {"ampersand", "less"})
    assert look(got[0].encode())[1]["label"] == "<Park>"


@pytest.mark.parametrize(("wrong", "right"), [
    ("a < b", "a &lt; b"), ("<FAIL>", "&lt;FAIL>"), ("x</b>y", "x&lt;/b>y"), ("a ]]> b", "a ]]&gt; b"),
    ("<!-- & --><", "<!-- & -->&lt;"), ("open<setTextVector>", "open&lt;setTextVector>"), ("1<!2", "1&lt;!2"),
])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS[:4])
def test_less_in_a_members_text(kind: str, wrong: str, right: str) -> None:
    template = (
        f"<set{kind}Vector device='D' name='N' state='Ok'><one{kind} name='M'>{{}}</one{kind}>"
        f"<one{kind} name='O'>1</one{kind}></set{kind}Vector>\n"
    )
    if "Vector" not in wrong or kind == "Text":
        assert one(template.format(wrong)) == (template.format(right), {"less"})


def test_less_in_a_value() -> None:
    got = one("<message device='D' message='AT&T: status <OK>; 5 & 6'/>\n")
    assert got == ("<message device='D' message='AT&amp;T: status &lt;OK>; 5 &amp; 6'/>\n", {"ampersand", "less"})


def test_less_where_another_member_comes_first() -> None:
    dropped(
        b"<setTextVector device='D' name='N' state='Ok'><oneText name='a'>1 < 2<oneText name='b'>3</oneText>"
        b"</setTextVector>\n"
    )
    dropped(b"<setTextVector device='D' name='N' state='Ok'><oneText name='a'>1 < 2</setTextVector>\n")


@pytest.mark.parametrize("code", [code for code in range(0x20) if code not in b"\t\n\r"])
def test_control_characters(code: int) -> None:
    char = chr(code)
    for template in (
        "<message device='M' timestamp='2026-01-02T03:04:05' message='[SCOPE] RES &lt;{0}{0}#&gt;'/>\n",
        "<setTextVector device='D' name='N' state='Ok'><oneText name='T'>{0}{0}</oneText></setTextVector>\n",
        "<setBLOBVector device='D' name='N' state='Ok' message='{0}{0}'></setBLOBVector>\n",
        "<setBLOBVector device='D' name='N' message='{0}{0}'><oneBLOB name='B'>AA</oneBLOB></setBLOBVector>\n",
        "<setBLOBVector device='D' name='N'><oneBLOB name='B' format='{0}{0}'>AA</oneBLOB></setBLOBVector>\n",
    ):
        assert one(template.format(char)) == (template.format("?"), {"control"})


def test_a_reference_to_what_xml_has_not() -> None:
    assert one("<message message='&#7;&#x0;&#xFFFF;&#65;'/>\n") == ("<message message='???&#65;'/>\n", {"control"})


def test_the_first_of_two_equal_attributes() -> None:
    got = one("<message device='D' message='first'\n message='second' device='E'/>\n")
    assert got == ("<message device='D' message='first'/>\n", {"duplicate_attribute"})


def test_latin_1() -> None:
    data = "<setTextVector device='Cam\xff' name='N' state='Ok'><oneText name='\xe9'>\xb0</oneText></setTextVector>\n"
    assert one(data.encode("latin-1")) == (data, {"encoding"})
    assert one(data) == (data, set())
    blob = "<setBLOBVector device='\xe9' name='N'><oneBLOB name='\xe9' format='.x'>AAAA</oneBLOB></setBLOBVector>\n"
    assert one(blob.encode("latin-1")) == (blob, {"encoding"})
    assert one(blob) == (blob, set())


def test_latin_1_beside_utf_8() -> None:
    """Each byte that belongs to no character in UTF-8 is one of Latin-1."""
    data = "<setTextVector device='M\xe9t\xe9o' name='N'><oneText name='a'>{}</oneText></setTextVector>\n"
    broken = b"\xe9t\xe9 \xb0 \xed\xa0\x80 \xf5 \xc0\x80 \xe2\x82"
    wanted = "\xe9t\xe9 \xb0 \xed\xa0\x80 \xf5 \xc0\x80 \xe2\x82"
    assert one(data.encode().replace(b"{}", broken)) == (data.format(wanted), {"encoding"})


def test_a_mended_tag_of_an_image_is_where_the_image_says() -> None:
    tag = b"<oneBLOB name='B' size='6' label='R & D' attached='true' format='<'/>"
    data = (
        b"<setBLOBVector device='D' name='N'>\n <oneBLOB name='\xe9' size='3'>QUJD</oneBLOB>"
        + tag
        + b"</setBLOBVector>"
    )
    for size in (1, 5, 1000):
        framer = Framer(one_group, 1 << 20, 1 << 24, DRIVER)
        items = []
        for piece in cut(data, range(0, len(data), size)):
            framer.feed(piece)
            while (item := framer.pull()) is not None:
                items.append(item)
        (blob,) = items
        assert isinstance(blob, Blob)
        whole = blob.join()
        assert len(whole) == blob.size
        assert [whole[each.tag_start : each.tag_stop][:8] for each in blob.ones] == [b"<oneBLOB"] * 2
        assert whole[blob.ones[0].tag_stop :][:4] == b"QUJD"
        assert blob.ones[1].attributes["label"] == "R & D"


@pytest.mark.parametrize("data", [
    b"<message device=D message='x'/>", b"<message device='D' message='x'", b"<message device='it's'/>",
    b"<setTextVector device='D' name='N'><oneText name='a'>x</oneTxt></setTextVector>", b"<setTextVector device=\"D",
    b"<setTextVector device='D' name='N'>", b"<OK>", b"status <FAIL> again", b"<x:y/>",
    b"<setTextVector device='D' name='N'><a:b/></setTextVector>",
    b"<setTextVector device='D' name='N'>a<b</setTextVector>", b"<setTextVector device='D'><![CDATA[",
    b"<setTextVector device='D' name='N'><oneText name='a'><?xml version='1.0'?></oneText><z></setTextVector>",
    b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>AAAA",
    b"<setBLOBVector device='D' name='N'><oneBLOB name='B",
    b"<setBLOBVector device='D' name='N'><oneBLOB name='B' x>" + b"A" * 99999 + b"</oneBLOB></setBLOBVector>",
    b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>A\x07A</oneBLOB></setBLOBVector>",
    b"<setBLOBVector device='D' name='N'><!-- ", b"<setBLOBVector device='D' name='N'><?x ",
    b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>A<!-- - ", b"<setBLOBVector device='D' name='N'><!",
    b"<setBLOBVector device='D' name='N'></b></setBLOBVector>", b"<setBLOBVector device='D' name='N'>&</setBLOBVector>",
])  # fmt: skip
def test_what_cannot_be_repaired_is_dropped_alone(data: bytes) -> None:
    if len(data) < 2000:
        dropped(data)
    heard = Heard([GOOD % 1 + data + b"\n" + GOOD % 2])
    assert heard.elements == [GOOD % 1, GOOD % 2]


@pytest.mark.parametrize(
    "data",
    [b"</a>", b"< a", b"<1", b"&&", b"\0\xff", b"<", b"]]>", b"</setTextVector>", b"<!-- ", b"<?xml ", b"<!DOCTYPE a>"],
)
def test_text_between(data: bytes) -> None:
    for pieces in ([data], bytewise(data)):
        assert Heard([GOOD % 1, *pieces, GOOD % 2]).elements == [GOOD % 1, GOOD % 2]


_PAGE = (
    b"<!DOCTYPE html [<!ENTITY lol 'lol'>]>\n<html><head><title>502 Bad Gateway</title></head>"
    b"<body class=x>&lol;<br></body></html>\n"
)


@pytest.mark.parametrize("trust", [DRIVER, LINK])
def test_a_page_that_a_driver_prints_is_no_reason_to_end_it(trust: object) -> None:
    for data in (_PAGE, b"<!DOCTYPE", b"<!DOCTYPE a>", b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"):
        for pieces in ([data], bytewise(data)):
            heard = Heard([GOOD % 1, *pieces, GOOD % 2], trust)
            assert (heard.elements[0], heard.elements[-1]) == (GOOD % 1, GOOD % 2)
            assert (True, "doctype") in heard.faults
            assert b"ENTITY" not in b"".join(heard.elements)


@pytest.mark.parametrize("start", [b"device='D' na\x8ce='B'", b"device='D' a\x01b='B'", b"device='%s'" % (b"D" * 300)])
def test_a_start_tag_of_an_image_that_cannot_be_mended(start: bytes) -> None:
    """Found by the fuzzer: it counted as an internal error, and ended the driver."""
    data = b"<setBLOBVector %s><oneBLOB name='B' size='3' format='.x'>QUJD</oneBLOB></setBLOBVector>" % start
    for pieces in ([data], bytewise(data)):
        heard = Heard([GOOD % 1, *pieces, GOOD % 2])
        assert [each for each in heard.elements if b"BLOBVector" in each] == []
        assert (heard.elements[0], heard.elements[-1]) == (GOOD % 1, GOOD % 2)


@pytest.mark.parametrize("start", [b"device=D", b"device='%s'" % (b"D" * 300)])
def test_a_large_image_behind_such_a_tag_ends_nobody(start: bytes) -> None:
    data = b"<setBLOBVector %s><oneBLOB name='B'>%s</oneBLOB></setBLOBVector>" % (start, b"A" * (2 << 20))
    heard = Heard([GOOD % 1, *cut(data, range(0, len(data), 1 << 16)), GOOD % 2])
    assert heard.elements == [GOOD % 1, GOOD % 2]


@pytest.mark.parametrize("wrong", [b"&", b" [INFO] R & D\n"])
@pytest.mark.parametrize("at", [10, 4090, 5000, 1 << 20])
def test_an_ampersand_anywhere_in_an_image_is_not_passed_on(wrong: bytes, at: int) -> None:
    """What a library prints while its driver writes an image: every strict client would end its connection."""
    data = b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>%s</oneBLOB></setBLOBVector>" % (
        b"A" * at + wrong + b"A" * ((2 << 20) - at)
    )
    heard = Heard([GOOD % 1, *cut(data, range(0, len(data), 1 << 16)), GOOD % 2])
    assert heard.elements == [GOOD % 1, GOOD % 2]
    assert heard.faults == [(True, "malformed")]
    assert "D.N" in heard.said[0]


_PRINTED = [
    b"status <OK>\n",
    b"a < b",
    b"<",
    b"</x>",
    b"<a",
    b"<3 it",
    b"</oneBLOB>",
    b"<oneBLOB name='C'>",
    b"<oneBLOB na",
]
_PRINTED += [
    b"<!DOCTYPE html>",
    b"<!-- x",
    b"<?php x",
    b"<![CDATA[x]]>",
    b"<INFO key='x",
    b"<setTextVector",
    b"<!--<a>-->\0",
]


@pytest.mark.parametrize("wrong", _PRINTED)
@pytest.mark.parametrize("layout", ["in a text", "between", "in a broken one"])
def test_what_is_printed_into_a_large_image_ends_nobody(wrong: bytes, layout: str) -> None:
    """Found by the fuzzer with real receivers: what remained of the image counted as garbage, and ended the driver."""
    start = b"<setBLOBVector device=%s name='N'>" % (b"D" if layout == "in a broken one" else b"'D'")
    one, half = b"<oneBLOB name='B' size='9' format='.x'>", b"A" * 200_000
    printed = wrong + one + half if layout == "between" else one + half + wrong + half
    image = b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>QUJD</oneBLOB></setBLOBVector>\n"
    data = GOOD % 1 + start + printed + b"</oneBLOB></setBLOBVector>\n" + GOOD % 2 + image + GOOD % 3
    for size in (1 << 16, 4099):
        heard = Heard(cut(data, range(0, len(data), size)))
        assert [heard.elements[0], *heard.elements[-3:]] == [GOOD % 1, GOOD % 2, image, GOOD % 3]
        assert len(heard.elements) == 4 or wrong == b"<oneBLOB name='C'>"
        assert heard.faults[0] == (True, heard.faults[0][1])


def test_a_good_element_within_an_image_is_heard_and_what_remains_of_the_image_ends_nobody() -> None:
    start, half = b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>", b"A" * 200_000
    data = GOOD % 1 + start + half + GOOD % 2 + half + b"</oneBLOB></setBLOBVector>\n" + GOOD % 3
    for size in (1 << 16, 4099):
        assert Heard(cut(data, range(0, len(data), size))).elements == [GOOD % number for number in (1, 2, 3)]


def test_garbage_behind_a_broken_image_ends_a_driver() -> None:
    start, end = b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>", b"</oneBLOB></setBLOBVector>\n"
    with pytest.raises(PeerError):
        Heard([start + b"<x>" + end + b"x" * (TEXT_LIMIT + 1000)])


@pytest.mark.parametrize(
    "inside", [b"<?xml version='1.0'?>", b"<!-- a -- b -->", b"<!--\x01-->", b"<!--\xff-->", b"<??>", b"<!-- --->"]
)
@pytest.mark.parametrize("place", ["text", "members"])
def test_a_comment_or_declaration_in_an_image_that_is_none(inside: bytes, place: str) -> None:
    """Found by the fuzzer: it was passed on."""
    one = b"<oneBLOB name='B'>AAAA%s</oneBLOB>" % (inside if place == "text" else b"")
    data = b"<setBLOBVector device='D' name='N'>%s%s</setBLOBVector>" % (b"" if place == "text" else inside, one)
    for pieces in ([data], bytewise(data)):
        heard = Heard([GOOD % 1, *pieces, GOOD % 2])
        assert heard.elements == [GOOD % 1, GOOD % 2]


@pytest.mark.parametrize("wrong", [b"</x 'y", b'</&#65;"', b"</oneBLOB'>", b'</setBLOBVector "'])
@pytest.mark.parametrize("inside", [b"", b"<oneBLOB name='B'>AAAA"])
def test_a_quote_in_an_end_tag_swallows_nothing(wrong: bytes, inside: bytes) -> None:
    """Found by the fuzzer: in an image it took 64 KiB of good elements with it, and then ended the driver."""
    data = b"<setBLOBVector device='D' name='N'>" + inside + wrong
    for pieces in ([data], bytewise(data)):
        heard = Heard([GOOD % 1, *pieces, GOOD % 2, GOOD % 3])
        assert heard.elements == [GOOD % 1, GOOD % 2, GOOD % 3]


def test_a_doctype_in_a_text_or_an_image() -> None:
    text = "<setTextVector device='D' name='N' state='Ok'><oneText name='T'>a {}DOCTYPE b></oneText></setTextVector>\n"
    assert one(text.format("<!")) == (text.format("&lt;!"), {"less"})
    dropped(b"<setBLOBVector device='D' name='N'><oneBLOB name='B'>AA<!DOCTYPE a></oneBLOB></setBLOBVector>")
    dropped(b"<setBLOBVector device='D' name='N'><!DOCTYPE a></setBLOBVector>")


def test_garbage_without_an_element_between_ends_a_driver() -> None:
    piece = b"<message device=D/>\n"
    number = TEXT_LIMIT // len(piece)
    assert len(Heard([piece * (number - 2) + GOOD % 1 + piece * (number - 2) + GOOD % 2]).elements) == 2
    for each in (piece, b"<oneBLOB name='a'/>", b"<oneBLOB/><x ", b"<setBLOBVector device=D><oneBLOB/>"):
        with pytest.raises(PeerError):
            Heard([each * (TEXT_LIMIT // len(each) + 2000)])


def test_a_client_is_closed_as_before() -> None:
    for data in (b"<newTextVector device='D' name='N'><oneText name='T'>&</oneText></newTextVector>", b"<a b=c/>"):
        with pytest.raises(PeerError):
            Heard([data], CLIENT)


def test_who_is_told_finds_the_spot() -> None:
    heard = Heard([b"<setTextVector device='D' name='N'><oneText name='T'>R & D</oneText></setTextVector>\n"])
    assert heard.said == [
        "D.N at byte 54: \"setTextVector device='D' name='N'><oneText name='T'>R & D</oneT\""[:0]
    ] or ("D.N" in heard.said[0] and "R & D" in heard.said[0])


_PARTS = st.sampled_from([
    b"<setTextVector device='D' name='N' state='Ok'>", b"<oneText name='T'>", b"</oneText>", b"</setTextVector>", b"<",
    b">", b"/>", b"'", b'"', b"&", b"&amp;", b"]]>", b"\0", b"\xff", "é".encode(), b"<message message='", b" device=",
    b"<setBLOBVector device='D' name='B'>", b"<oneBLOB name='B' size='3' format='.x'>", b"AAAA", b"</oneBLOB>", b"\n",
    b"</setBLOBVector>", b"<defSwitchVector device='D' name='S' label='", b"<!--", b"-->", b"<![CDATA[",
    b"<defSwitch name='a' label='<'>On</defSwitch>",
    b"</defSwitchVector>", b"<?xml version='1.0'?>", b"x", b"<newTextVector device=\"D\" name='N'>",
    b"</newTextVector>", b"<!DOCTYPE a>",
])  # fmt: skip
_ANY = st.one_of(st.lists(_PARTS, max_size=12).map(b"".join), st.binary(max_size=40))


@settings(max_examples=600, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(_ANY, st.lists(st.integers(0, 600), max_size=8))
def test_any_bytes_between_two_good_elements(data: bytes, places: list[int]) -> None:
    """All that comes out parses, the good ones come out, and it is the same however the stream was cut."""
    stream = GOOD % 1 + data + b"\n" + GOOD % 2 + GOOD % 3
    whole = Heard([stream])
    assert whole.elements[0] == GOOD % 1
    assert whole.elements[-2:] == [GOOD % 2, GOOD % 3]
    assert Heard(cut(stream, places)).elements == whole.elements


_TEXT = b"<setTextVector device='D' name='N'><oneText name='a'>%s</oneText></setTextVector>\n"
_IMAGE = b"<setBLOBVector device='D' name='N'><oneBLOB name='B'><x>"
_NEXT = b"</oneText><one%s>&</one%s><oneText>"
_LONG: dict[str, Callable[[int], bytes]] = {
    "comments without an end": lambda size: _TEXT % (b"<!--" * (size // 4) + b"&"),
    "CDATA without an end": lambda size: _TEXT % (b"<![CDATA[" * (size // 9) + b"&"),
    "comments": lambda size: _TEXT % (b"<!---->" * (size // 7) + b"&"),
    "members": lambda size: _TEXT % b"".join(_NEXT % ((b"X%d" % i,) * 2) for i in range(size // 44)),
    "less": lambda size: _TEXT % (b"<" * size),
    "ampersands": lambda size: _TEXT % (b"&" * size),
    "near ends": lambda size: _TEXT % (b"</oneTex" * (size // 8)),
    "longer ends": lambda size: _TEXT % (b"</oneTextt>" * (size // 11)),
    "values": lambda size: b"<message message='" + b"<message " * (size // 9) + b"'/>\n",
    "attributes": lambda size: b"<message a=''" + b" a=''" * (size // 5) + b"/>\n",
    "blanks": lambda size: b"<message a='&'" + b" " * size + b"/>\n",
    "tags": lambda size: b"<a>" * (size // 3),
    "openings": lambda size: b"<message " * (size // 9),
    "references": lambda size: _TEXT % (b"&#7;" * (size // 4)),
    "less in an image": lambda size: _IMAGE + b"A<" * (size // 2),
    "members in an image": lambda size: _IMAGE + b"<oneBLOB a='" * (size // 12),
    "comments in an image": lambda size: _IMAGE + b"<!--" * (size // 4),
    "tags in an image": lambda size: _IMAGE + b"<OK> " * (size // 5),
    "almost elements in an image": lambda size: _IMAGE + b"<setTextVector  device=" * (size // 23),
}
SMALL, LARGE = 6 * 1024, 48 * 1024


@pytest.mark.parametrize("name", _LONG)
@pytest.mark.parametrize("piece", [8, 1 << 20])
def test_repair_is_linear(name: str, piece: int) -> None:
    """Whatever a link's stranger writes: eight times the bytes may take some eight times the time, not sixty-four."""
    grows(lambda size: _seconds(_LONG[name](size), piece), SMALL, LARGE, times=16)


def _seconds(data: bytes, piece: int) -> float:
    pieces = cut(data, range(0, len(data), piece))
    begin = time.process_time()
    with contextlib.suppress(PeerError):
        Heard(pieces, LINK)
    return time.process_time() - begin
