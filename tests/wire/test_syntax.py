"""What the server writes itself, and the small changes that it makes."""

from __future__ import annotations

import contextlib
import re
import time
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import grows
from inditree.errors import PeerError
from inditree.wire import syntax

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def attributes(data: bytes) -> dict[str, str]:
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attrs: found.append(attrs)
    parser.Parse(data, True)
    return found[0]


def test_what_is_written() -> None:
    assert syntax.get_properties() == b'<getProperties version="1.7"/>\n'
    assert syntax.get_properties("D", "N") == b'<getProperties version="1.7" device="D" name="N"/>\n'
    assert syntax.get_properties(via="a") == b'<getProperties version="1.7" via="a"/>\n'
    assert syntax.del_property("D") == b'<delProperty device="D"/>\n'
    assert syntax.del_property("D", "N") == b'<delProperty device="D" name="N"/>\n'
    assert syntax.message("m", "t") == b'<message timestamp="t" message="m"/>\n'
    assert syntax.message("m", "t", "D") == b'<message device="D" timestamp="t" message="m"/>\n'
    assert syntax.ping_request("1") == b'<pingRequest uid="1"/>\n'
    assert syntax.ping_reply("1") == b'<pingReply uid="1"/>\n'
    assert syntax.enable_blob("Also", "D") == b'<enableBLOB device="D">Also</enableBLOB>\n'
    assert syntax.enable_blob("Only", "D", "N") == b'<enableBLOB device="D" name="N">Only</enableBLOB>\n'


@given(NAMES, NAMES)
def test_it_is_utf_8_and_reads_back(device: str, text: str) -> None:
    written = syntax.message(text, "t", device)
    assert "&#" not in written.decode() or any(each in device + text for each in "\r\n\t&")
    assert attributes(written) == {"device": device, "timestamp": "t", "message": text}


@pytest.mark.parametrize("bad", ["\0", "\x1b", "\x08", "\ud800", "\ufffe"])
def test_what_xml_cannot_hold_is_replaced(bad: str) -> None:
    assert attributes(syntax.message(f"a{bad}b", "t"))["message"] == "a?b"


def test_what_is_replaced_is_what_xml_forbids() -> None:
    allowed = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
    edges = {at + step for at in (0, 9, 11, 13, 32, 0xD800, 0xE000, 0xFFFE, 0x10000) for step in (-1, 0, 1)} - {-1}
    for char in map(chr, sorted(edges | {0x10FFFF})):
        assert bool(syntax.NOT_XML.match(char)) is not bool(allowed.match(char)), hex(ord(char))


def test_line_breaks_are_kept() -> None:
    assert attributes(syntax.message("a\nb\tc\r", "t"))["message"] == "a\nb\tc\r"


def test_with_attributes() -> None:
    assert syntax.with_attributes(b"<a/>\n", via="x") == b'<a via="x"/>\n'
    assert syntax.with_attributes(b"<a b='>' >c</a>\n", via="x<", seq="1") == b'<a b=\'>\' via="x&lt;" seq="1">c</a>\n'


def test_an_attribute_that_is_there_is_replaced() -> None:
    assert syntax.with_attributes(b"<a via='1' b='2'/>", via="3") == b"<a b='2' via=\"3\"/>"


def test_without_attribute() -> None:
    data = b"<a\n  via = 'x'\n  b=\" via='y' \" via2='z'>via='1'</a>\n"
    assert syntax.without_attribute(data, "via") == b"<a\n  b=\" via='y' \" via2='z'>via='1'</a>\n"
    assert syntax.without_attribute(data, "seq") is data


@given(st.dictionaries(st.sampled_from(["a", "b", "via", "seq", "é"]), NAMES, max_size=4), st.sampled_from("ab"))
def test_adding_and_taking_off(given_attributes: dict[str, str], other: str) -> None:
    data = syntax.with_attributes(b"<x/>", **{key: value for key, value in given_attributes.items() if key != "é"})
    if "é" in given_attributes:
        data = data[:-2] + " é=".encode() + syntax.attribute(given_attributes["é"]) + b"/>"
    assert attributes(data) == given_attributes
    stamped = syntax.with_attributes(data, via="1,2", seq="3")
    assert attributes(stamped) == {**given_attributes, "via": "1,2", "seq": "3"}
    bare = syntax.without_attribute(syntax.without_attribute(stamped, "via"), "seq")
    assert attributes(bare) == {key: value for key, value in given_attributes.items() if key not in ("via", "seq")}


# Linear, and the same as the pattern that was not


_OLD = re.compile(rb"(\s+)([^\s=\"'<>]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")
_NAMES = st.sampled_from([b"via", b"seq", b"version", b"v", b"device"])
_VALUES = st.sampled_from([b'"x"', b"'via=\"1\"'", b"''", b"\" via='y' \"", b'">"'])
_BLANKS = st.sampled_from([b"", b" ", b"\n  "])
_TAGS = st.lists(st.tuples(_NAMES, _BLANKS, _BLANKS, _VALUES), max_size=5, unique_by=lambda each: each[0])


@given(_TAGS, st.sampled_from([b"/>", b" >via='1'</a>", b"\n/>\n"]), _NAMES)
def test_attributes_are_found_as_before(parts: list[tuple[bytes, ...]], end: bytes, name: bytes) -> None:
    data = b"<a" + b"".join(b" " + b + a + b"=" + b + value for a, b, _, value in parts) + end
    at = syntax.start_end(data)
    expected = _OLD.sub(lambda found: b"" if found[2] == name else found[0], data[:at]) + data[at:]
    assert syntax.without_attribute(data, name.decode()) == expected


@given(_TAGS, st.sampled_from([b"/>", b" >via='1'</a>", b"\n/>\n", b" / >", b" x>", b"=''/>", b"'>'>", b"</a>"]))
def test_the_end_of_a_start_tag_is_found_as_before(parts: list[tuple[bytes, ...]], end: bytes) -> None:
    data = b"<a" + b"".join(b" " + b + a + b"=" + b + value for a, b, _, value in parts) + end
    try:
        at, _ = syntax.tag_end(data, 1, len(data), 0)
    except PeerError:
        with pytest.raises(PeerError):
            syntax.start_end(data)
    else:
        assert data[: syntax.start_end(data)].rstrip() == data[: at - 2 if data[at - 2] == 0x2F else at - 1].rstrip()


@pytest.mark.parametrize("blanks", [b" ", b" x", b"\n", b" x=", b" x='' "])
def test_blanks_are_looked_at_once(blanks: bytes) -> None:
    def seconds(size: int) -> float:
        run = blanks * (size // len(blanks))
        begin = time.process_time()
        for end in (b" via='1'/>", b"/>", b"=/>", b""):
            data = b"<getProperties version='1.7 seq'" + run + end
            with contextlib.suppress(PeerError):
                syntax.without_attribute(data, "via")
                syntax.without_attribute(data, "seq")
                syntax.with_attributes(data, seq="1")
        return time.process_time() - begin

    grows(seconds, 1 << 16, 1 << 18, times=10)
