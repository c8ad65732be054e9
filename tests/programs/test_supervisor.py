"""One driver under supervision: real programs, and a played unit where a real one cannot fail as needed."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace

from inditree.config import Driver, Restart
from inditree.programs.supervisor import CannotStart, Supervisor, policy_of
from inditree.supervise import RestartPolicy, State
from inditree.tasks import Tasks
from programs.processes import both_loops, descriptors, python, until
from programs.units import QUICK, Played, Program, supervised

Run = Callable[[Coroutine[Any, Any, None]], None]

#: Says that it is there, and stays.
STAYS = ["sh", "-c", "echo defined; exec sleep 1000"]


def more_than(program: Program, count: int) -> bool:
    return len(program.pids) > count and program.supervisor.ready


def played(unit: Played, policy: RestartPolicy = QUICK, **options: Any) -> Supervisor:
    return Supervisor("ccd", policy, unit, Tasks(), jitter=lambda: 0.0, **options)


@both_loops
def test_it_runs_is_ready_and_stops(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        changes: list[State] = []
        async with supervised(STAYS) as (supervisor, program):
            supervisor.on_change = lambda changed: changes.append(changed.state)
            assert (supervisor.state, supervisor.pid, supervisor.started_at) == (State.STOPPED, None, None)
            supervisor.start()
            assert not changes, "told afterwards, never from within"
            await until(lambda: supervisor.ready, "its device")
            assert supervisor.pid == program.pids[0]
            assert supervisor.started_at is not None
            assert await supervisor.stop()
            assert supervisor.state is State.STOPPED and supervisor.pid is None and not supervisor.ready
            assert supervisor.last_exit == -signal.SIGTERM
            await until(lambda: changes[-1] is State.STOPPED, "the last change")
            assert changes == [State.STARTING, State.RUNNING, State.STOPPING, State.STOPPED]

    with caplog.at_level(logging.INFO):
        run(main())
    said = [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "inditree.driver"]
    assert said == [
        (logging.INFO, "ccd: has defined its first device"),
        (logging.INFO, "ccd: was ended by signal 15"),
        (logging.INFO, "ccd: is stopped"),
    ]


@both_loops
def test_it_comes_back_when_it_dies(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with supervised(STAYS) as (supervisor, program):
            supervisor.start()
            for count in range(1, 4):
                await until(lambda: supervisor.ready, "its device")
                os.kill(program.pids[-1], signal.SIGKILL)
                await until(functools.partial(more_than, program, count), "a new one")
            await until(lambda: supervisor.ready, "its device")
            assert supervisor.restarts["signal"] == 3
            assert supervisor.last_exit == -signal.SIGKILL
            assert program.output == b"defined\n" * 4

    run(main())
    record = next(record for record in caplog.records if "ended by signal 9" in record.getMessage())
    assert (record.levelno, record.__dict__["driver"], record.__dict__["event"]) == (logging.WARNING, "ccd", "exited")


def test_what_it_wrote_before_its_end_is_there() -> None:
    async def main() -> None:
        never = replace(QUICK, policy="never")
        async with supervised(["sh", "-c", "seq 20000; exit 3"], never) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.last_exit == 3, "its end")
            assert program.output.endswith(b"\n20000\n")
            assert supervisor.state is State.STOPPED

    asyncio.run(main())


def test_it_fails_after_so_many_restarts() -> None:
    async def main() -> None:
        before = descriptors()
        policy = replace(QUICK, max_restarts=2)
        async with supervised(["false"], policy) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.state is State.FAILED, "the end of patience")
            assert len(program.pids) == 3
            assert supervisor.restarts["exit"] == 2
            assert await supervisor.stop()
            assert supervisor.state is State.STOPPED
        assert descriptors() == before

    asyncio.run(main())


def test_a_missing_program_is_tried_again_and_named() -> None:
    async def main() -> None:
        async with supervised(["no-such-driver"]) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.last_error, "its failure")
            assert supervisor.last_error == "cannot be started: no-such-driver: no such program on PATH"
            assert supervisor.state is State.BACKOFF
            program.argv = STAYS  # somebody installed it
            await until(lambda: supervisor.ready, "its device")

    asyncio.run(main())


def test_a_missing_program_that_is_never_restarted_has_failed() -> None:
    async def main() -> None:
        async with supervised(["no-such-driver"], replace(QUICK, policy="never")) as (supervisor, _):
            supervisor.start()
            await until(lambda: supervisor.state is State.FAILED, "its failure")

    asyncio.run(main())


def test_a_restart_by_hand() -> None:
    async def main() -> None:
        async with supervised(STAYS, replace(QUICK, backoff=60, backoff_max=60)) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.ready, "its device")
            supervisor.restart()
            await until(lambda: len(program.pids) == 2 and supervisor.ready, "a new one, without back-off")
            assert supervisor.restarts["manual"] == 1
            os.kill(program.pids[-1], signal.SIGKILL)
            await until(lambda: supervisor.state is State.BACKOFF, "a long back-off")
            supervisor.start()
            await until(lambda: len(program.pids) == 3 and supervisor.ready, "a new one at once")

    asyncio.run(main())


def test_who_ignores_sigterm_is_killed_after_its_grace() -> None:
    async def main() -> None:
        deaf = python("import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(99)")
        async with supervised(deaf, replace(QUICK, stop_grace=0.1)) as (supervisor, _):
            supervisor.start()
            await until(lambda: supervisor.ready, "its device")
            assert await supervisor.stop()
            assert supervisor.last_exit == -signal.SIGKILL

    asyncio.run(main())


@both_loops
def test_one_that_stands_stopped_is_hung(run: Run) -> None:
    async def main() -> None:
        async with supervised(STAYS, stall_timeout=0.2) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.ready, "its device")
            os.kill(program.pids[0], signal.SIGSTOP)
            await until(lambda: len(program.pids) == 2 and supervisor.ready, "a new one")
            assert supervisor.restarts["hung"] == 1
            assert "has been stopped (SIGSTOP)" in supervisor.last_error

    run(main())


def test_one_that_stands_stopped_for_a_moment_is_not_hung() -> None:
    async def main() -> None:
        async with supervised(STAYS, stall_timeout=30.0) as (supervisor, program):
            supervisor.start()
            await until(lambda: supervisor.ready, "its device")
            for _ in range(3):
                os.kill(program.pids[0], signal.SIGSTOP)
                await until(lambda: supervisor._stopped_since is not None, "a look at it")
                os.kill(program.pids[0], signal.SIGCONT)
                await until(lambda: supervisor._stopped_since is None, "another")
            assert supervisor.state is State.RUNNING
            assert sum(supervisor.restarts.values()) == 0

    asyncio.run(main())


def test_garbage_and_hung_are_told_by_who_reads() -> None:
    async def main() -> None:
        async with supervised(STAYS) as (supervisor, program):
            supervisor.start()
            for count, (tell, reason) in enumerate([(supervisor.garbage, "garbage"), (supervisor.hung, "hung")], 1):
                await until(lambda: supervisor.ready, "its device")
                tell(f"the text of {reason}")
                assert supervisor.last_error == f"the text of {reason}"
                await until(functools.partial(more_than, program, count), "a new one")
            assert supervisor.restarts == {"exit": 0, "signal": 0, "hung": 1, "garbage": 1, "manual": 0}

    asyncio.run(main())


def test_late_is_reported_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        quiet = replace(QUICK, ready_timeout=0.05)
        async with supervised(["sleep", "1000"], quiet) as (supervisor, program):
            supervisor.start()
            await until(lambda: "has defined no device within 0.05 s" in caplog.text, "its being late")
            assert (supervisor.state, supervisor.ready) == (State.RUNNING, False)
            assert len(program.pids) == 1
            supervisor.defined()
            assert supervisor.ready

    asyncio.run(main())


def test_a_healthy_run_begins_anew() -> None:
    async def main() -> None:
        policy = replace(QUICK, reset_after=0.05, max_restarts=1)
        async with supervised(["sh", "-c", "echo defined; sleep 0.3; exit 1"], policy) as (supervisor, program):
            supervisor.start()
            await until(lambda: len(program.pids) == 4, "more runs than failures in a row may be")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failure", "state", "text"),
    [
        (CannotStart("no module named nobody"), State.FAILED, "cannot be started: no module named nobody"),
        (
            ZeroDivisionError("division by zero"),
            State.BACKOFF,
            "cannot be started: ZeroDivisionError: division by zero",
        ),
        (OSError("odd"), State.BACKOFF, "cannot be started: odd"),
        (TimeoutError(), State.BACKOFF, "cannot be started: TimeoutError"),
    ],
)
def test_a_start_that_fails(failure: Exception, state: State, text: str) -> None:
    async def main() -> None:
        unit = Played(failure)
        supervisor = played(unit, replace(QUICK, backoff=60))
        supervisor.start()
        await until(lambda: supervisor.last_error, "its failure")
        assert (supervisor.state, supervisor.last_error) == (state, text)
        supervisor.kill()
        assert supervisor.state is State.STOPPED
        assert unit.log == ["start"]

    asyncio.run(main())


def test_what_happens_before_the_start_returns_counts_after_it() -> None:
    async def main() -> None:
        unit = Played()
        supervisor = played(unit, replace(QUICK, policy="never"))

        def at_once() -> None:
            supervisor.defined()
            supervisor.exited(7)

        unit.begin = at_once
        supervisor.start()
        await until(lambda: supervisor.state is State.STOPPED, "its end")
        assert supervisor.last_exit == 7

    asyncio.run(main())


@pytest.mark.parametrize(("hurry", "asked"), [(False, "terminate"), (True, "kill")])
def test_a_stop_while_it_starts(hurry: bool, asked: str) -> None:
    async def main() -> None:
        unit = Played(pid=None)
        unit.gate.clear()
        supervisor = played(unit)
        supervisor.start()
        await until(lambda: unit.log == ["start"], "the start")
        if hurry:
            supervisor.kill()
        else:
            supervisor.begin_stop()
        assert unit.log == ["start"], "there is nobody yet"
        unit.gate.set()
        await until(lambda: len(unit.log) == 2, "what is asked of it")
        assert unit.log[1] == asked
        supervisor.exited(0)
        assert supervisor.state is State.STOPPED

    asyncio.run(main())


def test_one_that_cannot_be_asked_is_killed_after_its_grace(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        class Raises(Played):
            def terminate(self) -> None:
                raise OSError("the cable is out")

            def kill(self) -> None:
                super().kill()
                supervisor.exited(-9)
                raise OSError("and stays out")

        unit = Raises()
        supervisor = played(unit, replace(QUICK, stop_grace=0.05))
        supervisor.start()
        await until(lambda: supervisor.state is State.RUNNING, "its start")
        supervisor.begin_stop()
        await until(lambda: supervisor.state is State.STOPPED, "its end")
        assert unit.log == ["start", "kill"]

    asyncio.run(main())
    assert "the cable is out" in caplog.text and "and stays out" in caplog.text


def test_one_that_cannot_be_killed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inditree.supervise.table.KILL_MARGIN", 0.05)
    monkeypatch.setattr("inditree.programs.supervisor.KILL_MARGIN", 0.1)

    async def main() -> None:
        unit = Played()
        supervisor = played(unit, replace(QUICK, stop_grace=0.05))
        supervisor.start()
        await until(lambda: supervisor.state is State.RUNNING, "its start")
        assert not await supervisor.stop(), "still there"
        assert unit.log == ["start", "terminate", "kill"]
        assert supervisor.last_error == "is still there 0.05 s after SIGKILL"
        supervisor.exited(-9)
        assert await supervisor.stop()

    asyncio.run(main())


def test_the_policy_of_an_entry() -> None:
    restart = Restart(policy="on-failure", backoff=2.0, backoff_max=3.0, reset_after=4.0, max_restarts=5)
    driver = Driver(restart=restart, stop_grace=6.0, ready_timeout=7.0)
    assert policy_of(driver) == RestartPolicy("on-failure", 2.0, 3.0, 4.0, 5, 6.0, 7.0)
