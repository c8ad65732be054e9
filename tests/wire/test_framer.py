"""What the framer gives out: runs, heads, limits, errors; docs/wire.md, "Reading"."""

from __future__ import annotations

import pytest

from inditree.errors import PeerError
from inditree.wire.elements import Element, Head, Run
from inditree.wire.fast import NAME_MAX
from inditree.wire.framer import Framer
from inditree.wire.proof import MEMBERS_LIMIT, NAME_LIMIT, VIA_LIMIT
from inditree.wire.runs import HEADS_LIMIT
from inditree.wire.syntax import START_TAG_LIMIT, TEXT_LIMIT
from inditree.wire.trust import CLIENT, DRIVER, GUEST, LINK, STRANGER, Trust
from wire.streams import bytewise, frame, framer, one_group

VECTOR = b'<setNumberVector device="%s" name="%s" state="Ok"><oneNumber name="a">%d</oneNumber></setNumberVector>\n'
LIBINDI = (
    b"<?xml version='1.0'?>\n<setNumberVector\n  device='%s'\n  name='%s'\n  state='Ok'\n>\n"
    b"  <oneNumber name='a'>\n      %d\n  </oneNumber>\n</setNumberVector>\n"
)


def one(data: bytes) -> Element:
    (element,) = pulled(framer(), data)
    assert isinstance(element, Element)
    return element


def pulled(machine: Framer, data: bytes) -> list[object]:
    machine.feed(data)
    items: list[object] = []
    while (item := machine.pull()) is not None:
        items.append(item)
    return items


def reason(data: bytes, element_limit: int = 1 << 20, blob_limit: int = 1 << 20) -> str | None:
    """The error, which must be the same one byte at a time."""
    whole = frame([data], framer(element_limit, blob_limit)).error
    assert frame(bytewise(data), framer(element_limit, blob_limit)).error == whole
    return whole


# Runs


@pytest.mark.parametrize("layout", [VECTOR, LIBINDI])
def test_neighbours_with_the_same_group_are_one_run(layout: bytes) -> None:
    data = b"".join(layout % (b"D", b"NM"[i % 2 :][:1], i) for i in range(9))
    (run,) = pulled(framer(), data)
    assert isinstance(run, Run)
    assert run.data == data.replace(b"<?xml version='1.0'?>\n", b"")
    assert [(head.name, head.count) for head in run.heads] == [("N", 5), ("M", 4)]


def test_a_run_that_is_the_whole_read_is_not_copied() -> None:
    data = VECTOR % (b"D", b"N", 1) * 3
    (run,) = pulled(framer(), data)
    assert isinstance(run, Run)
    assert run.data is data


def test_another_group_begins_another_run() -> None:
    groups = {"D": object(), "E": object()}
    data = b"".join(VECTOR % (device, b"N", 1) for device in (b"D", b"D", b"E", b"D"))
    machine = framer(route=lambda head: groups[head.device])
    machine.feed(data)
    counts = []
    while isinstance(run := machine.pull(), Run):
        counts.append((run.group, run.heads[0].count))
    assert counts == [(groups["D"], 2), (groups["E"], 1), (groups["D"], 1)]


def test_a_forgotten_group_is_asked_for_again() -> None:
    heads: list[Head] = []

    def route(head: Head) -> object:
        heads.append(head)
        return one_group

    machine = framer(route=route)
    pulled(machine, VECTOR % (b"D", b"N", 1) * 2)
    pulled(machine, VECTOR % (b"D", b"N", 1))
    assert len(heads) == 1
    heads[0].group = None
    pulled(machine, VECTOR % (b"D", b"N", 1))
    assert heads == [heads[0]] * 2


def test_both_layouts_of_a_property_are_one_head() -> None:
    layouts = (b'<setTextVector device="D" name="N"></setTextVector>\n', VECTOR % (b"D", b"N", 1))
    other = b"<setTextVector\n  device='D'\n  name='N'\n></setTextVector>\n"
    machine = framer()
    heads = [item.heads[0] for each in (*layouts, other) for item in pulled(machine, each) if isinstance(item, Run)]
    assert heads[0] is heads[2]
    assert heads[1].tag == "setNumberVector"


