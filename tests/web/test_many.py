"""A page beside thousands of devices, and clients that ask and do not read: nothing grows faster than what comes in."""

from __future__ import annotations

import time

import pytest

from inditree.flow.outbox import Outbox
from inditree.web import frames
from inditree.web.images import Images
from inditree.web.json_messages import JsonMessages
from inditree.web.outbox import BEHIND, MOST, JsonOutbox, XmlOutbox
from inditree.wire.syntax import del_property

FEW, MANY = 500, 4000


def messages() -> JsonMessages:
    return JsonMessages(Images(lambda device, size: None), lambda device, name: b"")


def outbox(said: JsonMessages | None = None) -> JsonOutbox:
    return JsonOutbox(1 << 24, time.monotonic, said or messages(), lambda blob: b"")


def define(device: str) -> bytes:
    return b'<defTextVector device="%s" name="P"><defText name="a">1</defText></defTextVector>\n' % device.encode()


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
    box = outbox()
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
