"""Images that come as descriptors, made into base64."""

from __future__ import annotations

import base64
import fcntl
import os
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from inditree.images import attached, heap
from inditree.images.attached import PIECE, AttachedError, raw_size, wanted
from inditree.images.buffers import Buffers
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from programs.processes import descriptors

#: As libindi 1.9.9 writes it.
LIBINDI = (
    "<setBLOBVector\n  device='CCD Simulator'\n  name='CCD1'\n  state='Ok'\n>\n"
    "  <oneBLOB\n    name='CCD1'\n    size='{size}'\n    format='.fits'\n    len='{length}'\n    attached='true'>\n"
    "  </oneBLOB>\n</setBLOBVector>\n"
)
ALL_SEALS = 0xF


def framed(data: bytes) -> Blob:
    """The one BLOB in these bytes."""
    framer = Framer(lambda head: head, 1 << 20, 1 << 30)
    framer.feed(data)
    blob = framer.pull()
    assert isinstance(blob, Blob)
    return blob


def memory(data: bytes, slack: int = 0, seals: int = 0) -> int:
    descriptor = os.memfd_create("image", os.MFD_ALLOW_SEALING)
    os.write(descriptor, data)
    os.ftruncate(descriptor, len(data) + slack)
    if seals:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def encode(blob: Blob, fds: list[int], limit: int = 1 << 30) -> Blob:
    return attached.encode(blob, fds, limit, Buffers())


def libindi(length: int, size: int | None = None) -> Blob:
    return framed(LIBINDI.format(length=length, size=length if size is None else size).encode())


def images(blob: Blob) -> list[bytes]:
    """The decoded images, by a parser that knows nothing of us; the blob is what a framer makes of its bytes."""
    data = blob.join()
    again = framed(data)
    assert blob.size == len(data) == again.size
    assert blob.payload == again.payload
    assert [one.payload for one in blob.ones] == [one.payload for one in again.ones]
    assert [one.attributes for one in blob.ones] == [one.attributes for one in again.ones]
    assert [(one.tag_start, one.tag_stop) for one in blob.ones] == [(o.tag_start, o.tag_stop) for o in again.ones]
    assert not any({"attached", "enclen", "len"} & one.attributes.keys() for one in again.ones)
    return [base64.b64decode(one.text or "", validate=True) for one in ET.fromstring(data)]


@pytest.mark.parametrize(
    "length", [0, 1, 2, 3, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 2], ids=lambda length: f"{length}_bytes"
)
@pytest.mark.parametrize("slack", [0, 5000])
@pytest.mark.parametrize("seals", [0, ALL_SEALS])
def test_an_image_comes_through(length: int, slack: int, seals: int) -> None:
    before = descriptors()
    data = os.urandom(length)
    given = libindi(length)
    given.began = 12.5
    assert (wanted(given), raw_size(given)) == (1, length)
    blob = encode(given, [memory(data, slack, seals)])
    assert images(blob) == [data]
    assert max(map(len, blob.chunks)) <= 1 << 20
    assert (blob.device, blob.name, blob.tag) == ("CCD Simulator", "CCD1", "setBLOBVector")
    assert blob.began == 12.5
    assert blob.ones[0].attributes == {"name": "CCD1", "size": str(length), "format": ".fits"}
    assert descriptors() == before


def test_a_compressed_image_is_as_long_as_len_says() -> None:
    """`size` is what it will be when it is unpacked."""
    blob = encode(libindi(700, size=9000), [memory(b"x" * 700, slack=100)])
    assert images(blob) == [b"x" * 700]
    assert blob.ones[0].attributes["size"] == "9000"


def test_without_len_it_is_as_long_as_size_says() -> None:
    data = (
        b'<setBLOBVector device="A" name="B"><oneBLOB name="a" size="3" attached="True" format=".f"/></setBLOBVector>'
    )
    blob = encode(framed(data), [memory(b"abcd")])
    assert images(blob) == [b"abc"]
    assert b'<oneBLOB name="a" size="3" format=".f">YWJj</oneBLOB></setBLOBVector>\n' in blob.join()


def test_several_images_in_their_order_and_one_that_is_not_attached() -> None:
    data = (
        b"<newBLOBVector device='A' name='B'>\n <oneBLOB name='a' size='3' attached='true' />\n"
        b" <oneBLOB name='b' size='3' format='.x' enclen='4'>\nZGVm\n</oneBLOB>\n <oneBLOB name='e' size='0'/>"
        b"<oneBLOB name='c' size='2' attached='true' enclen='4'></oneBLOB> </newBLOBVector>"
    )
    given = framed(data)
    assert wanted(given) == 2
    before = descriptors()
    text = encode(given, [memory(b"abc"), memory(b"gh")]).join()
    assert text == (
        b"<newBLOBVector device='A' name='B'>\n <oneBLOB name='a' size='3'>YWJj</oneBLOB>\n"
        b" <oneBLOB name='b' size='3' format='.x' enclen='4'>\nZGVm\n</oneBLOB>\n <oneBLOB name='e' size='0'/>"
        b"<oneBLOB name='c' size='2'>Z2g=</oneBLOB> </newBLOBVector>\n"
    )
    assert [one.payload for one in framed(text).ones] == [4, 6, 0, 4]
    assert given.join() == data + b"\n", "what was given is as it was"
    assert descriptors() == before