def test_a_device_with_entities_is_the_same_device() -> None:
    vector = b'<setTextVector device="%s" name="N"></setTextVector>\n'
    data = vector % b"A&#66;" + vector % b"AB"
    element, run = pulled(framer(), data)
    assert isinstance(element, Element) and isinstance(run, Run)
    assert (element.device, element.name) == (run.heads[0].device, run.heads[0].name) == ("AB", "N")


def test_an_empty_device_is_no_head() -> None:
    assert one(b'<setTextVector device="" name="N"></setTextVector>').device == ""


@pytest.mark.parametrize("hidden", [b"<!-- </setTextVector> -->", b"<![CDATA[</setTextVector>]]>"])
def test_a_hidden_end_tag_does_not_end_an_element_in_a_run(hidden: bytes) -> None:
    plain = b'<setTextVector device="D" name="N"><oneText name="t">!</oneText></setTextVector>\n'
    tricky = b'<setTextVector device="D" name="N"><oneText name="t">' + hidden + b"</oneText></setTextVector>\n"
    result = frame([plain + tricky + plain])
    assert [item.data for item in result.items] == [plain, tricky, plain]


def test_remembered_heads_are_bounded() -> None:
    machine = framer()
    count = HEADS_LIMIT + 10
    result = frame([b"".join(VECTOR % (b"D", b"N%d" % i, i) for i in range(count))], machine)
    assert len(result.items) == count
    assert len(machine._runs.heads) <= HEADS_LIMIT


def test_a_head_is_short() -> None:
    machine = framer()
    long = b"N" * (NAME_MAX + 1)
    assert frame([VECTOR % (b"D", long, 1)], machine).names == [("setNumberVector", "D", long.decode())]
    assert not machine._runs.heads


# Single elements


def test_a_program_that_calls_a_tag_by_another_end() -> None:
    assert frame([b"<a><ab></ab></a  ><b/>"]).names == [("a", None, None), ("b", None, None)]


def test_space_in_an_end_tag_that_comes_byte_by_byte() -> None:
    data = b'<setTextVector device="D" name="N"></setTextVector \r\n\t >'
    assert frame(bytewise(data)).names == frame([data]).names == [("setTextVector", "D", "N")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<enableBLOB>URL</enableBLOB>", "URL"),
        (b"<enableBLOB device='D'>\n Also\n</enableBLOB>", "Also"),
        (b'<enableBLOB device="a>b">Also</enableBLOB>', "Also"),
        (b"<enableBLOB device='>'/>", ""),
        (b"<enableBLOB></enableBLOB>", ""),
    ],
)
def test_text(data: bytes, text: str) -> None:
    assert one(data).text == text


# Limits, each as a typed error


def test_element_limit() -> None:
    def element(size: int, tag: bytes) -> bytes:
        head, end = b'<%s device="D" name="N">' % tag, b"</%s>" % tag
        return head + b"x" * (size - len(head) - len(end)) + end

    for tag in (b"setTextVector", b"defTextVector", b"newTextVector", b"other"):
        assert reason(element(500, tag), 500) is None
        assert reason(element(501, tag), 500) == "too_large"
        assert reason(element(501, tag)[:-1] + b"\n", 500) == "too_large"
    small = element(100, b"setTextVector") + b"\n"
    assert frame([small * 9 + element(501, b"setTextVector") + b"\n" + small], framer(500)).items == (
        frame([small * 9]).items
    )


def test_what_never_ends_is_too_large() -> None:
    for data in (b"<!-- ", b"<?xml ", b"<a b='", b'<a b="1">', b"<a ", b"<setTextVector><!--"):
        assert reason(data + b"-" * 600, 500) == "too_large"


def test_a_comment_over_the_limit_is_too_large_however_it_comes() -> None:
    assert reason(b"<!--" + b"-" * 600 + b" -->", 500) == "too_large"


@pytest.mark.parametrize("attribute", [b"device", b"name", b"state", b"message", b"other"])
def test_attributes_have_a_limit(attribute: bytes) -> None:
    tags = {b"device": b"", b"name": b'device="D" '}.get(attribute, b'device="D" name="N" ')
    data = b'<setTextVector %s%s="%s"></setTextVector>\n' % (tags, attribute, b"x" * START_TAG_LIMIT)
    assert reason(data) == "too_large"
    assert reason(b"<set" + b"T" * START_TAG_LIMIT) == "too_large"


