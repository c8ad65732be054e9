"""The words of the table: states, timers, what happens to a driver and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

#: Why a driver was started again.
Reason: TypeAlias = Literal["exit", "signal", "hung", "garbage", "manual"]
REASONS: tuple[Reason, ...] = ("exit", "signal", "hung", "garbage", "manual")


class State(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"  # a Spawn is not answered yet
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"  # told to end (or about to be, where its Spawn is not answered yet)
    FAILED = "failed"


ENDED = frozenset({State.STOPPED, State.FAILED})
"""States that a driver leaves only when it is told to."""


class Timer(StrEnum):
    BACKOFF = "backoff"
    READY = "ready"
    RESET = "reset"
    GRACE = "grace"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Start:
    """The operator, or the router as it starts."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The operator, or the router as it ends."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The operator."""


@dataclass(frozen=True, slots=True)
class KillNow:
    """The operator is in a hurry: no grace."""


@dataclass(frozen=True, slots=True)
class Started:
    pass


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """`fatal`: trying again would not help."""

    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Defined:
    """It defined its first device of this run."""


@dataclass(frozen=True, slots=True)
class Exited:
    """Gone; `code` is negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class Hung:
    text: str


@dataclass(frozen=True, slots=True)
class Garbage:
    text: str


@dataclass(frozen=True, slots=True)
class Timeout:
    timer: Timer


Event: TypeAlias = (
    Start | Stop | Restart | KillNow | Started | SpawnFailed | Defined | Exited | Hung | Garbage | Timeout
)


@dataclass(frozen=True, slots=True)
class Spawn:
    pass


@dataclass(frozen=True, slots=True)
class Terminate:
    pass


@dataclass(frozen=True, slots=True)
class Kill:
    pass


@dataclass(frozen=True, slots=True)
class Arm:
    """Set a timer, in place of the one of that name."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class Disarm:
    timer: Timer


@dataclass(frozen=True, slots=True)
class Report:
    """Something for the log. `kind` is short and fixed, `text` says it in words."""

    kind: str
    text: str


Action: TypeAlias = Spawn | Terminate | Kill | Arm | Disarm | Report
