"""An outbox with images that go as descriptors: what is written with them, and what they count."""

from __future__ import annotations

from inditree.flow.outbox import Handed, Outbox
from inditree.wire.elements import Attached, Blob, Element, OneBlob

MARKUP = b"<setBLOBVector device='C' name='I'><oneBLOB name='I' size='500' attached='true'/></setBLOBVector>\n"


def image(fd: int, size: int = 500) -> Blob:
    """An image of so many bytes, as both forms."""
    blob = Blob(
        Element("setBLOBVector", {"device": "C", "name": "I"}, MARKUP), [b"x" * size], size, [OneBlob({}, 0, 0)]
    )
    blob.attached = Attached(MARKUP, (fd,), size)
    return blob


def put(box: Outbox, blob: Blob) -> None:
    assert not box.put_blob(blob, attached=blob.attached)


def test_descriptors_begin_a_write_of_their_own() -> None:
    """They go with its first byte, once, however little the kernel takes."""
    box = Outbox(10_000)
    box.put(b"<a/>\n")
    put(box, image(7))
    first = box.next_write()
    assert first == [b"<a/>\n"]
    box.sent(5)
    second = box.next_write()
    assert isinstance(second[0], Handed)
    assert second[0].fds == (7,)
    assert b"".join(second) == MARKUP
    box.sent(10)
    third = box.next_write()
    assert not any(isinstance(each, Handed) for each in third)
    assert b"".join(third) == MARKUP[10:]
    box.sent(len(MARKUP) - 10)
    assert box.empty
    assert not box.next_write()


def test_an_image_counts_as_much_as_it_does_as_base64() -> None:
    """So two clients can be compared, and `limit` bounds what a slow one keeps in memory."""
    there, here = Outbox(600), Outbox(600)
    for number in range(3):
        blob = image(number)
        there.put_blob(blob)
        here.put_blob(blob, attached=blob.attached)
        assert (here.size, here.waiting) == (there.size, there.waiting)
    delivered = here.sent(len(b"".join(here.next_write())))
    there.sent(500)
    assert here.taken == there.taken == 500
    assert len(delivered) == 1


def test_what_is_put_out_is_let_go() -> None:
    """The last holder closes the descriptors."""
    box = Outbox(600)
    freed: list[Blob] = []
    blobs = [image(number) for number in range(3)]
    for blob in blobs:
        blob.freed = freed
        box.put_blob(blob, attached=blob.attached)
    assert freed == [blobs[1]]
    box.clear()
    assert freed == [blobs[1], blobs[2], blobs[0]]
