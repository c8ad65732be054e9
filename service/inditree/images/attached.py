"""Images that a libindi driver passes as descriptors (memfds): encoded as base64, or handed on as descriptors.

libindi writes ``<oneBLOB name= size= len= attached='true'>`` and passes the data by SCM_RIGHTS, one descriptor for
each such oneBLOB, in their order. `len` is how many bytes there are, `size` how many after decompression (the same
where nothing is compressed); the memory is larger, rounded up. A TCP client gets the same element with base64 in it.

Measured with images of 16 MiB (pybase64 1.5, AVX-512): one unbroken line 1.1 ms, lines of 72 characters 11 ms. So it
is one line, and beside that must stand no `enclen` (docs/wire.md): libindi's parser would lose the image.

Read with `preadv` and not by mmap, which costs the same, because the memory is the driver's still: if it cut it short
while we read, a mapping would end the router by SIGBUS; so it is an error of this image.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Sequence

import pybase64

from inditree.errors import InditreeError
from inditree.images.buffers import Buffers
from inditree.images.descriptors import close_all
from inditree.wire.elements import Attached, Blob, OneBlob
from inditree.wire.syntax import without_attribute

#: Bytes that are encoded in one go: a multiple of three, so that the pieces join without padding between them, and
#: 1 MiB of base64, which is what the runtime writes to a socket at once. The interpreter lock is free meanwhile.
PIECE = 768 << 10
#: From so many bytes of image on, encoding takes longer than handing it to a thread and back (some 100 us).
WORTH_A_THREAD = 1 << 20

_COUNT = re.compile("[0-9]{1,18}")


class AttachedError(InditreeError):
    """Raised where an image cannot be had: it is dropped and reported, the driver goes on."""


def wanted(blob: Blob) -> int:
    """Counts the descriptors that belong to this element."""
    return sum(one.attached for one in blob.ones)


def raw_size(blob: Blob) -> int:
    """Bytes of image in its descriptors, as the element says (0 where it says nonsense): is it worth a thread?"""
    with contextlib.suppress(AttachedError):
        return sum(_length(one) for one in blob.ones if one.attached)
    return 0


def encode(blob: Blob, fds: Sequence[int], limit: int, buffers: Buffers) -> Blob:
    """Encode the images of an element as base64, each piece of 1 MiB a chunk.

    Blocks (`WORTH_A_THREAD`, `raw_size`), touches no shared state and closes all `fds` in every case. The blob given
    is not changed and not needed afterwards. `limit` is in bytes of the whole element. What is read goes through a
    buffer of `buffers`. Raises AttachedError.
    """
    try:
        _check_count(blob, fds)
        return _Encoder(blob, limit, buffers).run(list(fds))
    except OSError as error:
        raise AttachedError(f"its memory cannot be read: {error.strerror or error}") from error
    finally:
        close_all(fds)


def is_compressed(blob: Blob) -> bool:
    """Has an image that came as a descriptor fewer bytes than its `size` says?

    Such a one is not handed on as a descriptor: libindi's client (1.9.9, 2.2) maps `size` bytes and dies of it.
    """
    for one in blob.ones:
        size = one.attributes.get("size", "")
        if one.attached and _COUNT.fullmatch(size):
            with contextlib.suppress(AttachedError):
                if _length(one) < int(size):
                    return True
    return False


def hand_over(blob: Blob, fds: Sequence[int], limit: int = 1 << 30) -> Blob:
    """Make the element for those who take descriptors: it has its images as `attached`, and no chunks.

    Its descriptors are new ones that can only be read (libindi's memory is not sealed, and one client must not write
    into what others get); `close_fds` closes them. `fds` stay the caller's. `limit` is in bytes. Raises AttachedError.
    """
    _check_count(blob, fds)
    lengths = [_length(one) for one in blob.ones if one.attached]
    size = sum(lengths)
    if blob.size + size > limit:
        raise AttachedError(f"image of {size} bytes is over {limit} bytes")
    for length, fd in zip(lengths, fds, strict=False):
        _check_length(fd, length)
    attached = Attached(blob.join(), _read_only(fds[: len(lengths)]), size)
    result = Blob(blob.element, [], blob.size + size, _handed(blob.ones))
    result.attached = attached
    result.began = blob.began
    return result


def close_fds(blob: Blob) -> None:
    """Close the descriptors of an image that nobody waits for any more."""
    if blob.attached is not None:
        for fd in blob.attached.fds:
            os.close(fd)


def _handed(ones: Sequence[OneBlob]) -> list[OneBlob]:
    result = []
    for one in ones:
        new = OneBlob(one.attributes, one.tag_start, one.tag_stop)
        new.payload = _length(one) if one.attached else one.payload
        result.append(new)
    return result


def _read_only(fds: Sequence[int]) -> tuple[int, ...]:
    result: list[int] = []
    try:
        for fd in fds:
            result.append(_unwritable(fd))
    except OSError as error:
        close_all(result)
        raise AttachedError(f"no descriptor is left for it: {error.strerror}") from None
    return tuple(result)


def _unwritable(fd: int) -> int:
    """Another descriptor of the same memory or file, which gives the right to read and no more than `fd` does.

    What can be written to is opened once more, for reading only: by the descriptor, never by a path of its own, and it
    could be read before. `is_image` has let in nothing of which an opening waits.
    """
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    return os.dup(fd)


def guard_memory(fds: Sequence[int]) -> bool:
    """Let nobody who is given memory that has no path open it for writing. False: that cannot be had, it goes inline.

    So it is with memory of another user, and with a file that only its writer may open for reading.

    A memfd is made with mode 0777: whoever has a descriptor of it, for reading only too, could open it anew by /proc,
    change what others are given, or cut it short under a client that has mapped it.
    """
    for fd in fds:
        if fd < 0:
            continue
        try:
            if os.fstat(fd).st_nlink:
                os.close(_unwritable(fd))
            else:
                os.fchmod(fd, 0o444)
        except OSError:
            return False
    return True


class _Encoder:
    """Copies one element, tag by tag, into a new list of chunks."""

    def __init__(self, blob: Blob, limit: int, buffers: Buffers) -> None:
        self._blob = blob
        self._data = blob.join()  # of attached images this is the markup only, some hundred bytes
        self._limit = limit
        self._buffers = buffers
        self._chunks: list[bytes | memoryview] = []
        self._size = 0

    def run(self, descriptors: list[int]) -> Blob:
        data, pos = self._data, 0
        ones: list[OneBlob] = []
        for one in self._blob.ones:
            self._put(data[pos : one.tag_start])
            if one.attached:
                new, pos = self._attached(one, descriptors.pop(0))
            else:
                pos = one.tag_stop + one.payload
                new = OneBlob(one.attributes, self._size, self._size + one.tag_stop - one.tag_start)
                new.payload = one.payload
                self._put(data[one.tag_start : pos])
            ones.append(new)
        self._put(data[pos:])
        blob = Blob(self._blob.element, self._chunks, self._size, ones)
        blob.began = self._blob.began
        return blob

    def _put(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > self._limit:
            raise AttachedError(f"element is over {self._limit} bytes")

    def _attached(self, one: OneBlob, descriptor: int) -> tuple[OneBlob, int]:
        """Put the image; its oneBLOB, and where the rest of the element begins."""
        tag = self._data[one.tag_start : one.tag_stop]
        paired = not tag.endswith(b"/>")
        for name in ("attached", "len", "enclen"):
            tag = without_attribute(tag, name)
        if not paired:
            tag = tag[:-2].rstrip() + b">"
        attributes = {key: value for key, value in one.attributes.items() if key not in ("attached", "len", "enclen")}
        new = OneBlob(attributes, self._size, self._size + len(tag))
        self._put(tag)
        new.payload = self._image(_length(one), descriptor)
        if paired:  # white space stands between the tags
            return new, self._data.index(b"</", one.tag_stop)
        self._put(b"</oneBLOB>")
        return new, one.tag_stop

    def _image(self, length: int, descriptor: int) -> int:
        """Put the base64 of so many bytes; its length."""
        encoded = (length + 2) // 3 * 4
        if self._size + encoded > self._limit:
            raise AttachedError(f"image of {length} bytes is over {self._limit} bytes as base64")
        _check_length(descriptor, length)
        buffer = self._buffers.get()
        with memoryview(buffer) as view:
            for start in range(0, length, PIECE):
                count = min(PIECE, length - start)
                _read(descriptor, view[:count], start)
                self._put(pybase64.b64encode(view[:count]))
        self._buffers.recycle(buffer)
        return encoded


def _check_count(blob: Blob, fds: Sequence[int]) -> None:
    """Raises where there are too few: the kernel drops them where this process may open no more."""
    if (number := wanted(blob)) > len(fds):
        raise AttachedError(f"{number} images are attached, {len(fds)} descriptors came")


def _check_length(descriptor: int, length: int) -> None:
    if descriptor < 0:
        raise AttachedError("its descriptor is neither memory nor a file that is open for reading")
    there = os.fstat(descriptor).st_size
    if there < length:
        raise AttachedError(f"image says {length} bytes and has {there}")


def _length(one: OneBlob) -> int:
    text = one.attributes.get("len") or one.attributes.get("size", "")
    if not _COUNT.fullmatch(text):
        raise AttachedError(f"no size of an image: {text[:40]!r}")
    return int(text)


def _read(descriptor: int, view: memoryview, start: int) -> None:
    """Fill the view from there on."""
    done = 0
    while done < len(view):
        got = os.preadv(descriptor, [view[done:]], start + done)
        if got == 0:
            raise AttachedError(f"image was cut at {start + done} bytes while it was read")
        done += got
