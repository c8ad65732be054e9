"""The words of the table: states, timers, what happens to a driver and what is done about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct

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


class Start(Struct, frozen=True):
    """The operator, or the router as it starts."""


class Stop(Struct, frozen=True):
    """The operator, or the router as it ends."""


class Restart(Struct, frozen=True):
    """The operator."""


class KillNow(Struct, frozen=True):
    """The operator is in a hurry: no grace."""


class Started(Struct, frozen=True):
    pass


class SpawnFailed(Struct, frozen=True):
    """`fatal`: trying again would not help."""

    text: str
    fatal: bool = False


class Defined(Struct, frozen=True):
    """The driver defined its first device of this run."""


class Exited(Struct, frozen=True):
    """Gone; `code` is negative for a signal, `said` what it wrote on stderr last."""

    code: int
    said: str = ""


class Hung(Struct, frozen=True):
    text: str


class Garbage(Struct, frozen=True):
    text: str


class Timeout(Struct, frozen=True):
    timer: Timer


Event: TypeAlias = (
    Start | Stop | Restart | KillNow | Started | SpawnFailed | Defined | Exited | Hung | Garbage | Timeout
)


class Spawn(Struct, frozen=True):
    pass


class Terminate(Struct, frozen=True):
    pass


class Kill(Struct, frozen=True):
    pass


class Arm(Struct, frozen=True):
    """Set a timer, in place of the one of that name."""

    timer: Timer
    seconds: float


class Disarm(Struct, frozen=True):
    timer: Timer


class Report(Struct, frozen=True):
    """Something for the log. `kind` is short and fixed, `text` says it in words."""

    kind: str
    text: str


Action: TypeAlias = Spawn | Terminate | Kill | Arm | Disarm | Report
