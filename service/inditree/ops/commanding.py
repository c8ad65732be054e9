"""`PUT` of a property: one command, what is answered, and that the same key does nothing twice. Rules: docs/http.md."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from inditree.commands import Outcome
from inditree.config import units
from inditree.envelope.numbers import spell
from inditree.ops.control import Control, ControlError, Definition
from inditree.ops.detail import property_row
from inditree.ops.model import CommandRow, Error

KEY_KEPT = 600.0
"""Seconds for which a key is remembered."""

KEYS_LIMIT = 1024
"""Keys that are remembered at most; past it the oldest is forgotten."""

KEY_LENGTH = 255
"""Characters of a key."""

Answer = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Put:
    """A command by HTTP. `wait` is seconds, None where nobody waits, `key` None where there is none."""

    device: str
    property: str
    values: Mapping[str, str]
    wait: float | None = None
    key: str | None = None


@dataclass(slots=True)
class _Sent:
    """A command. `said` are the answers that do not change any more, by whether who asks waits."""

    put: Put
    outcome: asyncio.Future[Outcome]
    at: float
    said: dict[bool, Answer] = field(default_factory=dict)


def read(device: str, name: str, body: Mapping[str, Any], wait: str | None, key: str | None) -> Put:
    """The command in a request's body. Raises ControlError (400)."""
    members = body.get("members")
    if not isinstance(members, dict) or not members:
        raise ControlError(400, 'the body is {"members": {NAME: VALUE, ...}}')
    if key is not None and not 0 < len(key) <= KEY_LENGTH:
        raise ControlError(400, f"Idempotency-Key: 1 to {KEY_LENGTH} characters")
    try:
        seconds = units.duration(wait) if wait is not None else None
    except ValueError as error:
        raise ControlError(400, f"wait: {error}") from None
    return Put(device, name, {member: _value(member, value) for member, value in members.items()}, seconds, key)


def _value(member: str, value: object) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, int | float):
        try:
            return spell(value)
        except OverflowError:
            raise ControlError(400, f"members.{member}: the number is too large") from None
    if isinstance(value, str):
        return value
    raise ControlError(400, f"members.{member}: expected a text, a number, true or false")


class Commanding:
    """Sends commands and waits for them. `in_thread` runs what takes longer than the loop may stand still."""

    def __init__(self, control: Control, in_thread: Callable[..., Awaitable[Answer]]) -> None:
        self._control = control
        self._in_thread = in_thread
        self._keys: dict[str, _Sent] = {}

    async def put(self, asked: Put, caller: str) -> Answer:
        """Status and body. Raises ControlError where nothing was sent."""
        sent = self._sent(asked, caller)
        waits = asked.wait is not None
        if waits not in sent.said and asked.wait is not None:
            await asyncio.wait([sent.outcome], timeout=asked.wait)
        if (said := sent.said.get(waits)) is not None:
            return said
        if sent.outcome.cancelled():
            raise ControlError(409, "the router is stopping")
        outcome = sent.outcome.result() if sent.outcome.done() else None
        status = _status(outcome, waits)
        answer = await self._in_thread(_render, status, self._definition(asked), asked, outcome)
        if status != 504:
            sent.said[waits] = answer
        return answer

    def _sent(self, asked: Put, caller: str) -> _Sent:
        """The command that this key has sent already, or a new one."""
        now = time.monotonic()
        while self._keys and next(iter(self._keys.values())).at < now - KEY_KEPT:
            del self._keys[next(iter(self._keys))]
        known = self._keys.get(asked.key) if asked.key is not None else None
        if known is not None:
            was = known.put
            if (was.device, was.property, was.values) != (asked.device, asked.property, asked.values):
                raise ControlError(422, f"Idempotency-Key {asked.key!r} was used for another command")
            return known
        sent = _Sent(asked, self._control.command(asked.device, asked.property, asked.values, caller), now)
        if asked.key is not None:
            self._keys[asked.key] = sent
            if len(self._keys) > KEYS_LIMIT:
                del self._keys[next(iter(self._keys))]
        return sent

    def _definition(self, asked: Put) -> Definition | None:
        try:
            found = self._control.device(asked.device).definitions
        except KeyError:
            return None
        return next((each for each in found if each.property == asked.property), None)


def _status(outcome: Outcome | None, waits: bool) -> int:
    if outcome is None or outcome.result == "timeout":
        return 504 if waits else 202
    if outcome.result != "ok":
        return 409
    return 200 if waits else 202


def _render(status: int, definition: Definition | None, asked: Put, outcome: Outcome | None) -> Answer:
    row = property_row(definition) if definition is not None else None
    if row is None:
        text = f"{asked.device}.{asked.property} is gone ({outcome.result if outcome else 'not answered'})"
        return status, msgspec.json.encode(Error(text))
    found = CommandRow(
        **{name: getattr(row, name) for name in row.__struct_fields__},
        result=outcome.result if outcome is not None else "sent",
        seconds=round(outcome.seconds, 3) if outcome is not None else None,
        messages=outcome.messages if outcome is not None else (),
    )
    return status, msgspec.json.encode(found)
