"""One driver under supervision: the table of `inditree.supervise` with a clock, timers and a process."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Protocol

from inditree.config import Driver
from inditree.errors import InditreeError
from inditree.programs.process import is_stopped
from inditree.supervise import (
    KILL_MARGIN,
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
    Machine,
    Reason,
    Report,
    Restart,
    RestartPolicy,
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
from inditree.tasks import Tasks

_logger = logging.getLogger("inditree.driver")

#: How loud a report is. An exit that nobody asked for is "exited", and a warning.
_LEVELS = {
    "ready": logging.INFO,
    "ended": logging.INFO,
    "stopped": logging.INFO,
    "failed": logging.ERROR,
    "unkillable": logging.ERROR,
}
#: Seconds between two looks whether the process stands stopped (one look: a read of /proc, 50 us), at most.
STOPPED_POLL = 1.0


class CannotStart(InditreeError):
    """Raised by a unit's `start` where trying again would not help: a factory that cannot be imported."""


class Unit(Protocol):
    """A driver under supervision: a child process, or an in-process driver factory.

    It calls `Supervisor.exited` once for each `start` that returned, when it is gone and all that it wrote has been
    read; that may be before `start` returns.
    """

    async def start(self) -> int | None:
        """Start it; its pid, None where it has none. Raises OSError where it cannot now, CannotStart for good."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


def policy_of(driver: Driver) -> RestartPolicy:
    """The policy that a driver's entry in the configuration asks for."""
    restart = driver.restart
    return RestartPolicy(
        policy=restart.policy,
        backoff=restart.backoff,
        backoff_max=restart.backoff_max,
        reset_after=restart.reset_after,
        max_restarts=restart.max_restarts,
        stop_grace=driver.stop_grace,
        ready_timeout=driver.ready_timeout,
    )


