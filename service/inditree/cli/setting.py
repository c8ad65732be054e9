"""`inditree set`: set members of properties, and wait for the answers where that is wanted."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from glob import escape

from inditree.cli.get import said
from inditree.cli.session import REFUSED, TIME_IS_UP, Session
from inditree.commands import PATIENCE, Asked, Following, Outcome
from inditree.commands.making import CommandError, made
from inditree.commands.names import Names, assignment
from inditree.config import units
from inditree.envelope import Object, encode
from inditree.errors import ConfigError

Key = tuple[str, str]


def run(chosen: Namespace) -> int:
    """Set what is asked for. Exit status: 0 done, 1 no connection, 2 wrong use, 3 refused, 4 the time is up."""
    wait = _wait(chosen.wait)
    asked = _assignments(chosen.assignments)
    # Of properties, not of members: one that a property lacks is not waited for.
    patterns = [Names(escape(device), escape(name), "*") for device, name in asked]
    with Session.of(chosen) as session:
        session.ask(patterns)
        session.definitions(time.monotonic() + chosen.timeout, patterns)
        undefined = [key for key in asked if key not in session.properties.known]
        if undefined:
            for key in undefined:
                print(f"inditree set: {'.'.join(key)}: did not appear within {chosen.timeout:g} s", file=sys.stderr)
            return TIME_IS_UP
        try:
            commands = [made(session.properties.known[key].root, values) for key, values in asked.items()]
        except CommandError as error:
            print(f"inditree set: {error}", file=sys.stderr)
            return REFUSED
        session.send(b"".join(data for _, data in commands))
        if wait is None:
            session.finish()
            return 0
        return follow(session, [each for each, _ in commands], wait, chosen.json)


def follow(session: Session, commands: list[Asked], wait: float, as_json: bool = False) -> int:
    """Wait until each of these commands, which have been sent, is answered; say how each ended."""
    now = time.monotonic()
    end, status = now + wait, 0
    open_ones = {(each.device, each.property): Following(each, now) for each in commands}
    while open_ones:
        due = min(end, *(each.due() for each in open_ones.values()))
        ended: dict[Key, Outcome] = {}
        for event in session.events(due):
            if isinstance(event, dict):
                ended.update(_heard(event, session, open_ones))
            if ended or due > min(each.due() for each in open_ones.values()):
                break
        now = time.monotonic()
        for key, following in open_ones.items():
            outcome = ended.get(key) or following.passed(now)
            if outcome is None and now >= end:
                outcome = following.ended("timeout", now)
            if outcome is not None:
                ended[key] = outcome
        for key, outcome in ended.items():
            status = max(status, _tell(session, key, open_ones.pop(key), outcome, as_json))
    return status


def _heard(event: Object, session: Session, open_ones: dict[Key, Following]) -> dict[Key, Outcome]:
    kind, now = next(iter(event)), time.monotonic()
    if kind == "message":
        for (device, _), following in open_ones.items():
            if event.get("device") == device:
                following.said(event["message"])
        return {}
    body = event[kind]
    key = body.get("device", ""), body.get("name", "")
    if kind == "deleteProperty":
        gone = [each for each in open_ones if each[0] == key[0] and key[1] in ("", each[1])]
        return {each: open_ones[each].ended("undeliverable", now) for each in gone}
    known = session.properties.known.get(key)
    if key not in open_ones or known is None or not kind.startswith("set"):
        return {}
    values = {member.get("name", ""): (member.text or "").strip() for member in known.root}
    outcome = open_ones[key].heard(body.get("state", known.root.get("state", "")), values, body.get("message", ""), now)
    return {key: outcome} if outcome else {}


def _tell(session: Session, key: Key, following: Following, outcome: Outcome, as_json: bool) -> int:
    known = session.properties.known.get(key)
    if as_json and known is not None:
        print(encode(known.defined()).decode(), flush=True)
    elif known is not None:
        for line in said(key, known.root, [Names(escape(key[0]), escape(key[1]), "*")]):
            print(line, flush=True)
    for text in outcome.messages:
        print(f"{key[0]}: {text}", file=sys.stderr)
    if outcome.result == "ok":
        return 0
    state = outcome.state or "no answer"
    what = {"alert": f"ended in {state}", "timeout": f"not done in time ({state})"}.get(outcome.result, "is gone")
    print(f"inditree set: {'.'.join(key)} {what}, after {outcome.seconds:.1f} s", file=sys.stderr)
    return TIME_IS_UP if outcome.result == "timeout" else REFUSED


def _assignments(texts: list[str]) -> dict[Key, dict[str, str]]:
    asked: dict[Key, dict[str, str]] = {}
    for text in texts:
        try:
            device, name, member, value = assignment(text)
        except ValueError as error:
            raise ConfigError("", str(error)) from None
        asked.setdefault((device, name), {})[member] = value
    return asked


def _wait(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return units.duration(text) if text else PATIENCE
    except ValueError as error:
        raise ConfigError("--wait", str(error)) from None