@pytest.mark.parametrize("tag", [b"getProperties", b"newTextVector", b"enableBLOB", b"defTextVector", b"message"])
def test_attributes_of_every_element_have_a_limit(tag: bytes) -> None:
    assert reason(b'<%s other="%s"></%s>' % (tag, b"x" * START_TAG_LIMIT, tag)) == "too_large"
    assert reason(b'<%s other="%s"></%s>' % (tag, b"x" * (START_TAG_LIMIT - 100), tag)) is None


@pytest.mark.parametrize("key", [b"device", b"name", b"uid"])
def test_names_have_a_limit(key: bytes) -> None:
    for tag in (
        b"defTextVector",
        b"setTextVector",
        b"newTextVector",
        b"getProperties",
        b"message",
        b"delProperty",
        b"a",
    ):
        for end in (b"/>", b"></%s>" % tag):
            assert reason(b'<%s %s="%s"%s' % (tag, key, b"x" * NAME_LIMIT, end)) is None
            assert reason(b'<%s %s="%s"%s' % (tag, key, b"x" * (NAME_LIMIT + 1), end)) == "too_large"


def test_names_of_members_have_a_limit() -> None:
    for kind, tag in ((b"def", b"def"), (b"set", b"one"), (b"new", b"one")):
        data = b'<%sTextVector device="D" name="N"><%sText name="%%s">1</%sText></%sTextVector>' % (
            kind,
            tag,
            tag,
            kind,
        )
        assert reason(data % (b"x" * NAME_LIMIT)) is None
        assert reason(data % (b"x" * (NAME_LIMIT + 1))) == "too_large"
    blob = b'<setBLOBVector device="D" name="N"><oneBLOB name="%s">AAAA</oneBLOB></setBLOBVector>'
    assert reason(blob % (b"x" * NAME_LIMIT)) is None
    assert reason(blob % (b"x" * (NAME_LIMIT + 1))) == "too_large"


MEMBERS = {
    b"defTextVector": b"<defText name='a'>1</defText>",
    b"setTextVector": b'<oneText name="a"></oneText>',
    b"newTextVector": b"<oneText name='a'>1</oneText>",
    b"setBLOBVector": b"<oneBLOB name='a'>AAAA</oneBLOB>",
    b"newBLOBVector": b"<oneBLOB name='a' />",
}


@pytest.mark.parametrize("tag", MEMBERS)
@pytest.mark.parametrize("taken", [CLIENT, GUEST, STRANGER, LINK, DRIVER])
def test_a_property_has_so_many_members_at_most(tag: bytes, taken: Trust) -> None:
    """A client that sends more is closed. Of drivers and links the element is dropped, as a property is let go."""

    def vector(number: int) -> bytes:
        return b'<%s device="D" name="N">%s</%s>\n' % (tag, MEMBERS[tag] * number, tag)

    machine = framer()
    machine.trust = taken
    assert frame([vector(MEMBERS_LIMIT)], machine).names == [(tag.decode(), "D", "N")]
    found = frame([vector(MEMBERS_LIMIT + 1), b"<a/>"], machine)
    assert found.error == (None if taken.repairs else "too_large")
    assert found.names == ([("a", None, None)] if taken.repairs else [])
    assert [fault.reasons for fault in machine.faults] == ([("too_large",)] if taken.repairs else [])


def test_a_path_has_a_limit() -> None:
    for tag in (b"defTextVector", b"getProperties"):
        assert reason(b"<%s via='%s'/>" % (tag, b",".join([b"a"] * VIA_LIMIT))) is None
        assert reason(b"<%s via='%s'/>" % (tag, b",".join([b"a"] * (VIA_LIMIT + 1)))) == "too_large"
        assert reason(b"<%s via='a,%s'/>" % (tag, b",".join([b"x" * NAME_LIMIT] * 9))) is None
        assert reason(b"<%s via='a,%s,b'/>" % (tag, b"x" * (NAME_LIMIT + 1))) == "too_large"


def test_a_driver_loses_what_has_too_long_a_name() -> None:
    machine = framer()
    machine.trust = DRIVER
    long = b"x" * (NAME_LIMIT + 1)
    data = b"<getProperties device='%s'/><defTextVector device='D' name='%s'></defTextVector><a/>" % (long, long)
    data += b"<setBLOBVector device='D' name='B'><oneBLOB name='%s'>AAAA</oneBLOB></setBLOBVector><b/>" % long
    assert frame([data], machine).names == [("a", None, None), ("b", None, None)]
    assert [fault.reasons for fault in machine.faults] == [("too_large",)] * 3


