"""A page beside thousands of devices, and clients that ask and do not read: nothing grows faster than what comes in."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.envelope import split
from inditree.flow.outbox import Outbox
from inditree.web import frames
from inditree.web.images import Images
from inditree.web.json_messages import JsonMessages
from inditree.web.outbox import BEHIND, MOST, JsonOutbox, XmlOutbox
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import del_property

FEW, MANY = 500, 4000


def messages(view: Mapping[str, bytes] = MappingProxyType({})) -> JsonMessages:
    """`view`: the definition of the one property of each device, as it is now."""
    return JsonMessages(
        Images(lambda device, size: None), lambda device, name: b"", lambda device, name: view.get(device, b"")
    )


def outbox(said: JsonMessages | None = None) -> JsonOutbox:
    return JsonOutbox(1 << 24, time.monotonic, said or messages(), lambda blob: b"")


def define(device: str, value: str = "1") -> bytes:
    text = f'<defTextVector device="{device}" name="P"><defText name="a">{value}</defText></defTextVector>\n'
    return text.encode()


def fill(box: JsonOutbox) -> None:
    """It is behind from now on."""
    while box.waiting <= BEHIND:
        box.put_frame(b"x" * 100_000)


@pytest.mark.parametrize("behind", [False, True])
def test_devices_that_go_cost_what_each_of_them_costs(behind: bool) -> None:
    """Each looked through all that there were: 8 000 stopped the router for 600 ms beside one page."""

    def cost(number: int) -> float:
        said = messages()
        box = outbox(said)
        for each in range(number):
            box.put(define(f"D{each}"))
        if behind:
            fill(box)
            for each in range(number):
                box.put(define(f"D{each}"))
        gone = [del_property(f"D{each}") for each in range(number)]
        begin = time.process_time()
        for data in gone:
            box.put(data)
        took = time.process_time() - begin
        assert not said.properties.known and not said._definitions and not said._by_bytes
        return took

    few = min(cost(FEW) for _ in range(3))
    many = min(cost(MANY) for _ in range(2))
    assert many < 3 * MANY / FEW * few + 0.02, f"{few * 1000:.1f} ms for {FEW}, {many * 1000:.1f} ms for {MANY}"


def test_what_is_gone_before_it_was_told_is_told_as_gone() -> None:
    """Of a device that was deleted nothing is left; one that is there again is told after that."""
    box = outbox(messages({"B": define("B")}))
    fill(box)
    for data in (define("A"), define("B"), del_property("A"), del_property("B"), define("B")):
        assert box.put(data)
    while not Outbox.empty.fget(box):  # type: ignore[attr-defined]
        box.sent(len(b"".join(box.next_write())))
    told = b"".join(box.next_write())
    assert told.count(b"deleteProperty") == 2
    assert told.count(b"defTextVector") == 1
    assert told.index(b'{"deleteProperty":{"device":"B"}') < told.index(b"defTextVector")


def test_devices_that_come_and_go_without_end_close_who_does_not_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inditree.web.outbox.MOST", 50)
    assert MOST > 100_000
    box = outbox()
    fill(box)
    told = [box.put(del_property(f"D{each}")) for each in range(60)]
    assert told == [True] * 50 + [False] * 10


@pytest.mark.parametrize("box", [outbox(), XmlOutbox(1 << 20, time.monotonic)])
def test_of_pongs_that_wait_only_the_last_is_kept(box: JsonOutbox | XmlOutbox) -> None:
    """They were kept without end for who pings and does not read, each at ten times its bytes."""
    box.put_frame(b"first")
    box.put_frame(b"second")
    for each in range(1000):
        assert box.put_last(frames.pong(b"%d" % each))
    assert box.waiting < 50
    assert b"".join(box.next_write()).count(frames.pong(b"999")) == 1
    assert box.waiting == 0
    assert (
        frames.is_pong(frames.pong(b"x"))
        and not frames.is_pong(frames.close(1000))
        and not frames.is_pong(frames.text(b""))
    )


def told(box: JsonOutbox) -> list[dict[str, Any]]:
    """Take all that it is told, message by message."""
    return [json.loads(each) for each in messages_of(box)]


def test_the_definitions_of_thousands_of_devices_are_made_as_they_are_written() -> None:
    """All at once they stopped the router for 0.8 s. Each is made of what is newest when its turn comes."""
    view = {f"D{number}": define(f"D{number}") for number in range(MANY)}
    said = messages(view)
    box = outbox(said)
    for data in list(view.values()):
        assert box.put(data)
    made = len(said.properties.known)
    assert 100 < made < MANY / 2
    last, gone, again = f"D{MANY - 1}", f"D{MANY - 2}", f"D{MANY - 3}"
    view[last] = define(last, "2")
    box.put(b'<setTextVector device="%s" name="P"><oneText name="a">2</oneText></setTextVector>' % last.encode())
    for device in (gone, again):
        del view[device]
        box.put(del_property(device))
    view[again] = define(again, "3")
    box.put(view[again])
    values: dict[str, str] = {}
    for each in told(box):
        if "defTextVector" in each:
            body = each["defTextVector"]
            assert body["device"] not in values
            values[body["device"]] = body["items"][0]["value"]
    assert values == {f"D{number}": "1" for number in range(MANY) if f"D{number}" != gone} | {last: "2", again: "3"}
    other = outbox(said)
    for data in list(view.values()):
        other.put(data)
    assert {each["defTextVector"]["device"] for each in told(other)} == set(view)


def messages_of(box: JsonOutbox | XmlOutbox) -> list[bytes]:
    """Take all that it is told, frame by frame."""
    data = bytearray()
    while not box.empty:
        written = b"".join(box.next_write())
        data += written
        box.sent(len(written))
    found = []
    while data:
        size = data[1] if data[1] < 126 else int.from_bytes(data[2:4], "big")
        begin = 2 if data[1] < 126 else 4
        found.append(bytes(data[begin : begin + size]))
        del data[: begin + size]
    return found


def test_thousands_of_definitions_become_messages_of_xml_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once they held the router for 110 ms, in elements of several lines for 300."""
    cut: list[bytes] = []

    def counted(data: bytes) -> list[bytes]:
        cut.append(data)
        return split(data)

    monkeypatch.setattr("inditree.web.outbox.split", counted)
    box = XmlOutbox(1 << 24, time.monotonic)
    definitions = [define(f"D{number}") for number in range(MANY)]
    for data in definitions:
        assert box.put(data)
    assert 100 < len(cut) < MANY / 2
    assert box.size >= sum(map(len, definitions[1:]))
    box.next_write()
    assert len(cut) < MANY / 2
    box.put_frame(frames.text(b"status"))
    box.put(define("last"))
    assert messages_of(box) == [each.strip() for each in definitions] + [b"status", define("last").strip()]
    assert box.control == box.size == 0 and len(cut) == MANY + 1


