"""The folder of a record: names, what is kept, what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from inditree.record.entries import Entry, moment
from inditree.record.format import MAGIC, Said, pack
from inditree.record.store import Segment, Spoilt, begin_of, chosen, file_name, outdated, read, segments

NIGHT = moment("2026-01-02T20:00:00Z")
HOUR = 3600_000_000
MESSAGE = b'<message message="x"/>\n'


def parts(*sizes: int) -> list[Segment]:
    return [Segment(Path(f"{number}"), NIGHT + number * HOUR, size) for number, size in enumerate(sizes)]


def packed(time: int) -> bytes:
    return pack(Said(time, "driver d", [(0, len(MESSAGE))], MESSAGE))


def test_names_tell_the_time_and_sort(tmp_path: Path) -> None:
    times = [NIGHT + 7 * HOUR, NIGHT, NIGHT + 1]
    for time in times:
        (tmp_path / file_name(time)).write_bytes(MAGIC)
    (tmp_path / "notes.rec").write_text("not ours")
    (tmp_path / "2026-13-02T20-00-00.000001Z.rec").write_text("no time")
    assert file_name(NIGHT + 1) == "2026-01-02T20-00-00.000001Z.rec"
    assert begin_of(Path("notes.rec")) is None
    assert [each.begin for each in segments(tmp_path)] == sorted(times)
    assert [each.path.name for each in segments(tmp_path)] == sorted(file_name(time) for time in times)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (None, None, "012"),
        (NIGHT + HOUR, None, "12"),
        (NIGHT + HOUR - 1, NIGHT + HOUR, "0"),
        (NIGHT + 9 * HOUR, None, "2"),
    ],
)
def test_segments_of_a_time(begin: int | None, end: int | None, expected: str) -> None:
    assert "".join(each.path.name for each in chosen(parts(1, 1, 1), begin, end)) == expected


def test_no_segments_at_all() -> None:
    assert chosen([], None, None) == []


@pytest.mark.parametrize(
    ("sizes", "now", "keep", "max_size", "expected"),
    [
        ((5, 5, 5), 3 * HOUR, 10 * HOUR, 100, ""),
        ((5, 5, 5), 3 * HOUR, 10 * HOUR, 12, "0"),
        ((5, 5, 5), 3 * HOUR, 10 * HOUR, 1, "01"),
        ((5, 5, 5), 12 * HOUR, 10 * HOUR, 100, "0"),
        ((5, 5, 5), 99 * HOUR, 10 * HOUR, 100, "01"),
        ((500,), 99 * HOUR, 10 * HOUR, 100, ""),
        ((), 0, HOUR, 100, ""),
    ],
)
def test_what_is_kept(sizes: tuple[int, ...], now: int, keep: int, max_size: int, expected: str) -> None:
    assert "".join(each.path.name for each in outdated(parts(*sizes), NIGHT + now, keep, max_size)) == expected


def test_damage_is_named_and_read_on_behind(tmp_path: Path) -> None:
    first, second = tmp_path / file_name(NIGHT), tmp_path / file_name(NIGHT + HOUR)
    bad = bytearray(packed(NIGHT + 1))
    bad[-1] ^= 1
    first.write_bytes(MAGIC + packed(NIGHT) + bad + packed(NIGHT + 2))
    second.write_bytes(MAGIC + packed(NIGHT + HOUR)[:-3])
    found = list(read(each.path for each in segments(tmp_path)))
    assert [each.time for each in found if isinstance(each, Entry)] == [NIGHT, NIGHT + 2]
    (spoilt,) = (each for each in found if isinstance(each, Spoilt))
    assert str(spoilt) == f"{first}: {len(bad)} bytes at offset {len(MAGIC) + len(packed(NIGHT))} are damaged: left out"


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / file_name(NIGHT)
    file.write_bytes(b"something else, long enough")
    with pytest.raises(ValueError, match=f"{file}: no record of inditree"):
        list(read([file]))