def cut_in_between(patch: pytest.MonkeyPatch) -> None:
    """The driver cuts its memory short between our look at it and our reading."""
    look = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        result = look(descriptor)
        os.ftruncate(descriptor, PIECE + 10)
        return result

    patch.setattr(os, "fstat", fstat)


def nothing(patch: pytest.MonkeyPatch) -> None:
    pass


@pytest.mark.parametrize(
    ("length", "there", "limit", "prepare", "text"),
    [
        ("101", 100, 1 << 30, nothing, "image says 101 bytes and has 100"),
        (str(2 * PIECE), 2 * PIECE, 1 << 30, cut_in_between, f"image was cut at {PIECE + 10} bytes"),
        ("3000", 3000, 4000, nothing, "image of 3000 bytes is over 4000 bytes as base64"),
        ("2886", 3000, 4000, nothing, "element is over 4000 bytes"),
        ("9" * 18, 100, 1 << 30, nothing, "is over 1073741824 bytes"),
        ("9" * 5000, 100, 1 << 30, nothing, "no size of an image: '99999"),
        ("-1", 100, 1 << 30, nothing, "no size of an image: '-1'"),
        ("²", 100, 1 << 30, nothing, "no size of an image"),
        ("", 100, 1 << 30, nothing, "no size of an image: ''"),
    ],
)
def test_what_cannot_be_had_is_an_error_of_that_image(
    length: str,
    there: int,
    limit: int,
    prepare: Callable[[pytest.MonkeyPatch], None],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = descriptors()
    given = framed(LIBINDI.format(size=length, length="").encode())
    descriptor = memory(b"x" * there)
    with monkeypatch.context() as patch, pytest.raises(AttachedError) as raised:
        prepare(patch)
        encode(given, [descriptor], limit)
    assert text in str(raised.value)
    assert descriptors() == before


def test_too_few_descriptors() -> None:
    before = descriptors()
    data = b"<setBLOBVector device='A' name='B'>" + b"<oneBLOB size='1' attached='true'/>" * 3 + b"</setBLOBVector>"
    with pytest.raises(AttachedError, match="3 images are attached, 2 descriptors came"):
        encode(framed(data), [memory(b"a"), memory(b"b")])
    assert descriptors() == before


def test_too_many_descriptors_are_closed() -> None:
    before = descriptors()
    assert images(encode(libindi(1), [memory(b"a"), memory(b"b")])) == [b"a"]
    assert descriptors() == before


def test_what_is_no_memory_is_an_error() -> None:
    before = descriptors()
    read, write = os.pipe()
    with pytest.raises(AttachedError, match="image says 10 bytes and has 0"):
        encode(libindi(10), [read])
    directory = os.open("/", os.O_RDONLY)
    assert stat.S_ISDIR(os.fstat(directory).st_mode)
    with pytest.raises(AttachedError):
        encode(libindi(1), [directory])
    with pytest.raises(AttachedError, match="its memory cannot be read"):
        encode(libindi(1), [read])  # closed already
    os.close(write)
    assert descriptors() == before


def test_the_size_of_nonsense_is_not_worth_a_thread() -> None:
    assert raw_size(framed(b"<setBLOBVector device='A' name='B'><oneBLOB attached='true'/></setBLOBVector>")) == 0


def test_buffers_are_used_again() -> None:
    pool = Buffers()
    buffer = pool.get()
    pool.recycle(buffer)
    for _ in range(3):
        attached.encode(libindi(10), [memory(b"0123456789")], 1 << 30, pool)
    assert pool.get() is buffer
    heap.keep_freed()


def test_a_file_that_only_its_writer_may_open_goes_inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its descriptor lets others write, and another one cannot be had."""
    path = tmp_path / "image"
    path.write_bytes(b"image")
    with path.open("r+b") as file:
        assert attached.guard_memory([file.fileno()])
        held = descriptors()

        def refused(*_: object) -> int:
            raise PermissionError

        monkeypatch.setattr(os, "open", refused)
        assert not attached.guard_memory([file.fileno()])
        monkeypatch.undo()
        assert descriptors() == held


def test_memory_of_another_user_goes_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    descriptor = memory(b"image")
    try:
        assert attached.guard_memory([descriptor, -1])
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o444
        monkeypatch.setattr(os, "fchmod", refused)
        assert not attached.guard_memory([descriptor])
    finally:
        os.close(descriptor)
