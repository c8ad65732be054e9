"""Reactions: when a condition has held for a while, steps are carried out, once. Rules: docs/observatory.md.

===========  =======================  =====================  ===================  ======================
state        the condition holds      it does not            a step has ended     time has passed
===========  =======================  =====================  ===================  ======================
unarmed      known: armed             known: armed           -                    grace is over: armed
armed        waiting                  -                      -                    -
waiting      -                        armed                  -                    `for` is over: running
running      -                        remembered             next, done, armed    a step's `wait`: failed
done         -                        armed                  -                    -
===========  =======================  =====================  ===================  ======================

Unknown counts as holding unless `unknown` is false; it never arms, and never counts as false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from inditree.commands import Outcome
from inditree.observatory.conditions import Condition

RETRY = 5.0
"""Seconds after which a step whose device is not there is tried again, while its `wait` lasts: a driver may be back."""

RunResult = Literal["ok", "failed", "stopped"]
RUN_RESULTS: tuple[RunResult, ...] = ("ok", "failed", "stopped")


@dataclass(frozen=True, slots=True)
class Action:
    """One step: what is set, how long its end is waited for (seconds), and whether its failure ends the others."""

    device: str
    property: str
    values: Mapping[str, str]
    wait: float = 300.0
    stop_on_failure: bool = False


@dataclass(frozen=True)
class Reaction:
    """One reaction of the configuration. `hold` and `start_grace` are seconds."""

    name: str
    when: Condition
    steps: tuple[Action, ...]
    hold: float = 10.0
    unknown: bool = True
    start_grace: float = 60.0


class State(StrEnum):
    UNARMED = "unarmed"
    ARMED = "armed"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Run:
    """The end of a run: `failures` are the steps that failed, in a person's words."""

    result: RunResult
    began: float
    seconds: float
    failures: tuple[str, ...]


@dataclass
class Watch:
    """A reaction as it stands since `started` (seconds, monotonic), when the router or its configuration began.

    `judge`, `passed` and `ended` return the step that is to be carried out now, or None.
    """

    reaction: Reaction
    started: float
    state: State = State.UNARMED
    holds: bool | None = None
    last: Run | None = None
    runs: dict[RunResult, int] = field(default_factory=lambda: dict.fromkeys(RUN_RESULTS, 0))
    index: int = 0
    _since: float = 0.0  # of waiting, or of the step
    _began: float = 0.0
    _retry: float | None = None
    _was_false: bool = False
    _failures: list[str] = field(default_factory=list)

    def judge(self, holds: bool | None, now: float) -> Action | None:
        """The condition holds, does not, or is unknown (None)."""
        self.holds = holds
        if self.state is State.UNARMED:
            self._arm(holds, now)
        if holds is False:
            self._was_false = True
            if self.state in (State.WAITING, State.DONE):
                self.state = State.ARMED
        elif holds is None and not self.reaction.unknown:
            if self.state is State.WAITING:
                self.state = State.ARMED  # it has not held for that long as far as anybody knows
        elif self.state is State.ARMED:
            self.state, self._since = State.WAITING, now
        return self.passed(now)

    def passed(self, now: float) -> Action | None:
        """Time has passed."""
        if self.state is State.UNARMED and now - self.started >= self.reaction.start_grace:
            self.state = State.ARMED
            return self.judge(self.holds, now)
        if self.state is State.WAITING and now - self._since >= self.reaction.hold:
            return self.run(now)
        if self.state is not State.RUNNING:
            return None
        if now - self._since >= self.step.wait:
            return self._failed(f"not done in {self.step.wait:g} s", now)
        if self._retry is not None and now >= self._retry:
            self._retry = None
            return self.step
        return None

    def run(self, now: float) -> Action | None:
        """Carry out the steps, from the first one; nothing where they are under way."""
        if self.state is State.RUNNING:
            return None
        self.state, self.index, self._began = State.RUNNING, 0, now
        self._was_false, self._failures = False, []
        return self._begin(now)

    def reset(self) -> bool:
        """Arm it again, as if the condition had been false; False while steps are under way, which run to their end."""
        if self.state is State.RUNNING:
            return False
        self.state = State.ARMED
        return True

    def ended(self, outcome: Outcome, now: float) -> Action | None:
        """The step that is under way has ended."""
        if self.state is not State.RUNNING or self._retry is not None:
            return None
        if outcome.result == "ok":
            return self._next(now)
        if outcome.result == "undeliverable" and now + RETRY < self._since + self.step.wait:
            self._retry = now + RETRY
            return None
        return self._failed(outcome.messages[-1] if outcome.messages else outcome.result, now)

    @property
    def step(self) -> Action:
        """The step that is under way; to be asked while it runs."""
        return self.reaction.steps[self.index]

    def due(self) -> float | None:
        """Says when `passed` is to be called, at the latest; None: nothing is waited for."""
        match self.state:
            case State.UNARMED:
                return self.started + self.reaction.start_grace
            case State.WAITING:
                return self._since + self.reaction.hold
            case State.RUNNING:
                over = self._since + self.step.wait
                return over if self._retry is None else min(over, self._retry)
        return None

    def _arm(self, holds: bool | None, now: float) -> None:
        # At the start nobody is connected yet: a condition on connections arms when it has been false.
        if holds is not None and (holds is False or not self.reaction.when.counts):
            self.state = State.ARMED

    def _begin(self, now: float) -> Action | None:
        self._since, self._retry = now, None
        if self.index < len(self.reaction.steps):
            return self.step
        return self._finish("failed" if self._failures else "ok", now)

    def _next(self, now: float) -> Action | None:
        self.index += 1
        return self._begin(now)

    def _failed(self, text: str, now: float) -> Action | None:
        step = self.step
        self._failures.append(f"{step.device}.{step.property}: {text}")
        return self._finish("stopped", now) if step.stop_on_failure else self._next(now)

    def _finish(self, result: RunResult, now: float) -> Action | None:
        self.runs[result] += 1
        self.last = Run(result, self._began, now - self._began, tuple(self._failures))
        self.state = State.ARMED if self._was_false else State.DONE
        return None