def test_an_image_waits_behind_definitions_that_are_not_made_yet() -> None:
    box = XmlOutbox(1 << 24, time.monotonic)
    definitions = [define(f"D{number}") for number in range(MANY)]
    for data in definitions:
        box.put(data)
    text = b'<setBLOBVector device="D1" name="P"><oneBLOB name="a">QUJD</oneBLOB></setBLOBVector>'
    box.put_blob(Blob(Element("setBLOBVector", {"device": "D1", "name": "P"}, b""), [text], len(text), []))
    box.put_behind("D1", define("D1"))
    assert messages_of(box) == [*(each.strip() for each in definitions), text, define("D1").strip()]
    assert box.control == box.size == 0


def test_who_does_not_read_xml_is_closed_at_the_limit_as_before() -> None:
    box = XmlOutbox(100_000, time.monotonic)
    put = 0
    while box.put(define(f"D{put}")):
        put += 1
        assert put < 5000
    assert 100_000 < box.control < 101_000
    box.clear()
    assert box.empty and box.size == 0 and not box.next_write()


@given(
    quote=st.sampled_from(("'", '"')),
    blank=st.sampled_from((" ", "  ", "\n", "\t")),
    name=st.text(alphabet="aé'\" =&<>\n", max_size=6),
    first=st.booleans(),
)
def test_whose_definition_it_is_is_read_as_the_parser_does(quote: str, blank: str, name: str, first: bool) -> None:
    written = name.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;").replace('"', "&#34;")
    label = 'label=\' device="x" name="y"\''
    of = f"device={quote}{written}{quote} name='P'"
    text = f"<defTextVector{blank}{label if first else of}{blank}{of if first else label}{blank}></defTextVector>"
    found = ET.fromstring(text)
    assert messages().unmade(text.encode()) == (found.get("device"), found.get("name"))
