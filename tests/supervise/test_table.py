"""Histories of one driver, replayed against a played clock."""

from __future__ import annotations

import pytest

from inditree.supervise import (
    TABLE,
    Defined,
    Event,
    Garbage,
    Hung,
    KillNow,
    Restart,
    RestartPolicy,
    SpawnFailed,
    Start,
    State,
    Stop,
    Timer,
)
from supervise.world import World

CRASH_LOOP = RestartPolicy(backoff=1, backoff_max=8, reset_after=60)


def test_a_run_and_its_end() -> None:
    world = World(RestartPolicy())
    world.run()
    assert not world.machine.ready
    world.send(Defined())
    assert world.machine.ready
    world.send(Stop())
    world.expect(State.STOPPING)
    world.exited(0)
    world.expect(State.STOPPED)
    assert world.log == ["spawn", "terminate"]
    assert world.machine.last_exit == 0
    assert not world.machine.ready
    assert not world.timers, "nothing is left to fire"


def test_backoff_doubles_while_runs_are_short() -> None:
    world = World(CRASH_LOOP)
    world.run()
    for expected in (1, 2, 4, 8, 8):
        world.exited(1)
        world.expect(State.BACKOFF)
        assert world.timers[Timer.BACKOFF] - world.now == expected
        world.advance(expected)
        world.expect(State.STARTING)
        world.started()
    assert world.machine.restarts["exit"] == 5


def test_a_healthy_run_resets_the_backoff() -> None:
    world = World(CRASH_LOOP)
    world.run()
    for expected in (1, 2):
        world.exited(1)
        assert world.timers[Timer.BACKOFF] - world.now == expected
        world.advance(expected)
        world.started()
    world.advance(59)
    world.exited(1)
    assert world.timers[Timer.BACKOFF] - world.now == 4, "a second too short for healthy"
    world.advance(4)
    world.started()
    world.advance(60)
    world.exited(1)
    assert world.timers[Timer.BACKOFF] - world.now == 1


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        ("always", 0, State.BACKOFF),
        ("always", 1, State.BACKOFF),
        ("on-failure", 0, State.STOPPED),
        ("on-failure", 3, State.BACKOFF),
        ("on-failure", -11, State.BACKOFF),
        ("never", 0, State.STOPPED),
        ("never", -9, State.STOPPED),
    ],
)
def test_an_exit_by_policy(policy: str, code: int, state: State) -> None:
    world = World(RestartPolicy(policy=policy))  # type: ignore[arg-type]
    world.run()
    world.exited(code)
    world.expect(state)
    assert world.machine.last_exit == code


def test_reasons_are_counted_once_it_runs_again() -> None:
    world = World(RestartPolicy(backoff=1, backoff_max=1))
    world.run()
    world.exited(1)
    assert world.machine.restarts["exit"] == 0
    world.advance(1)
    world.started()
    world.exited(-9)
    world.advance(1)
    world.started()
    world.send(Hung("does not read"))
    world.exited(-15)
    world.advance(1)
    world.started()
    world.send(Garbage("no XML"))
    world.exited(-15)
    world.advance(1)
    world.started()
    world.send(Restart())
    world.exited(0)
    world.started()
    assert world.machine.restarts == {"exit": 1, "signal": 1, "hung": 1, "garbage": 1, "manual": 1}
    assert world.machine.last_error == "no XML", "the reason is kept"


@pytest.mark.parametrize(("code", "text"), [(3, "ended with exit code 3"), (-11, "was ended by signal 11")])
def test_its_last_words_are_kept(code: int, text: str) -> None:
    world = World(RestartPolicy())
    world.run()
    world.exited(code, "cannot open /dev/ttyUSB7")
    world.advance(1)
    world.started()
    assert world.machine.last_error == f"{text}; it said last: cannot open /dev/ttyUSB7"


@pytest.mark.parametrize(("code", "text"), [(0, "ended with exit code 0"), (-11, "was ended by signal 11")])
def test_who_ends_without_a_word_has_its_end_for_an_error(code: int, text: str) -> None:
    world = World(RestartPolicy())
    world.run()
    world.exited(3, "cannot open /dev/ttyUSB7")
    world.advance(1)
    world.started()
    world.exited(code)
    assert world.machine.last_error == text, "what the run before said is none of its words"


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_max_restarts_means_one_start_more(limit: int) -> None:
    world = World(RestartPolicy(backoff=1, backoff_max=1, max_restarts=limit))
    world.run()
    world.exited(1)
    while world.machine.state is State.BACKOFF:
        world.advance(1)
        world.started()
        world.exited(1)
    world.expect(State.FAILED)
    assert world.spawns == limit + 1
    assert world.reports[-1] == "failed"


