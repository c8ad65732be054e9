"""The text of an image: what is no XML in it is not passed on, wherever it stands (docs/wire.md, "Repair")."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pybase64
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inditree.errors import PeerError
from inditree.wire import image_text
from inditree.wire.fast import TEXT as PLAIN
from inditree.wire.framer import Framer
from inditree.wire.trust import CLIENT, DRIVER, GUEST, LINK, STRANGER, Trust
from wire.streams import Result, cut, frame, frame_with_buffers, one_group

RAW = bytes(range(256)) * 600
GOOD = b"<setTextVector device='G' name='N' state='Ok'><oneText name='T'>good</oneText></setTextVector>\n"
MIDDLE = 130_000
TRUSTED = {"driver": DRIVER, "link": LINK}
STRANGERS = {"client": CLIENT, "guest": GUEST, "stranger": STRANGER}


def lines(text: bytes, width: int, end: bytes = b"\n") -> bytes:
    return b"".join(text[at : at + width] + end for at in range(0, len(text), width))


TEXT = pybase64.b64encode(RAW)
#: Attributes and text, in the layouts in which libindi, indiserver, indipydriver and others write images.
LAYOUTS = {
    "libindi": (b"size='%d' enclen='%d'" % (len(RAW), len(TEXT)), b"\n" + lines(TEXT, 72) + b"  "),
    "libindi, compressed": (b"size='9' enclen='%d'" % len(TEXT), b"\n" + lines(TEXT, 72) + b"  "),
    "indiserver": (b"size='%d' enclen='%d'" % (len(RAW), len(TEXT)), lines(TEXT, 72)),
    "one line": (b"size='%d'" % len(RAW), TEXT),
    "one line in white space": (b"size='%d'" % len(RAW), b"\n    " + TEXT + b"\n  "),
    "one line, compressed": (b"size='9'", TEXT),
    "lines of 76": (b"size='%d'" % len(RAW), b"\n" + lines(TEXT, 76)),
    "lines of Windows": (b"size='%d'" % len(RAW), b"\r\n" + lines(TEXT, 64, b"\r\n")),
    "no size": (b"", lines(TEXT, 72)),
    "a size that is none": (b"size='big' enclen=''", TEXT),
}


def image(attributes: bytes, text: bytes, tag: bytes = b"setBLOBVector") -> bytes:
    one = b"<oneBLOB name='B' %s format='.x'>%s</oneBLOB>" % (attributes, text)
    return b"<%s device='D' name='N'>%s</%s>\n" % (tag, one, tag)


def framed(data: bytes, trust: Trust, read: int = 20_000, *, buffers: bool = False) -> Result:
    framer = Framer(one_group, 1 << 20, 1 << 24, trust)
    if buffers:
        return frame_with_buffers(data, read, 1 << 15, framer)
    return frame(cut(data, range(0, len(data), read)), framer)


def put(text: bytes, wrong: bytes, at: int, instead: int) -> bytes:
    return text[:at] + wrong + text[at + instead :]


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("trust", [*TRUSTED, *STRANGERS])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_base64_passes_byte_for_byte(layout: str, trust: str, *, buffers: bool) -> None:
    data = image(*LAYOUTS[layout])
    result = framed(data + GOOD, (TRUSTED | STRANGERS)[trust], buffers=buffers)
    assert (result.error, [item.data for item in result.items]) == (None, [data, GOOD])


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("trust", TRUSTED)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("wrong", [b"\0", b"\x1b[31m", b"\xff", b"\n[INFO] 21 \xb0C\n", b"printed]]>\n", b"\x85"])
def test_what_is_printed_into_an_image_drops_it(wrong: bytes, layout: str, trust: str, *, buffers: bool) -> None:
    attributes, text = LAYOUTS[layout]
    data = image(attributes, put(text, wrong, MIDDLE, 0))
    result = framed(GOOD + data + GOOD, TRUSTED[trust], buffers=buffers)
    assert (result.error, [item.data for item in result.items]) == (None, [GOOD, GOOD])


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("trust", TRUSTED)
@pytest.mark.parametrize("layout", ["libindi", "one line"])
@pytest.mark.parametrize("at", [5000, 1 << 15, 99_900, MIDDLE])
def test_a_piece_that_is_garbled_drops_an_image_of_the_right_length(
    at: int, layout: str, trust: str, *, buffers: bool
) -> None:
    """Of a source that is trusted each 251st byte is looked at, across the edges of reads too."""
    attributes, text = LAYOUTS[layout]
    for wrong in (b"\0" * 251, b"\xe8" * 251, b"\x03\xe8" * 2000):
        data = image(attributes, put(text, wrong, at, len(wrong)))
        result = framed(GOOD + data + GOOD, TRUSTED[trust], buffers=buffers)
        assert (result.error, [item.data for item in result.items]) == (None, [GOOD, GOOD])


@pytest.mark.parametrize("wrong", [b"\0", b"\x1b", b"\xff", b"\x85", b"]", b"&", b"\x0b"])
@pytest.mark.parametrize("read", [20_000, 4099])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_a_stranger_each_byte_is_looked_at(layout: str, read: int, wrong: bytes) -> None:
    """A client is closed, who introduced itself as a link loses the image: no length shows what is wrong here."""
    attributes, text = LAYOUTS[layout]
    for at in (5000, MIDDLE, MIDDLE + 71, MIDDLE + 72, len(text) - 5):
        data = image(attributes, put(text, wrong, at, 1), b"newBLOBVector")
        for trust in (CLIENT, GUEST):
            result = framed(GOOD + data + GOOD, trust, read)
            assert (result.error, [item.data for item in result.items]) == ("malformed", [GOOD])
        result = framed(GOOD + data + GOOD, STRANGER, read)
        assert (result.error, [item.data for item in result.items]) == (None, [GOOD, GOOD])


@pytest.mark.parametrize("hidden", [b"<!-- a note -->", b"<?note?>"])
def test_a_comment_in_an_image_hides_nothing(hidden: bytes) -> None:
    attributes, text = LAYOUTS["libindi"]
    for at in (5000, MIDDLE):
        data = image(attributes, put(text, hidden, at, 0))
        assert [item.data for item in framed(data + GOOD, DRIVER).items] == [data, GOOD]
        for place in (4500, at + len(hidden) + 10, at + 40_000, len(text) - 5):
            wrong = image(attributes, put(put(text, hidden, at, 0), b"\x1b", place, 1))
            for trust in (DRIVER, STRANGER):
                assert [item.data for item in framed(wrong + GOOD, trust).items] == [GOOD]


def test_each_member_of_an_image_is_looked_at() -> None:
    attributes, text = LAYOUTS["libindi"]
    for bad in range(3):
        texts = [put(text, b"\x07", MIDDLE, 0) if number == bad else text for number in range(3)]
        ones = b"".join(
            b"<oneBLOB name='%d' %s format='.x'>%s</oneBLOB>\n" % (n, attributes, each) for n, each in enumerate(texts)
        )
        data = b"<setBLOBVector device='D' name='N'>\n%s</setBLOBVector>\n" % ones
        assert [item.data for item in framed(data + GOOD, DRIVER).items] == [GOOD]


def test_a_mended_start_tag_does_not_hide_the_text() -> None:
    attributes, text = LAYOUTS["libindi"]
    for wrong, kept in ((b"", 2), (b"\x07", 1)):
        data = image(attributes + b" label='R & D \xb0'", put(text, wrong, MIDDLE, 0))
        for read in (100, 20_000):
            items = framed(data + GOOD, DRIVER, read).items
            assert len(items) == kept
            assert items[-1].data == GOOD
            for item in items:
                ET.fromstring(item.data)


def test_an_error_in_the_first_part_of_an_image_that_a_client_sends_ends_it_at_once() -> None:
    framer = Framer(one_group, 1 << 20, 1 << 24, CLIENT)
    framer.feed(image(*LAYOUTS["one line"], b"newBLOBVector")[:100_000])
    assert framer.pull() is None
    with pytest.raises(PeerError, match="newBLOBVector"):
        framer.feed(b"AAAA\0")
        framer.pull()


@pytest.mark.parametrize(
    "layout", ["libindi", "libindi, compressed", "indiserver", "one line", "one line in white space"]
)
@pytest.mark.parametrize("buffers", [False, True])
def test_what_trusted_programs_write_is_not_proven_whole(
    layout: str, monkeypatch: pytest.MonkeyPatch, *, buffers: bool
) -> None:
    """It would add a quarter to what the relay of a byte costs."""
    proven = 0

    def spy(_: object, start: int, stop: int) -> bool:
        nonlocal proven
        proven += stop - start
        return True

    monkeypatch.setattr(image_text, "is_text", spy)
    for read in (20_000, 1 << 20):
        result = framed(image(*LAYOUTS[layout]), DRIVER, read, buffers=buffers)
        assert (len(result.items), proven) == (1, 0)
    result = framed(image(*LAYOUTS["lines of 76"]), DRIVER, buffers=buffers)
    assert proven >= len(TEXT)


_BASES = st.sampled_from(
    [lines(TEXT, 72)[:20_000], TEXT[:20_000], lines(TEXT, 76)[:9_000], b"\n" * 9_000, b"A\n" * 5_000]
)


@settings(max_examples=300, deadline=None, database=None)
@given(
    _BASES, st.lists(st.tuples(st.integers(0, 20_000), st.binary(max_size=3), st.integers(0, 3)), max_size=2), st.data()
)
def test_the_proof_says_what_the_pattern_says(
    base: bytes, changes: list[tuple[int, bytes, int]], data: st.DataObject
) -> None:
    for at, wrong, instead in changes:
        base = put(base, wrong, at, instead)
    start = data.draw(st.integers(0, len(base)))
    stop = data.draw(st.integers(start, len(base)))
    for kind in (bytes, bytearray, memoryview):
        assert image_text.is_text(kind(base), start, stop) == bool(re.fullmatch(PLAIN, base[start:stop]))
