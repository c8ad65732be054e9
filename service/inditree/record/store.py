"""The folder of a record: its segments in the order of time, what is kept of them, and reading over their borders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from inditree.record.entries import Entry, Place, entries
from inditree.record.format import HEAD, Damage, located, one, size_of

SUFFIX = ".rec"
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{6})Z" + re.escape(SUFFIX))


class Segment(NamedTuple):
    """One file: when its first record was made (microseconds since 1970, UTC), and its size in bytes."""

    path: Path
    begin: int
    size: int


class Spoilt(NamedTuple):
    """Damage in a file: it is named, and read on behind."""

    path: Path
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.path}: {self.size} bytes at offset {self.offset} are damaged: left out"


def file_name(time: int) -> str:
    """The name of a segment that begins at this time (microseconds); names sort as the times do."""
    stamp = datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    return f"{stamp}.{time % 1_000_000:06d}Z{SUFFIX}"


def begin_of(path: Path) -> int | None:
    """Says when a segment begins, by its name; None for a file that is none."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    day, hour, minute, second, micro = match.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}+00:00")
    except ValueError:  # the thirteenth month
        return None
    return int(whole.timestamp()) * 1_000_000 + int(micro)


def segments(folder: Path) -> list[Segment]:
    """The segments of a folder, the oldest first; one that vanishes meanwhile is left out."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        begin = begin_of(path)
        if begin is None:
            continue
        try:
            found.append(Segment(path, begin, path.stat().st_size))
        except FileNotFoundError:
            continue
    return sorted(found, key=lambda each: each.begin)


def chosen(found: Sequence[Segment], begin: int | None, end: int | None) -> list[Segment]:
    """Choose the segments that can hold something from `begin` to before `end`: each lasts until the next begins."""
    ends = [*(each.begin for each in found[1:]), None][: len(found)]
    return [
        each
        for each, until in zip(found, ends, strict=True)
        if (end is None or each.begin < end) and (begin is None or until is None or until > begin)
    ]


def outdated(found: Sequence[Segment], now: int, keep: int, max_size: int) -> list[Segment]:
    """The segments to be deleted, the oldest first: older than `keep` microseconds, or past `max_size` bytes in all.

    The newest one, which is being written, stays.
    """
    total, gone = sum(each.size for each in found), []
    for each, following in pairwise(found):
        if following.begin >= now - keep and total <= max_size:
            break
        gone.append(each)
        total -= each.size
    return gone


def read(paths: Iterable[Path]) -> Iterator[Entry | Spoilt]:
    """Reads all entries of these files, in their order, and what is damaged between them.

    A file is read as far as it goes, as one may be written meanwhile. Raises ValueError for one that is no record,
    OSError for one that cannot be read.
    """
    for path in paths:
        try:
            for offset, each in located(path.read_bytes()):
                if isinstance(each, Damage):
                    yield Spoilt(path, *each)
                else:
                    yield from entries(each, Place(path, offset))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def read_at(place: Place) -> list[Entry]:
    """Read what the record at a place holds; nothing where it is gone."""
    try:
        with place.file.open("rb") as file:
            file.seek(place.offset)
            head = file.read(HEAD)
            record = one(head + file.read(max(0, size_of(head) - HEAD)))
    except OSError:
        return []
    return [] if record is None else list(entries(record, place))
