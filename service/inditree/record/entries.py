"""The elements of a record, one by one and filtered; and as lines of JSON and CSV. Pure."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from inditree.envelope import Object, number, objects
from inditree.record.format import Commanded, Pictured, Record, Said

_LAST = 253_402_300_799_999_999
"""Microseconds from 1970 to the end of the year 9999."""
COLUMNS = ("time", "device", "property", "member", "value", "state")


class Place(NamedTuple):
    """The place of a record: its file, and its offset in it."""

    file: Path
    offset: int


class Entry(NamedTuple):
    """An element, or several that came at once: when (microseconds since 1970, UTC), from whom, and the bytes.

    `result` is what became of a `new*`, `hashes` and `sizes` are those of the images of a `setBLOBVector`; `known`: a
    definition that was there when its segment began, said again. `whole` is false for an image without its data.
    `place`: where an image is to be had again.
    """

    time: int
    source: str
    data: bytes
    result: str = ""
    hashes: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    known: bool = False
    whole: bool = True
    place: Place | None = None


def entries(record: Record, place: Place | None = None) -> Iterator[Entry]:
    """The entries of one record, in their order; `place` is where it stands."""
    match record:
        case Said():
            at = 0
            for delay, size in record.cuts:
                yield Entry(record.time + delay, record.source, record.data[at : at + size], known=record.known)
                at += size
        case Commanded():
            yield Entry(record.time, record.source, record.data, record.result)
        case Pictured():
            yield Entry(
                record.time,
                record.source,
                record.data,
                "",
                tuple(record.hashes),
                tuple(record.sizes),
                whole=record.whole,
                place=place,
            )


@dataclass(frozen=True)
class Wanted:
    """A filter for entries: globs of names, and a time from `begin` to before `end` (microseconds; None: open).

    `member` bounds the items of an element, and leaves out elements without one.
    """

    device: str = "*"
    property: str = "*"
    member: str = "*"
    begin: int | None = None
    end: int | None = None

    def fits_time(self, time: int) -> bool:
        return (self.begin is None or time >= self.begin) and (self.end is None or time < self.end)

    def narrowed(self, found: Object) -> Object | None:
        """The object with the items that are wanted; None where nothing of it is."""
        kind, body = body_of(found)
        if not fnmatchcase(body.get("device", ""), self.device):
            return None
        if self.property != "*" and not fnmatchcase(body.get("name", ""), self.property):
            return None
        if self.member == "*":
            return found
        items = [item for item in body.get("items", ()) if fnmatchcase(item.get("name", ""), self.member)]
        return {kind: {**body, "items": items}} if items else None


def body_of(found: Object) -> tuple[str, Object]:
    """The kind of an object of the envelope, and what it says: a `message` says all beside its text."""
    kind = next(iter(found))
    return kind, found if kind == "message" else found[kind]


class Line(NamedTuple):
    """One line of an export: `time` is RFC 3339 in UTC, `element` an object of the JSON envelope."""

    time: str
    source: str
    element: Object
    result: str = ""

    def as_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {"time": self.time, "from": self.source, "element": self.element}
        if self.result:
            found["result"] = self.result
        return found


def lines(found: Iterable[Entry], wanted: Wanted) -> Iterator[Line]:
    """The wanted elements of these entries, a line for each. Definitions that were only said again are left out."""
    for entry in found:
        if entry.known or not wanted.fits_time(entry.time):
            continue
        for each in objects(entry.data):
            narrowed = wanted.narrowed(_with_images(each, entry))
            if narrowed is not None:
                yield Line(rfc3339(entry.time), entry.source, narrowed, entry.result)


def _with_images(found: Object, entry: Entry) -> Object:
    body = found.get("setBLOBVector")
    if body is not None:
        for item, digest, size in zip(body["items"], entry.hashes, entry.sizes, strict=False):
            item.update(size=size, sha256=digest)
    return found


def rows(found: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    """The values of these lines as rows of `COLUMNS`, one for each member; elements without members have none."""
    for line in found:
        kind, body = body_of(line.element)
        for item in body.get("items", ()):
            value = item.get("value", item.get("sha256", ""))
            if isinstance(value, bool):
                value = "On" if value else "Off"
            text = "" if item.get("invalid") else str(value)
            state = body.get("state", "asked" if kind.startswith("new") else "")
            text = _harmless(text) if isinstance(value, str) else text
            yield line.time, _harmless(body["device"]), _harmless(body["name"]), _harmless(item["name"]), text, state


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, as a stranger may have sent it: numbers stay as they are."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and number(text) is None else text


def as_csv(found: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table with its head, line by line; each ends with a line feed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in itertools.chain([COLUMNS], found):
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def rfc3339(time: int) -> str:
    """A time in microseconds since 1970 as `2026-01-02T03:04:05.678901Z`, from 1970 to 9999."""
    time = min(max(0, time), _LAST)
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time % 1_000_000:06d}Z"


def moment(text: str) -> int:
    """Read a time of RFC 3339, a date, or either without a zone (UTC then). Raises ValueError."""
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1_000_000)
