"""Segments: what is written is read, damage costs the record it is in, and a cut end costs nothing else."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.record import format as module
from inditree.record.format import (
    HEAD,
    MAGIC,
    MARK,
    SHORT,
    STORED,
    Commanded,
    Damage,
    Pictured,
    Record,
    Said,
    pack,
    unpack,
)

NUMBER = b'<setNumberVector device="M" name="N"><oneNumber name="x">1</oneNumber></setNumberVector>\n'
RECORDS: list[Record] = [
    Said(1_000_000, "driver mount", [(0, len(NUMBER)), (15, len(NUMBER))], NUMBER * 2),
    Commanded(2_000_000, "client 127.0.0.1:5", "sent", b'<newNumberVector device="M"/>\n'),
    Pictured(3_000_000, "driver cam", ["ab" * 32], [4096], b'<setBLOBVector device="C"/>\n'),
    Said(4_000_000, "driver mount", [(0, len(NUMBER))], NUMBER, known=True),
]
PACKED = [pack(each) for each in RECORDS]
WHOLE = MAGIC + b"".join(PACKED)


def test_what_is_written_is_read() -> None:
    assert list(unpack(WHOLE)) == RECORDS


@given(cut=st.integers(0, len(WHOLE)))
def test_a_crash_costs_the_last_record_alone(cut: int) -> None:
    whole = [each for number, each in enumerate(RECORDS) if len(MAGIC) + sum(map(len, PACKED[: number + 1])) <= cut]
    assert list(unpack(WHOLE[:cut])) == whole


@given(at=st.integers(len(MAGIC), len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_its_record_alone(at: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    start, spoilt = len(MAGIC), 0
    while start + len(PACKED[spoilt]) <= at:
        start, spoilt = start + len(PACKED[spoilt]), spoilt + 1
    found = list(unpack(bytes(damaged)))
    assert [each for each in found if not isinstance(each, Damage)] == RECORDS[:spoilt] + RECORDS[spoilt + 1 :]
    damages = [each for each in found if isinstance(each, Damage)]
    # In the last record a length that has grown looks like one that a crash cut off.
    assert damages == [Damage(start, len(PACKED[spoilt]))] or (spoilt == len(RECORDS) - 1 and damages == [])


def test_a_mark_within_a_payload_misleads_nobody() -> None:
    record = Commanded(1, MARK.decode("latin-1") * 5, "sent", MARK * 50)
    data = MAGIC + b"garbage" + MARK + b"\0\0\0\3" + pack(record) + PACKED[0]
    assert list(unpack(data)) == [Damage(len(MAGIC), 15), record, RECORDS[0]]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"<setNumberVector", "no record of inditree"), (b"inditree record 7\nxyz", "a record of version 7, not 1")],
)
def test_what_is_none(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(unpack(data))


def test_an_empty_file_is_an_empty_record() -> None:
    assert list(unpack(b"")) == []


@pytest.mark.parametrize("size", [0, 1, STORED - 40, STORED, SHORT - 40, SHORT, 100_000])
def test_payloads_of_each_size_are_zlib(size: int) -> None:
    record = Commanded(1, "client", "sent", bytes(size))
    packed = pack(record)
    assert list(unpack(MAGIC + packed)) == [record]
    assert msgspec.msgpack.decode(zlib.decompress(packed[12:])) == ["c", 1, "client", "sent", bytes(size)]


def put(payload: bytes) -> bytes:
    """A payload as a record, whatever is in it."""
    return MARK + len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def test_a_few_bytes_that_stand_for_very_many_are_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that somebody sends us may be made so."""
    record = Commanded(1, "client", "sent", bytes(100_000))
    bomb = pack(record)
    monkeypatch.setattr(module, "MAX_DATA", 100_000)
    assert list(unpack(MAGIC + bomb + PACKED[0])) == [Damage(len(MAGIC), len(bomb)), RECORDS[0]]
    monkeypatch.setattr(module, "MAX_DATA", 100_100)
    assert list(unpack(MAGIC + bomb + PACKED[0])) == [record, RECORDS[0]]


@pytest.mark.parametrize(
    "payload",
    [
        zlib.compress(b"\x95\xa1s\x01\xa2\xff\xfe\x90\xc4\x00"),
        zlib.compress(msgspec.msgpack.encode(["c", 1, "client", "sent", b"x"]))[:-1],
        zlib.compress(b"\x91" * 100_000),
        b"no zlib",
    ],
    ids=["no UTF-8", "cut", "deep", "no zlib"],
)
def test_what_no_writer_writes_is_damage(payload: bytes) -> None:
    data = MAGIC + put(payload) + PACKED[0]
    assert list(unpack(data)) == [Damage(len(MAGIC), HEAD + len(payload)), RECORDS[0]]