class Supervisor:
    """Keeps one unit running by its policy.

    `on_change` is called with the supervisor whenever its state changed, not from within it. A process
    that stands stopped (SIGSTOP) for `stall_timeout` seconds is hung; None: not looked at. The other ways to hang,
    and garbage, are told by who reads and writes: `hung`, `garbage`. Must be made in a running loop.
    """

    def __init__(
        self,
        name: str,
        policy: RestartPolicy,
        unit: Unit,
        tasks: Tasks,
        *,
        on_change: Callable[[Supervisor], None] | None = None,
        stall_timeout: float | None = 10.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.unit = unit
        self.on_change = on_change
        self.stall_timeout = stall_timeout
        self.retired = False
        self.pid: int | None = None
        #: When the present state began (time.monotonic), and the last run (seconds of the epoch, None before).
        self.since = time.monotonic()
        self.started_at: float | None = None
        self._machine = Machine(policy, jitter)
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._stopped_poll: asyncio.TimerHandle | None = None
        self._stopped_since: float | None = None
        self._spawning = False
        self._early: list[Event] = []  # what the unit told before its start had returned
        self._settled = asyncio.Event()
        self._given_up = False  # it is still there after SIGKILL
        self._settled.set()

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def ready(self) -> bool:
        """Runs and has defined a device in this run."""
        return self._machine.ready

    @property
    def restarts(self) -> dict[Reason, int]:
        """Counts how often it was running again, by why it had ended."""
        return self._machine.restarts

    @property
    def last_exit(self) -> int | None:
        """Exit code, negative for a signal, None before the first."""
        return self._machine.last_exit

    @property
    def last_error(self) -> str:
        """The text of the last error, empty where there was none."""
        return self._machine.last_error

    # What the operator wants.

    def start(self) -> None:
        """Run it from now on; during a back-off: at once."""
        if not self.retired:
            self._send(Start())

    def restart(self) -> None:
        """End it and start it again without back-off; where it does not run, start it."""
        if not self.retired:
            self._send(Restart())

    def begin_stop(self) -> None:
        """Have it end, without waiting for it."""
        self._send(Stop())

    async def stop(self) -> bool:
        """Have it end, and wait: for `stop_grace`, and some seconds after SIGKILL. False: it is still there."""
        self._send(Stop())
        if self._given_up:
            return False
        try:
            await asyncio.wait_for(self._settled.wait(), self._machine.policy.stop_grace + KILL_MARGIN)
        except TimeoutError:
            return False
        return True

    async def retire(self) -> bool:
        """`stop` for good: nothing starts it again, not even while it ends, as nobody would be left to end it."""
        self.retired = True
        return await self.stop()

    def kill(self) -> None:
        """Have it end at once, without grace."""
        self._send(KillNow())

    # What the unit saw.

    def defined(self) -> None:
        """A device was defined. May be called for each."""
        if not self._machine.ready:
            self._from_unit(Defined())

    def hung(self, text: str) -> None:
        """End a driver that does not react; `text` says how that shows."""
        self._from_unit(Hung(text))

    def garbage(self, text: str) -> None:
        """End a driver that wrote what is not INDI; `text` says what."""
        self._from_unit(Garbage(text))

    def exited(self, code: int, said: str = "") -> None:
        """Act on the end of a driver whose output has been read; `said` is the last line of its stderr."""
        self._from_unit(Exited(code, said))

    def _from_unit(self, event: Event) -> None:
        if self._spawning:
            self._early.append(event)
        else:
            self._send(event)

    def _send(self, event: Event) -> None:
        machine = self._machine
        before = machine.state
        actions = machine.handle(event)
        if machine.state != before:
            self.since = time.monotonic()
        if not machine.alive:
            self._forget_process()
        if machine.state in (State.STOPPED, State.FAILED):
            self._settled.set()
        else:
            self._settled.clear()
        for action in actions:
            self._do(action)
        if self.on_change is not None and machine.state != before:
            self._loop.call_soon(self.on_change, self)

    def _do(self, action: Action) -> None:
        match action:
            case Spawn():
                self._spawning = True
                self._tasks.start(self._spawn(), f"start {self.name}")
            case Terminate():
                self._ask(self.unit.terminate)
            case Kill():
                self._ask(self.unit.kill)
            case Arm(timer, seconds):
                self._disarm(timer)
                self._timers[timer] = self._loop.call_later(seconds, self._fire, timer)
            case Disarm(timer):
                self._disarm(timer)
            case Report(kind, text):
                self._report(kind, text)

    def _ask(self, end: Callable[[], None]) -> None:
        """Ask a driver to end. An exception stops nothing: the timers that follow are set, and GRACE ends in Kill."""
        try:
            end()
        except Exception:
            _logger.exception("%s: failed while it was ending", self.name, extra=self._extra("failed"))

    def _disarm(self, timer: Timer) -> None:
        if handle := self._timers.pop(timer, None):
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        del self._timers[timer]
        self._send(Timeout(timer))

    async def _spawn(self) -> None:
        event: Event = Started()
        try:
            self.pid = await self.unit.start()
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            event = SpawnFailed(f"cannot be started: {f'{error.filename}: ' if error.filename else ''}{reason}")
        except CannotStart as error:
            event = SpawnFailed(f"cannot be started: {error}", fatal=True)
        except Exception as error:
            # A factory may raise anything: its driver fails, not the router.
            _logger.exception("%s: failed to start", self.name, extra=self._extra("spawn_failed"))
            event = SpawnFailed(f"cannot be started: {type(error).__name__}: {error}")
        self._spawning = False
        early, self._early = self._early, []
        if isinstance(event, Started):
            self.started_at = time.time()
            self._send(event)
            self._watch_stopped()
            for each in early:
                self._send(each)
        else:
            self._send(event)

    def _forget_process(self) -> None:
        self.pid = None
        self._stopped_since = None
        if self._stopped_poll is not None:
            self._stopped_poll.cancel()
            self._stopped_poll = None

    def _watch_stopped(self) -> None:
        """Look at the process now and then: hung is who stands stopped at each look for `stall_timeout`."""
        self._stopped_poll = None
        if self.pid is None or self.stall_timeout is None or self.state is not State.RUNNING:
            return
        now = self._loop.time()
        if not is_stopped(self.pid):
            self._stopped_since = None
        elif self._stopped_since is None:
            self._stopped_since = now
        elif now - self._stopped_since >= self.stall_timeout:
            self.hung(f"has been stopped (SIGSTOP) for {now - self._stopped_since:.1f} s")
            return
        self._stopped_poll = self._loop.call_later(min(STOPPED_POLL, self.stall_timeout / 4), self._watch_stopped)

    def _report(self, kind: str, text: str) -> None:
        self._given_up = kind == "unkillable"
        _logger.log(_LEVELS.get(kind, logging.WARNING), "%s: %s", self.name, text, extra=self._extra(kind))

    def _extra(self, kind: str) -> dict[str, str]:
        return {"driver": self.name, "event": kind}