def test_a_long_message_passes() -> None:
    data = b'<setTextVector device="D" name="N" message="%s"></setTextVector>\n' % (b"m" * 10000)
    assert frame([data]).data == data


def test_depth_of_a_new() -> None:
    def nested(levels: int) -> bytes:
        return b'<newTextVector device="D" name="N">' + b"<a>" * levels + b"</a>" * levels + b"</newTextVector>"

    assert reason(nested(7)) is None
    assert reason(nested(8)) == "malformed"


@pytest.mark.parametrize("space", [b"", b" ", b"\n"])
def test_text_between_elements_has_a_limit(space: bytes) -> None:
    text = (b"x" + space) * TEXT_LIMIT
    for pieces in ([text], bytewise(text)):
        machine = framer()
        result = frame(pieces, machine)
        assert (result.error, result.text) == (None, TEXT_LIMIT)
        assert frame([b"<!-- no element -->x"], machine).error == "malformed"
    assert frame([text + b"<a/>" + text]).error is None
    assert frame([text + VECTOR % (b"D", b"N", 1) + text]).error is None


def test_space_between_elements_has_none() -> None:
    assert frame([b" \r\n\t" * TEXT_LIMIT + b"<a/>"]).names == [("a", None, None)]


def test_a_blob_has_its_own_limits() -> None:
    blob = b'<setBLOBVector device="D" name="B"><oneBLOB name="B">%s</oneBLOB></setBLOBVector>'
    fits = blob % (b"A" * (1000 - len(blob) + 2))
    assert len(fits) == 1000
    assert reason(fits, 500, 1000) is None
    assert reason(fits, 500, 999) == "too_large"
    for frame_of_it in (b"\n", b"<oneBLOB name='B'/>", b"<!-- -->", b"x"):
        assert reason(b'<setBLOBVector device="D" name="B">' + frame_of_it * 600, 500, 100_000) == "too_large"
    assert reason(b'<setBLOBVector device="D" name="B"><oneBLOB a="' + b"x" * START_TAG_LIMIT) == "too_large"
    assert reason(b'<setBLOBVector device="D" name="B"><!--' + b"x" * START_TAG_LIMIT) == "too_large"


# Errors


def test_errors_come_from_pull_after_all_that_was_whole() -> None:
    machine = framer()
    machine.feed(b"<a/><b")
    assert isinstance(machine.pull(), Element)
    assert machine.pull() is None
    machine.feed(b"<")
    for _ in range(2):
        with pytest.raises(PeerError) as caught:
            machine.pull()
        assert caught.value.reason == "malformed"


@pytest.mark.parametrize("tag", [b"set", b"def", b"new"])
def test_bodies_are_looked_at(tag: bytes) -> None:
    data = b'<%sTextVector device="D" name="N"><oneText>a %%s b</one%%s></%sTextVector>\n' % (tag, tag)
    assert frame([data % (b"+", b"Text")]).data == data % (b"+", b"Text")
    for body, end in ((b"&", b"Text"), (b"+", b"Txt"), (b"]]>", b"Text"), (b"\x07", b"Text"), (b"<a>", b"Text")):
        assert reason(data % (body, end)) == "malformed"


@pytest.mark.parametrize("control", [bytes([code]) for code in (*range(0x20), 0x7F) if code not in b"\t\n\r"])
def test_control_characters_in_a_start_tag(control: bytes) -> None:
    for layout in (VECTOR, LIBINDI):
        wanted = None if control == b"\x7f" else "malformed"
        assert reason(layout % (b"D" + control, b"N", 1)) == wanted
        assert reason((layout % (b"D", b"N", 1)).replace(b"Ok", b"O" + control)) == wanted


def test_idle() -> None:
    machine = framer()
    assert machine.idle
    pulled(machine, b"  text ")
    assert machine.idle
    pulled(machine, b"<setTextVector")
    assert not machine.idle
    pulled(machine, b"></setTextVector>\n")
    assert machine.idle
    pulled(machine, b"<setBLOBVector><oneBLOB>AAAA")
    assert not machine.idle
    pulled(machine, b"</oneBLOB></setBLOBVector>")
    assert machine.idle
