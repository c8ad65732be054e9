"""The short way agrees with the parser in all that it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.wire.plain import KNOWN, Plain, image_tag
from inditree.wire.proof import look, look_at_tag

PIECES = st.sampled_from(
    [
        "<newNumberVector", "<getProperties", "<enableBLOB", "<pingRequest", " device=", " name=", " uid=", " version=",
        '"CCD Simulator"', "'a\"b'",
        '"a>b"', '"a&amp;b"', '"a<b"', '"\u00e9"', '"tab\t"', '""', ">", "/>", " >", "\n",
        "<oneNumber", "<oneSwitch", "<oneText", "</oneNumber>", "</oneSwitch >", "</oneText>",
        "1.5", "On", "]]>", "&", "\0",
        "</newNumberVector>", "</newNumberVector\n>", "</enableBLOB>", "</getProperties>", "Also",
        "\x07", "]", "<!--c-->",
    ]
)  # fmt: skip

WHOLE = [
    b'<newNumberVector device="D" name="N"><oneNumber name="a">1</oneNumber><oneNumber name="b">2</oneNumber>'
    b"</newNumberVector>",
    b"<newSwitchVector\n  device='D'\n  name='N'>\n  <oneSwitch\n    name='a'>\n      On\n"
    b"  </oneSwitch>\n</newSwitchVector>",
    b"<getProperties version='1.7'/>",
    b'<getProperties version="1.7" device="a&gt;b"></getProperties>',
    b"<enableBLOB device='D'>Also</enableBLOB>",
    b'<pingRequest uid="SetBLOB/1"/>',
]


@given(st.lists(PIECES, max_size=14))
def test_what_it_takes_the_parser_takes_too(pieces: list[str]) -> None:
    agree("".join(pieces).encode())


@given(st.sampled_from(WHOLE), st.integers(0, 150), st.binary(max_size=3), st.integers(0, 3))
def test_a_damaged_element_is_taken_only_where_the_parser_takes_it(whole: bytes, at: int, put: bytes, cut: int) -> None:
    agree(whole[:at] + put + whole[at + cut :])


def agree(data: bytes) -> None:
    plain = Plain()
    found = plain.match(data, 0)
    assert plain.match(data, 0) == found  # a start tag that is known is no reason for another answer
    if found is None:
        return
    tag, attributes, stop = found
    assert (tag, attributes) == look(data[:stop])


@given(st.sampled_from(WHOLE[:2]), st.integers(0, 150), st.binary(max_size=3), st.integers(0, 3))
def test_a_known_start_tag_proves_nothing_of_what_follows(whole: bytes, at: int, put: bytes, cut: int) -> None:
    plain, damaged = Plain(), whole[:at] + put + whole[at + cut :]
    plain.match(whole, 0)
    assert plain.match(damaged, 0) == Plain().match(damaged, 0)
    assert plain.match(b"\n" + damaged, 1) == Plain().match(b"\n" + damaged, 1)


def test_an_element_is_its_own() -> None:
    """What a handler does to the attributes of one changes no other."""
    plain = Plain()
    for _ in range(3):
        found = plain.match(WHOLE[0], 0)
        assert found is not None
        assert found[1] == {"device": "D", "name": "N"}
        found[1]["device"] = "E"


def test_the_start_tags_that_are_remembered_are_bounded() -> None:
    plain = Plain()
    for number in range(4 * KNOWN):
        assert plain.match(b'<newTextVector device="D" name="%d"></newTextVector>' % number, 0) is not None
    assert len(plain._known) <= KNOWN
    assert plain.match(b'<newTextVector device="%s" name="N"></newTextVector>' % (b"D" * 4096), 0) is not None
    assert len(plain._known) <= KNOWN


@pytest.mark.parametrize("whole", [each for each in WHOLE if b"&" not in each])
def test_what_clients_send_goes_the_short_way(whole: bytes) -> None:
    found = Plain().match(whole + b"<more", 0)
    assert found is not None
    assert found[2] == len(whole)


def test_an_attribute_given_twice_is_left_to_the_parser() -> None:
    assert Plain().match(b"<pingRequest uid='1' uid='2'/>", 0) is None


TAGS = [
    b'<setBLOBVector device="CCD Simulator" name="CCD1" state="Ok" timestamp="2026-11-28T12:00:00">',
    b"<newBLOBVector\n  device='D'\n  name='N'\n>",
    b"<oneBLOB\n    name='CCD1'\n    size='16'\n    enclen='24'\n    format='.fits'>",
]


@given(st.sampled_from(TAGS), st.integers(0, 100), st.binary(max_size=3), st.integers(0, 3))
def test_a_damaged_tag_of_an_image_is_taken_only_where_the_parser_takes_it(
    whole: bytes, at: int, put: bytes, cut: int
) -> None:
    data = whole[:at] + put + whole[at + cut :]
    found = image_tag(data, 0, len(data))
    if found is not None:
        assert (found[0], found[1]) == look_at_tag(data[: found[2]])


@pytest.mark.parametrize("whole", TAGS)
def test_a_tag_of_an_image_is_taken_whole_or_not_at_all(whole: bytes) -> None:
    buffer = bytearray(b"AAAA" + whole + b"AAAA")
    end = 4 + len(whole)
    assert image_tag(buffer, 4, len(buffer)) == (*look_at_tag(whole), end)
    assert all(image_tag(buffer, 4, stop) is None for stop in range(4, end))


@pytest.mark.parametrize(
    "tag",
    [
        b'<oneBLOB name="a" name="b">',
        b'<oneBLOB name="%s">' % (b"x" * 257),
        b'<setBLOBVector device="D" name="N" via="a,b">',
        b'<oneBLOB name="a"/>',
        b'<oneBLOB x:name="a">',
        b'<oneBLOB name="&amp;">',
    ],
)
def test_what_the_parser_is_to_look_at_is_left_to_it(tag: bytes) -> None:
    assert image_tag(tag, 0, len(tag)) is None
