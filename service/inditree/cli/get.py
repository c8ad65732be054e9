"""`inditree get` and `inditree watch`: values of properties, as lines of text or JSON."""

from __future__ import annotations

import sys
import time
import xml.etree.ElementTree as ET
from argparse import Namespace
from collections.abc import Iterator

from inditree.cli.session import TIME_IS_UP, Session
from inditree.commands.names import Names, pattern
from inditree.envelope import Known, Object, encode
from inditree.errors import ConfigError


def get(chosen: Namespace) -> int:
    """Print what fits. Exit status: 0, 1 no connection, 4 a pattern that nothing fits before the time is up."""
    patterns = wanted(chosen.patterns)
    with Session.of(chosen) as session:
        session.ask(patterns)
        missing = session.definitions(time.monotonic() + chosen.timeout, patterns)
        for key, known in session.properties.known.items():
            _print(said(key, known.root, patterns) if not chosen.json else _as_json(known, patterns))
    for each in missing:
        print(f"inditree get: {'.'.join(each)}: did not appear within {chosen.timeout:g} s", file=sys.stderr)
    return TIME_IS_UP if missing else 0


def watch(chosen: Namespace) -> int:
    """Print what fits, and then what is said of it, until interrupted (0), or --timeout is over where it is given."""
    patterns = wanted(chosen.patterns)
    limit, chosen.timeout = chosen.timeout, chosen.timeout or 10.0
    with Session.of(chosen) as session:
        session.ask(patterns)
        end = time.monotonic() + limit if limit is not None else float("inf")
        try:
            while time.monotonic() < end:
                for event in session.events(min(end, time.monotonic() + 3600)):
                    if isinstance(event, dict):
                        _print(_event(event, session, patterns, chosen.json))
        except KeyboardInterrupt:
            pass
    return 0


def wanted(texts: list[str]) -> list[Names]:
    """The patterns of a command line, all that there is without one. Raises ConfigError."""
    try:
        return [pattern(each) for each in texts] or [Names("*", "*", "*")]
    except ValueError as error:
        raise ConfigError("", str(error)) from None


def said(key: tuple[str, str], root: ET.Element, patterns: list[Names]) -> Iterator[str]:
    """`D.P.M=V` for each member that fits; an image has no value."""
    for member in root:
        name = member.get("name", "")
        if any(each.fits(*key, name) for each in patterns):
            text = "" if member.tag.endswith("BLOB") else (member.text or "").strip()
            yield f"{key[0]}.{key[1]}.{name}={text}"


def _event(event: Object, session: Session, patterns: list[Names], as_json: bool) -> Iterator[str]:
    kind = next(iter(event))
    body = event if kind == "message" else event[kind]
    key = body.get("device", ""), body.get("name", "")
    if kind in ("message", "deleteProperty"):
        if as_json and any(each.fits(key[0], key[1] or "*") or each.device in ("*", key[0]) for each in patterns):
            yield encode(event).decode()
        return
    known = session.properties.known.get(key)
    if as_json:
        yield from _narrowed(event, kind, key, patterns)
    elif known is not None:
        yield from said(key, known.root, patterns)


def _as_json(known: Known, patterns: list[Names]) -> Iterator[str]:
    event = known.defined()
    yield from _narrowed(event, known.root.tag, (known.root.get("device", ""), known.root.get("name", "")), patterns)


def _narrowed(event: Object, kind: str, key: tuple[str, str], patterns: list[Names]) -> Iterator[str]:
    body = event[kind]
    items = [item for item in body["items"] if any(each.fits(*key, item["name"]) for each in patterns)]
    if items or (not body["items"] and any(each.fits(*key) for each in patterns)):
        yield encode({kind: {**body, "items": items}}).decode()


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)
