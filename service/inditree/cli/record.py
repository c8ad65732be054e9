"""`inditree record`: what there is, what was said, and the night as a table."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from inditree import config
from inditree.commands.names import pattern
from inditree.envelope import encode
from inditree.errors import ConfigError, InditreeError
from inditree.record.entries import Entry, Line, Wanted, as_csv, body_of, lines, moment, rfc3339, rows
from inditree.record.store import Segment, Spoilt, chosen, read, segments


class RecordError(InditreeError):
    """Raised where there is no record, or it cannot be read: exit status 1."""


def listing(chosen_words: Namespace) -> int:
    """Print the segments: when each begins, its size, its file."""
    found = _segments(chosen_words)
    for each in found:
        print(f"{rfc3339(each.begin)}  {each.size:>12,}  {each.path}")
    number, size = len(found), sum(each.size for each in found)
    print(f"{number} segment{'' if number == 1 else 's'}, {size:,} bytes", file=sys.stderr)
    return 0


def show(chosen_words: Namespace) -> int:
    """Print what was said, a line each, for a person."""
    for line in _lines(chosen_words):
        print(_told(line))
    return 0


def export(chosen_words: Namespace) -> int:
    """Print what was said as JSON lines, or its values as CSV."""
    found = _lines(chosen_words)
    if chosen_words.csv:
        for text in as_csv(rows(found)):
            sys.stdout.write(text)
    else:
        for line in found:
            print(encode(line.as_object()).decode())
    return 0


def paths_of(chosen_words: Namespace) -> list[Path]:
    """The files of a record, in their order, as far as they can hold something of the time asked for."""
    begin, end = times(chosen_words)
    return [each.path for each in chosen(_segments(chosen_words), begin, end)]


def times(chosen_words: Namespace) -> tuple[int | None, int | None]:
    """--from and --to in microseconds. Raises ConfigError."""
    found = []
    for flag, text in (("--from", chosen_words.begin), ("--to", chosen_words.end)):
        try:
            found.append(moment(text) if text else None)
        except ValueError:
            raise ConfigError(flag, f"{text!r} is not a time (2026-01-02T20:00:00Z)") from None
    return found[0], found[1]


def _lines(chosen_words: Namespace) -> Iterator[Line]:
    lone = chosen_words.place if chosen_words.pattern is None else None
    if lone and "/" not in lone and not Path(lone).exists():  # `inditree record show "Py Camera"`
        chosen_words.place, chosen_words.pattern = None, lone
        if not (chosen_words.dir or chosen_words.config):
            print(f"inditree record: there is no {lone} here: it is taken for a PATTERN", file=sys.stderr)
    begin, end = times(chosen_words)
    paths = paths_of(chosen_words)
    text = chosen_words.pattern or "*"
    try:
        names = pattern(text)
    except ValueError as error:
        raise ConfigError("", str(error)) from None
    return lines(_entries(paths), Wanted(*names, begin, end))


def _entries(paths: list[Path]) -> Iterator[Entry]:
    try:
        for each in read(paths):
            if isinstance(each, Spoilt):
                print(f"inditree record: {each}", file=sys.stderr)
            else:
                yield each
    except (OSError, ValueError) as error:
        raise RecordError(str(error)) from None


def _segments(chosen_words: Namespace) -> list[Segment]:
    place = _place(chosen_words)
    if place.is_file():
        return [Segment(place, 0, place.stat().st_size)]
    if not place.is_dir():
        raise RecordError(f"{place}: no such file or directory")
    return segments(place)


def _place(chosen_words: Namespace) -> Path:
    """The folder or file: as it was said, as --config says, or as the running router does."""
    said = chosen_words.place or chosen_words.dir
    if said:
        return Path(said)
    if chosen_words.config:
        folder = config.complete(config.read(chosen_words.config)).record.dir
        if folder is None:
            raise ConfigError("--config", f"{chosen_words.config} has no record.dir")
        return Path(folder)
    from inditree.cli.client import Router  # loads what talks to a router

    return Path(Router.find(chosen_words).get("/api/v1/record")["dir"])


def _told(line: Line) -> str:
    kind, body = body_of(line.element)
    where = ".".join(part for part in (body.get("device", ""), body.get("name", "")) if part)
    values = " ".join(f"{item['name']}={item.get('value', item.get('sha256', ''))}" for item in body.get("items", ()))
    more = [body.get("state", ""), values, body.get("message", ""), f"({line.result})" if line.result else ""]
    return " ".join(part for part in (line.time, line.source, kind, where, *more) if part)
