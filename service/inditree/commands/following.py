"""One `new*`, from when it is sent until its property has answered.

INDI has no answers: a driver says `set*` when it has something to say, and a mount says its coordinates every second.
So the answer to a command is the first `set*` of its property that is Busy or Alert or has the values asked for;
another one counts only where none of these comes within `ANSWER` seconds. From Busy on the property is waited for until
it is no longer Busy. What the device says in messages meanwhile is kept, and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from inditree.envelope import number

ANSWER = 2.0
"""Seconds in which an answer in the narrow sense is waited for before any `set*` counts as one."""
PATIENCE = 600.0
"""Seconds after which a command that is still Busy counts as never answered."""
MESSAGES = 20
"""Messages of a device that are kept with a command."""
NEAR = 5e-4
"""How far a number in an answer may be from what was asked, whatever its size: INDI's formats keep no more."""

Result: TypeAlias = Literal["ok", "alert", "timeout", "superseded", "refused", "undeliverable"]


class Asked(Struct, frozen=True):
    """A command's wish: `kind` is Text, Number, Switch or BLOB, `values` are texts by member."""

    device: str
    property: str
    kind: str
    values: Mapping[str, str]


class Outcome(Struct, frozen=True):
    """The end of a command. `state` is the property's at the end, "" where it said nothing."""

    result: Result
    state: str
    seconds: float
    messages: tuple[str, ...] = ()


def same_value(kind: str, asked: str, said: str | None) -> bool:
    """Says whether a driver's text for a member is the value asked for: numbers as far as INDI's formats keep them."""
    if said is None:
        return False
    if kind != "Number" or asked == said:
        return asked.strip() == said.strip()
    wanted, found = number(asked), number(said)
    if wanted is None or found is None:
        return asked.strip() == said.strip()
    return math.isclose(wanted, found, rel_tol=1e-6, abs_tol=NEAR)


class Following(Struct):
    """A command that was sent at `sent` (seconds, monotonic) and is not answered yet."""

    asked: Asked
    sent: float
    messages: list[str] = []
    _busy: bool = False
    _other: tuple[str, Mapping[str, str], str] | None = None  # a set* that may or may not be the answer

    def heard(self, state: str, values: Mapping[str, str], message: str, now: float) -> Outcome | None:
        """A `set*` of the property, with the values that it names. Returns the outcome where this ends it.

        Without a `state` it leaves the property's as it was.
        """
        if message:
            self.said(message)
        if not state and self._busy:
            return None
        if state == "Busy":
            self._busy, self._other = True, None
            return None
        if state == "Alert" or self._busy or self._reached(values) or now - self.sent >= ANSWER:
            return self._ended(state, values, message, now)
        self._other = (state, values, message)
        return None

    def said(self, message: str) -> None:
        """The device said something."""
        if len(self.messages) < MESSAGES:
            self.messages.append(message)

    def passed(self, now: float) -> Outcome | None:
        """Time has passed: what came meanwhile counts now, or nothing will come any more."""
        if self._other is not None and now - self.sent >= ANSWER:
            return self._ended(*self._other, now)
        if now - self.sent >= PATIENCE:
            return self.ended("timeout", now)
        return None

    def due(self) -> float:
        """Gives the time at which `passed` is to be asked, at the latest."""
        return self.sent + (ANSWER if self._other is not None else PATIENCE)

    def ended(self, result: Result, now: float, state: str = "") -> Outcome:
        """The outcome where something else than an answer ends it: another command, a refusal, the device's end."""
        return Outcome(result, state or ("Busy" if self._busy else ""), max(0.0, now - self.sent), tuple(self.messages))

    def _reached(self, values: Mapping[str, str]) -> bool:
        return all(same_value(self.asked.kind, text, values.get(name)) for name, text in self.asked.values.items())

    def _ended(self, state: str, values: Mapping[str, str], message: str, now: float) -> Outcome:
        refused = state == "Idle" and message and not self._reached(values)
        return self.ended("alert" if state == "Alert" or refused else "ok", now, state)
