"""Desired state: what a device is brought to each time it appears. Rules: docs/observatory.md, "Desired state".

One `Desire` from the configuration, one `Target` for each device that it fits, while the device is there. A target goes
through its steps in order: connect, then each property as soon as it is defined, each until it has answered. It is not
enforced against people: what a client sets later stays until the device appears anew.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from inditree.commands import Outcome

SILENCE = 60.0
"""Seconds without an answer (of any state) after which a step is tried again: a camera's firmware takes 30."""
FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds before a step is tried again, the first time and at most; doubled in between."""


@dataclass(frozen=True, slots=True)
class Step:
    """Members of one property and their values, sent in one command."""

    property: str
    values: Mapping[str, str]


CONNECT = Step("CONNECTION", {"CONNECT": "On"})


@dataclass(frozen=True, slots=True)
class Desire:
    """The desired state of the devices that fit `pattern`. `required`: the router is not ready before it holds."""

    pattern: str
    steps: tuple[Step, ...]
    required: bool = False


def fitting(desires: tuple[Desire, ...], device: str) -> Desire | None:
    """The first that fits a device."""
    return next((each for each in desires if fnmatchcase(device, each.pattern)), None)


class State(StrEnum):
    WAITING = "waiting"  # for the property to be defined
    SETTING = "setting"  # a command is out
    RETRYING = "retrying"  # it ended in Alert, or in silence
    READY = "ready"


class Target:
    """One device on its way to the desired state, from when it appeared.

    `passed` and `resume` return the step that is to be sent now, or None. `reason` says in a person's words why the
    device is not ready, "" where it is.
    """

    def __init__(self, device: str, desire: Desire) -> None:
        self.device = device
        self.desire = desire
        self._index = 0
        self._due: float | None = None
        self._rest()

    @property
    def step(self) -> Step | None:
        """The step that it is at; None where all are done."""
        return self.desire.steps[self._index] if self._index < len(self.desire.steps) else None

    def holds_already(self) -> None:
        """The step that it is at needs no command: the property has these values."""
        self._advance()

    def busy(self) -> None:
        """The property answered that it is busy: from here on it has the time that it needs."""
        if self.state is State.SETTING:
            self._due = None
            self.reason = f"{self._name()} is Busy"

    def answered(self, outcome: Outcome, now: float) -> None:
        """The command that was out has ended; `resume` says what is next."""
        if self.state is not State.SETTING:
            return
        if outcome.result in ("ok", "superseded"):  # superseded: somebody else decides about this property now
            self._advance()
        else:
            self._fail(outcome.messages[-1] if outcome.messages else outcome.result, now)

    def passed(self, now: float) -> Step | None:
        """Time has passed."""
        if self._due is None or now < self._due:
            return None
        if self.state is State.SETTING:
            self._fail(f"no answer in {SILENCE:.0f} s", now)
            return None
        return self._send(now)

    def due(self) -> float | None:
        """Says when `passed` is to be called (seconds of the clock of `now`); None: nothing is waited for."""
        return self._due

    def resume(self, known: Container[str], now: float) -> Step | None:
        """The step to send now, where it waits for nothing but a property that is among the `known` ones."""
        if self.state is State.WAITING and self.step is not None and self.step.property in known:
            return self._send(now)
        return None

    def _send(self, now: float) -> Step | None:
        self.state, self._due = State.SETTING, now + SILENCE
        self.reason = f"{self._name()} is set, and not answered yet"
        return self.step

    def _advance(self) -> None:
        self._index += 1
        self._rest()

    def _rest(self) -> None:
        """Wait for the property of the step that is next, if there is one."""
        self._retry, self._due = FIRST_RETRY, None
        self.state = State.WAITING if self.step is not None else State.READY
        self.reason = f"{self._name()} is not defined yet" if self.step is not None else ""

    def _fail(self, text: str, now: float) -> None:
        self.state, self._due = State.RETRYING, now + self._retry
        self.reason = f"{self._name()}: {text}; set again in {self._retry:g} s"
        self._retry = min(self._retry * 2, LONGEST_RETRY)

    def _name(self) -> str:
        return self.step.property if self.step is not None else ""
