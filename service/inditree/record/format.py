"""Segments of a record, byte by byte: docs/record.md, "The format". Pure.

A segment is `MAGIC`, then records. A record is `MARK` (4 bytes), the length of its payload (4 bytes, big-endian), the
payload's CRC-32 (4 bytes, big-endian), and the payload: zlib over MessagePack of one of the structs below, as an array
whose first item is the tag. A reader that meets damage looks for the next mark behind which a whole record stands.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

MAGIC = b"inditree record 1\n"
"""The first bytes of a segment; the digit is the version of the format."""
MARK = b"\xa9REC"
HEAD = len(MARK) + 8
"""Bytes before the payload: the mark, its length, its CRC-32."""
MAX_PAYLOAD = 1 << 30
"""Bytes of a payload: an image of 512 MiB as base64, and more. A longer one is damage."""
MAX_DATA = MAX_PAYLOAD
"""Bytes that it is a compressed form of, at most."""
LEVEL = 1
"""zlib's: a third faster than the default, and a tenth larger."""


STORED, SHORT = 300, 8192
"""Bytes below which data is not compressed at all (a command, a number), and below which zlib gets little memory."""


class Said(msgspec.Struct, array_like=True, tag="s", frozen=True):
    """Elements of one source, one behind the other in `data`, within a tenth of a second.

    `time` is in microseconds since 1970 (UTC). `cuts` has for the elements that came at once (one, or several) their
    delay after `time` in microseconds and their length in bytes together. `known`: these are definitions as they were
    when the segment began, said again.
    """

    time: int
    source: str
    cuts: list[tuple[int, int]]
    data: bytes
    known: bool = False


class Commanded(msgspec.Struct, array_like=True, tag="c", frozen=True):
    """A `new*`: who sent it, and what became of it (`sent`, `refused`, ...)."""

    time: int
    source: str
    result: str
    data: bytes


class Pictured(msgspec.Struct, array_like=True, tag="i", frozen=True):
    """A `setBLOBVector` with images: the element, without the data of its oneBLOBs unless these are kept.

    `hashes` are the SHA-256 (hexadecimal) of each oneBLOB's decoded bytes, `sizes` how many these are. Where images are
    kept, `data` is the element whole.
    """

    time: int
    source: str
    hashes: list[str]
    sizes: list[int]
    data: bytes
    whole: bool = False


Record: TypeAlias = Said | Commanded | Pictured

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class Damage(NamedTuple):
    """Bytes of a segment that are no record: where they begin, and how many they are."""

    offset: int
    size: int


def pack(record: Record) -> bytes:
    """A record as it stands in a segment."""
    payload = _packed(_encoder.encode(record))
    return MARK + len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def _packed(data: bytes) -> bytes:
    """The data as a zlib stream. Where it is short zlib would take far longer to begin than to compress."""
    if len(data) < STORED:
        size = len(data)
        block = b"\x78\x01\x01" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        return block + data + zlib.adler32(data).to_bytes(4, "big")
    if len(data) < SHORT:
        small = zlib.compressobj(LEVEL, zlib.DEFLATED, 12, 5)
        return small.compress(data) + small.flush()
    return zlib.compress(data, LEVEL)


def unpack(data: bytes) -> Iterator[Record | Damage]:
    """Give what `located` gives, without the places."""
    return (each for _, each in located(data))


def located(data: bytes) -> Iterator[tuple[int, Record | Damage]]:
    """The records of a segment in their order, and what is damaged between them; an unfinished last one is no damage.

    Each with the offset at which it begins. Raises ValueError where `data` is no segment, or one of another version.
    """
    if not data.startswith(MAGIC[: len(data)]):
        if data.startswith(MAGIC[:-2]):
            version = data[len(MAGIC) - 2 :].split(maxsplit=1)[0].decode(errors="replace")
            raise ValueError(f"a record of version {version}, not 1")
        raise ValueError("no record of inditree")
    at = len(MAGIC)
    while at < len(data):
        found = _record(data, at)
        if found is None:
            after = _resume(data, at)
            if after < 0:
                if not _unfinished(data, at):
                    yield at, Damage(at, len(data) - at)
                return
            yield at, Damage(at, after - at)
            at = after
        else:
            yield at, found[0]
            at = found[1]


def _record(data: bytes, at: int) -> tuple[Record, int] | None:
    """The record that begins here, and where the next one does; None where none does."""
    body = at + HEAD
    if data[at : at + len(MARK)] != MARK:
        return None
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    if size > MAX_PAYLOAD or body + size > len(data):
        return None
    payload = data[body : body + size]
    if zlib.crc32(payload) != int.from_bytes(data[at + 8 : body], "big"):
        return None
    try:
        return _decoder.decode(_unpacked(payload)), body + size
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _unpacked(payload: bytes) -> bytes:
    """Uncompress a payload; a few bytes can stand for any number of them. Raises zlib.error."""
    stream = zlib.decompressobj()
    data = stream.decompress(payload, MAX_DATA)
    if not stream.eof:
        raise zlib.error(f"cut off, or over {MAX_DATA} bytes")
    return data


def size_of(head: bytes) -> int:
    """Count the bytes of the record that begins with these `HEAD` bytes; 0 for none."""
    size = int.from_bytes(head[4:8], "big")
    return HEAD + size if head[: len(MARK)] == MARK and size <= MAX_PAYLOAD else 0


def one(data: bytes) -> Record | None:
    """Give the record that these bytes are; None for none."""
    found = _record(data, 0)
    return found and found[0]


def _resume(data: bytes, at: int) -> int:
    """Finds where the next whole record begins behind what is damaged; -1 where there is none."""
    at = data.find(MARK, at + 1)
    while at >= 0 and _record(data, at) is None:
        at = data.find(MARK, at + 1)
    return at


def _unfinished(data: bytes, at: int) -> bool:
    """Says whether what stands here is the beginning of a record that a crash cut off."""
    if data[at : at + len(MARK)] != MARK[: len(data) - at]:
        return False
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    return len(data) - at < HEAD or (size <= MAX_PAYLOAD and at + HEAD + size > len(data))
