"""BLOBs: their chunks as they were received, and the tags among them."""

from __future__ import annotations

import pytest

from inditree.errors import PeerError
from inditree.wire.elements import Blob, Element
from inditree.wire.framer import Framer
from inditree.wire.images import SMALL, SMALL_CHUNK
from wire.streams import bytewise, frame_with_buffers, framer

START = b'<setBLOBVector device="D" name="B" state="Ok">'
ONE = b'<oneBLOB name="B" size="3" format=".bin">'
END = b"</oneBLOB></setBLOBVector>"


def begun(data: bytes = START + ONE) -> Framer:
    machine = framer()
    machine.feed(data)
    assert machine.pull() is None
    assert machine.image is not None
    return machine


def pulled(machine: Framer) -> Blob:
    blob = machine.pull()
    assert isinstance(blob, Blob)
    return blob


def test_a_buffer_filled_by_several_reads_is_one_chunk() -> None:
    machine = begun()
    buffer = bytearray(b"A" * 1000 + END + b"<getPro")
    for start, stop in ((0, 10), (10, 10), (10, 500), (500, 1000 + len(END) - 1)):
        assert not machine.feed_image(buffer, start, stop)
    assert machine.feed_image(buffer, 1000 + len(END) - 1, len(buffer))
    blob = pulled(machine)
    assert [len(chunk) for chunk in blob.chunks] == [len(START), len(ONE), 1000 + len(END), 1]
    assert isinstance(blob.chunks[2], memoryview)
    assert blob.chunks[2].obj is buffer
    assert blob.join() == START + ONE + b"A" * 1000 + END + b"\n"
    assert machine.pull() is None
    machine.feed(b"perties/>")
    assert isinstance(machine.pull(), Element)


def test_what_is_not_adjacent_is_a_chunk_of_its_own() -> None:
    machine = begun()
    first, second = bytearray(b"AAAA____BBBB"), bytearray(b"CCCC")
    for buffer, start, stop in ((first, 0, 4), (first, 8, 12), (second, 0, 4), (first, 0, 4)):
        assert not machine.feed_image(buffer, start, stop)
    machine.feed(END)
    blob = pulled(machine)
    assert blob.join() == START + ONE + b"AAAABBBBCCCCAAAA" + END + b"\n"
    assert len(blob.chunks) == 2 + 4 + 2


def test_a_start_offset_in_the_buffer() -> None:
    machine = begun()
    buffer = bytearray(b"</oneBLOB>junk" + b"AAAA" + END + b"<a/>never")
    assert machine.feed_image(buffer, 14, len(buffer) - 5)
    blob = pulled(machine)
    assert blob.payload == 4
    element = machine.pull()
    assert isinstance(element, Element)
    assert element.tag == "a"
    assert machine.pull() is None
    assert machine.idle


def test_the_chunks_of_a_finished_image_stay_while_the_buffer_is_read_on() -> None:
    machine = begun()
    buffer = bytearray(b"A" * 100)
    buffer[: 4 + len(END)] = b"AAAA" + END
    assert machine.feed_image(buffer, 0, 4 + len(END))
    blob = pulled(machine)
    machine.feed(START + ONE)
    assert machine.pull() is None
    assert not machine.feed_image(buffer, 4 + len(END), 4 + len(END) + 4)
    assert blob.join().endswith(END + b"\n")


def test_pieces_of_bytes_are_kept_as_they_came() -> None:
    machine = begun(START)
    pieces = [ONE, b"A" * SMALL, b"B" * (SMALL + 1), END]
    for piece in pieces[:-1]:
        machine.feed(piece)
        assert machine.pull() is None
    machine.feed(pieces[-1])
    blob = pulled(machine)
    assert blob.chunks == [START, *pieces, b"\n"]
    assert blob.chunks[2] is pieces[1]


def test_many_small_pieces_cost_few_chunks() -> None:
    machine = begun()
    for piece in bytewise(b"A" * (2 * SMALL_CHUNK) + END):
        machine.feed(piece)
        item = machine.pull()
    assert isinstance(item, Blob)
    assert len(item.chunks) <= 6
    assert item.payload == 2 * SMALL_CHUNK


def test_errors_in_a_buffer() -> None:
    machine = begun()
    with pytest.raises(PeerError):
        machine.feed_image(bytearray(b"AAAA<oneBLOB>"), 0, 13)
    machine = framer(blob_limit=200)
    machine.feed(START + ONE)
    assert machine.pull() is None
    with pytest.raises(PeerError) as caught:
        machine.feed_image(bytearray(b"A" * 1000), 0, 1000)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("tail", [" />", "></oneBLOB>", ">\n  </oneBLOB>"])
def test_attached(tail: str) -> None:
    data = START + b"<oneBLOB name='B' size='3' format='.x' attached='true'" + tail.encode() + b"</setBLOBVector>\n"
    machine = framer()
    machine.feed(data)
    blob = pulled(machine)
    (one,) = blob.ones
    assert one.attached
    assert one.attributes == {"name": "B", "size": "3", "format": ".x", "attached": "true"}
    assert blob.join() == data
    assert data[one.tag_start : one.tag_stop].startswith(b"<oneBLOB name='B'")


@pytest.mark.parametrize("tag", [b"setBLOBVector", b"newBLOBVector"])
@pytest.mark.parametrize("tail", [b"/>", b"></%s>", b">\n <!-- nothing --> </%s\n>"])
def test_one_without_children_is_a_control_element(tag: bytes, tail: bytes) -> None:
    data = b'<%s device="D" name="B" state="Busy"' % tag + (tail % tag if b"%" in tail else tail)
    machine = framer()
    machine.feed(data)
    element = machine.pull()
    assert isinstance(element, Element)
    assert (element.tag, element.device, element.data) == (tag.decode(), "D", data + b"\n")


def test_the_last_holder_frees() -> None:
    machine = begun()
    machine.feed(END)
    blob = pulled(machine)
    freed: list[Blob] = []
    blob.freed = freed
    blob.retain()
    blob.retain()
    blob.release()
    assert not freed
    blob.release()
    assert freed == [blob]


def test_an_image_in_every_size_of_buffer() -> None:
    data = START + ONE + b"A" * 64 + END + b"\n"
    for size in range(1, 40):
        (item,) = frame_with_buffers(b"<a/>" + data, 5, size).items[1:]
        assert item.data == data