def test_a_failed_driver_can_be_started_by_hand() -> None:
    world = World(RestartPolicy(max_restarts=0))
    world.run()
    world.exited(1)
    world.expect(State.FAILED)
    world.send(Start())
    world.started()
    world.expect(State.RUNNING)
    world.exited(1)
    world.expect(State.FAILED)


@pytest.mark.parametrize(
    ("policy", "fatal", "state"),
    [
        ("always", False, State.BACKOFF),
        ("on-failure", False, State.BACKOFF),
        ("never", False, State.FAILED),
        ("always", True, State.FAILED),
    ],
)
def test_a_missing_program(policy: str, fatal: bool, state: State) -> None:
    world = World(RestartPolicy(policy=policy))  # type: ignore[arg-type]
    world.send(Start())
    world.spawning = False
    world.send(SpawnFailed("no such file: indi_nothing", fatal))
    world.expect(state)
    assert world.machine.last_error == "no such file: indi_nothing"
    assert world.machine.last_exit is None


def test_it_is_killed_after_the_grace() -> None:
    world = World(RestartPolicy(stop_grace=5))
    world.run()
    world.send(Stop())
    world.advance(4.9)
    assert world.log == ["spawn", "terminate"]
    world.advance(0.1)
    assert world.log == ["spawn", "terminate", "kill"]
    world.advance(60)
    assert world.reports[-1] == "unkillable"
    world.exited(-9)
    world.expect(State.STOPPED)


def test_in_a_hurry_there_is_no_grace() -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(KillNow())
    assert world.log == ["spawn", "kill"]
    world.exited(-9)
    world.expect(State.STOPPED)


def test_a_hurry_overtakes_the_grace() -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(Stop())
    world.send(KillNow())
    assert world.log == ["spawn", "terminate", "kill"]
    assert Timer.GRACE not in world.timers


@pytest.mark.parametrize("events", [[KillNow()], [Stop(), KillNow()]])
def test_in_a_hurry_before_it_has_started(events: list[Event]) -> None:
    world = World(RestartPolicy())
    world.send(Start())
    for event in events:
        world.send(event)
    world.started()
    assert world.log == ["spawn", "kill"], "no grace either"
    world.exited(-9)
    world.expect(State.STOPPED)
    world.run()
    world.send(Stop())
    assert world.log[-1] == "terminate", "the hurry is over"


@pytest.mark.parametrize(("event", "kind"), [(Stop(), "ended"), (Restart(), "ended"), (Hung("."), "exited")])
def test_an_end_that_was_asked_for_is_told_apart(event: Event, kind: str) -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(event)
    world.exited(0)
    assert kind in world.reports


@pytest.mark.parametrize("event", [Hung("does not read"), Garbage("no XML")])
@pytest.mark.parametrize(
    ("policy", "state"),
    [("always", State.BACKOFF), ("on-failure", State.BACKOFF), ("never", State.STOPPED)],
)
def test_hung_and_garbage_by_policy(event: Event, policy: str, state: State) -> None:
    world = World(RestartPolicy(policy=policy))  # type: ignore[arg-type]
    world.run()
    world.send(event)
    assert world.log[-1] == "terminate"
    world.exited(0)  # ending well on SIGTERM does not make the run a good one
    world.expect(state)


def test_a_late_driver_is_reported_and_left_alone() -> None:
    world = World(RestartPolicy(ready_timeout=30))
    world.run()
    world.advance(30)
    assert world.reports == ["not_ready"]
    assert not world.machine.ready
    world.expect(State.RUNNING)
    world.advance(1000)
    assert world.log == ["spawn"]
    assert world.reports == ["not_ready"]
    world.send(Defined())
    assert world.machine.ready


def test_a_restart_by_hand_has_no_backoff() -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(Restart())
    world.exited(0)
    world.expect(State.STARTING)


def test_a_stop_overrules_a_restart_under_way() -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(Restart())
    world.send(Stop())
    world.exited(0)
    world.expect(State.STOPPED)


def test_a_start_overrules_a_stop_under_way() -> None:
    world = World(RestartPolicy())
    world.run()
    world.send(Stop())
    world.send(Start())
    assert world.spawns == 1, "the old one is there still"
    world.exited(0)
    world.expect(State.STARTING)


def test_a_stop_while_it_is_being_started() -> None:
    world = World(RestartPolicy())
    world.send(Start())
    world.send(Stop())
    world.expect(State.STOPPING)
    world.started()
    assert world.log == ["spawn", "terminate"]
    world.exited(-15)
    world.expect(State.STOPPED)


def test_a_stop_during_backoff() -> None:
    world = World(RestartPolicy())
    world.run()
    world.exited(1)
    world.send(Stop())
    world.expect(State.STOPPED)
    world.advance(1000)
    assert world.spawns == 1


def test_every_state_can_be_stopped_and_left() -> None:
    for state in State:
        assert state is State.STOPPED or (state, Stop) in TABLE
        assert any(entry[0] is state for entry in TABLE)
