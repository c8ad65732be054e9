"""Reads the record for `GET /api/v1/history`. Runs in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from inditree.envelope import encode
from inditree.record.entries import Entry, Line, Wanted, body_of, lines, moment
from inditree.record.store import chosen, read, segments

DEFAULT_LIMIT, MAX_LIMIT = 1000, 100_000
"""Lines of an answer: 100 000 are about 30 MB."""
_KEYS = frozenset({"device", "property", "member", "from", "to", "limit"})


class Asked(NamedTuple):
    """A request for the past: its filters, and how many lines it gets at most, the first ones in the order of time."""

    wanted: Wanted
    limit: int


def asked(query: Mapping[str, str]) -> Asked:
    """Read the query. Raises ValueError that names the key at fault."""
    for key in query:
        if key not in _KEYS:
            raise ValueError(f"{key}: unknown; known here: device, property, member, from, to, limit")
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit()) or not 1 <= int(limit[:9]) <= MAX_LIMIT:
        raise ValueError(f"limit: {limit!r} is not a number from 1 to {MAX_LIMIT}")
    return Asked(
        Wanted(
            query.get("device") or "*",
            query.get("property") or "*",
            query.get("member") or "*",
            _time(query, "from"),
            _time(query, "to"),
        ),
        int(limit),
    )


def _time(query: Mapping[str, str], key: str) -> int | None:
    text = query.get(key)
    if not text:
        return None
    try:
        return moment(text.replace(" ", "+"))  # a `+` that was not percent-encoded
    except ValueError:
        raise ValueError(f"{key}: {text!r} is not a time (2026-01-02T20:00:00Z)") from None


def found(folder: Path, wanted: Wanted) -> Iterator[Line]:
    """The lines that are wanted. Raises OSError. What is damaged is left out."""
    parts = chosen(segments(folder), wanted.begin, wanted.end)
    return lines((each for each in read(part.path for part in parts) if isinstance(each, Entry)), wanted)


def body(folder: Path, asked: Asked, shown: Callable[[str], bool]) -> bytes:
    """The answer: a JSON object a line. `shown` says of which devices it may speak. Raises OSError."""
    told = (line for line in found(folder, asked.wanted) if shown(body_of(line.element)[1].get("device", "")))
    return b"".join(encode(line.as_object()) + b"\n" for line in islice(told, asked.limit))
