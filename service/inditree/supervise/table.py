"""The supervision of one driver: a table of state x event -> what to do next.

`Machine.handle` takes an event and gives the actions, in order, that its owner has to carry out. The owner answers
`Spawn` with `Started` or `SpawnFailed`, and tells `Exited` once for each `Started`, when the driver and all that it
started are gone. So there is never more than one process of a driver: `Spawn` is only said when the last one was
answered and has exited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct, field

from inditree.supervise.events import (
    REASONS,
    Action,
    Arm,
    Defined,
    Disarm,
    Event,
    Exited,
    Garbage,
    Hung,
    Kill,
    KillNow,
    Reason,
    Report,
    Restart,
    Spawn,
    SpawnFailed,
    Start,
    Started,
    State,
    Stop,
    Terminate,
    Timeout,
    Timer,
)
from inditree.supervise.policy import RestartPolicy, delay

#: Seconds after SIGKILL until a process that is still there is reported (it hangs in the kernel).
KILL_MARGIN = 5.0


class Machine(Struct):
    """One driver. `random` gives numbers from 0 to 1 for the jitter."""

    policy: RestartPolicy
    random: Callable[[], float]
    state: State = State.STOPPED
    #: Defined a device in this run.
    ready: bool = False
    #: Whether a process is there: Started came and Exited did not.
    alive: bool = False
    last_exit: int | None = None
    last_error: str = ""
    #: How often it was running again after it had ended, by why it had, since this machine was made.
    restarts: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    #: Runs in a row that did not last `reset_after`.
    failures: int = 0
    _asked: bool = False  # stopping: the Spawn is answered, so that it could be told to end
    _hurry: bool = False  # stopping, not asked yet: it gets no grace
    _next: Literal["stop", "start", "policy"] = "stop"  # stopping: what follows the exit
    _cause: Reason | None = None  # why the next run is a restart, None where it is not one

    def handle(self, event: Event) -> list[Action]:
        """Take an event; the actions that follow. An event that means nothing in this state gives none."""
        step = TABLE.get((self.state, type(event)))
        return step(self, event) if step else []

    # The steps. Those that the table names take the event; the helpers below them do not.

    def _start(self, event: Event) -> list[Action]:
        self.failures = 0
        self._cause = "manual" if isinstance(event, Restart) else None
        return self._leave_backoff() + self._spawn()

    def _leave_backoff(self) -> list[Action]:
        return [Disarm(Timer.BACKOFF)] if self.state is State.BACKOFF else []

    def _spawn(self) -> list[Action]:
        self.state = State.STARTING
        return [Spawn()]

    def _started(self, event: Event) -> list[Action]:
        self.state = State.RUNNING
        self.alive = True
        if self._cause is not None:
            self.restarts[self._cause] += 1
        return [Arm(Timer.READY, self.policy.ready_timeout), Arm(Timer.RESET, self.policy.reset_after)]

    def _spawn_failed(self, event: Event) -> list[Action]:
        assert isinstance(event, SpawnFailed)
        self.last_error = event.text
        if event.fatal or not self.policy.restarts_after(failed=True):
            self.state = State.FAILED
            return [Report("failed", event.text)]
        return [Report("spawn_failed", event.text), *self._again(event.text)]

    def _again(self, why: str = "") -> list[Action]:
        """Back-off, or the end of patience. From the second time on it is said `why`: what repeats is not logged."""
        self.failures += 1
        limit = self.policy.max_restarts
        if limit is not None and self.failures > limit:
            self.state = State.FAILED
            return [Report("failed", f"ended {self.failures} times, max_restarts is {limit}")]
        seconds = delay(self.policy, self.failures, self.random())
        self.state = State.BACKOFF
        reason = f": {why}" if why and self.failures > 1 else ""
        return [Report("backoff", f"starts again in {seconds:.2f} s{reason}"), Arm(Timer.BACKOFF, seconds)]

    def _retry(self, event: Event) -> list[Action]:
        assert isinstance(event, Timeout)
        return self._spawn() if event.timer is Timer.BACKOFF else []

    def _rest(self, event: Event) -> list[Action]:
        actions = self._leave_backoff()
        self.state = State.STOPPED
        return actions

    def _defined(self, event: Event) -> list[Action]:
        if self.ready:
            return []
        self.ready = True
        return [Disarm(Timer.READY), Report("ready", "has defined its first device")]

    def _running_timeout(self, event: Event) -> list[Action]:
        assert isinstance(event, Timeout)
        if event.timer is Timer.RESET:
            self.failures = 0
        elif event.timer is Timer.READY and not self.ready:
            text = f"has defined no device within {self.policy.ready_timeout:g} s"
            return [Report("not_ready", text)]
        return []

    def _running_exited(self, event: Event) -> list[Action]:
        assert isinstance(event, Exited)
        actions = self._gone(event.code, "exited")
        self._cause = "signal" if event.code < 0 else "exit"
        self.last_error = _ended(event.code) + (f"; it said last: {event.said}" if event.said else "")
        return actions + self._by_policy(failed=event.code != 0)

    def _gone(self, code: int, kind: Literal["exited", "ended"]) -> list[Action]:
        self.alive = self.ready = False
        self.last_exit = code
        return [Disarm(Timer.READY), Disarm(Timer.RESET), Report(kind, _ended(code))]

    def _by_policy(self, failed: bool) -> list[Action]:
        if self.policy.restarts_after(failed):
            return self._again()
        self.state = State.STOPPED
        return [Report("stopped", f"is not started again: its policy is {self.policy.policy}")]

    def _running_end(self, event: Event) -> list[Action]:
        """Stop, restart, hung, garbage: it has to go, and then what?"""
        actions: list[Action] = []
        self._next = "policy"
        match event:
            case Stop():
                self._next = "stop"
            case Restart():
                self._next = "start"
            case Hung(text):
                self._cause, self.last_error = "hung", text
                actions = [Report("hung", text)]
            case Garbage(text):
                self._cause, self.last_error = "garbage", text
                actions = [Report("garbage", text)]
        self.state, self._asked = State.STOPPING, True
        return [*actions, Terminate(), Arm(Timer.GRACE, self.policy.stop_grace)]

    def _running_kill(self, event: Event) -> list[Action]:
        self._next, self.state, self._asked = "stop", State.STOPPING, True
        return [Kill(), Arm(Timer.KILLED, KILL_MARGIN)]

    def _starting_stop(self, event: Event) -> list[Action]:
        self._next, self.state, self._asked = "stop", State.STOPPING, False
        self._hurry = isinstance(event, KillNow)
        return []

    def _stopping_stop(self, event: Event) -> list[Action]:
        self._next = "stop"
        return []

    def _stopping_start(self, event: Event) -> list[Action]:
        self._next = "start"
        return []

    def _stopping_started(self, event: Event) -> list[Action]:
        self.alive = self._asked = True
        if self._hurry:
            return [Kill(), Arm(Timer.KILLED, KILL_MARGIN)]
        return [Terminate(), Arm(Timer.GRACE, self.policy.stop_grace)]

    def _stopping_kill(self, event: Event) -> list[Action]:
        self._next = "stop"
        self._hurry = True
        return [Disarm(Timer.GRACE), Kill(), Arm(Timer.KILLED, KILL_MARGIN)] if self._asked else []

    def _stopping_timeout(self, event: Event) -> list[Action]:
        assert isinstance(event, Timeout)
        if event.timer is Timer.GRACE:
            text = f"did not end within {self.policy.stop_grace:g} s of SIGTERM and is killed"
            return [Report("killed", text), Kill(), Arm(Timer.KILLED, KILL_MARGIN)]
        if event.timer is Timer.KILLED:
            self.last_error = f"is still there {KILL_MARGIN:g} s after SIGKILL"
            return [Report("unkillable", self.last_error)]
        return []

    def _stopping_exited(self, event: Event) -> list[Action]:
        assert isinstance(event, Exited)
        kind: Literal["exited", "ended"] = "exited" if self._next == "policy" else "ended"
        actions = [*self._gone(event.code, kind), Disarm(Timer.GRACE), Disarm(Timer.KILLED)]
        if self._next == "policy":
            return actions + self._by_policy(failed=True)
        return actions + self._stopped_or_again()

    def _stopping_spawn_failed(self, event: Event) -> list[Action]:
        assert isinstance(event, SpawnFailed)
        self.last_error = event.text
        return [Report("spawn_failed", event.text), *self._stopped_or_again()]

    def _stopped_or_again(self) -> list[Action]:
        if self._next == "start":
            self.failures = 0
            self._cause = "manual"
            return self._spawn()
        self.state = State.STOPPED
        return [Report("stopped", "is stopped")]


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


_Step: TypeAlias = Callable[[Machine, Event], list[Action]]

#: What is not listed is ignored: it comes too late or says nothing new.
TABLE: dict[tuple[State, type[Event]], _Step] = {
    (State.STOPPED, Start): Machine._start,
    (State.STOPPED, Restart): Machine._start,
    (State.STARTING, Started): Machine._started,
    (State.STARTING, SpawnFailed): Machine._spawn_failed,
    (State.STARTING, Stop): Machine._starting_stop,
    (State.STARTING, KillNow): Machine._starting_stop,
    (State.RUNNING, Defined): Machine._defined,
    (State.RUNNING, Timeout): Machine._running_timeout,
    (State.RUNNING, Exited): Machine._running_exited,
    (State.RUNNING, Hung): Machine._running_end,
    (State.RUNNING, Garbage): Machine._running_end,
    (State.RUNNING, Stop): Machine._running_end,
    (State.RUNNING, Restart): Machine._running_end,
    (State.RUNNING, KillNow): Machine._running_kill,
    (State.BACKOFF, Timeout): Machine._retry,
    (State.BACKOFF, Start): Machine._start,
    (State.BACKOFF, Restart): Machine._start,
    (State.BACKOFF, Stop): Machine._rest,
    (State.BACKOFF, KillNow): Machine._rest,
    (State.STOPPING, Exited): Machine._stopping_exited,
    (State.STOPPING, Timeout): Machine._stopping_timeout,
    (State.STOPPING, Stop): Machine._stopping_stop,
    (State.STOPPING, Start): Machine._stopping_start,
    (State.STOPPING, Restart): Machine._stopping_start,
    (State.STOPPING, KillNow): Machine._stopping_kill,
    (State.STOPPING, Started): Machine._stopping_started,
    (State.STOPPING, SpawnFailed): Machine._stopping_spawn_failed,
    (State.FAILED, Start): Machine._start,
    (State.FAILED, Restart): Machine._start,
    (State.FAILED, Stop): Machine._rest,
    (State.FAILED, KillNow): Machine._rest,
}
