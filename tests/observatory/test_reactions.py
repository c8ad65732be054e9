"""A reaction runs once when its condition has held: histories on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inditree.commands import Outcome
from inditree.observatory.conditions import parse
from inditree.observatory.reactions import RETRY, Action, Reaction, State, Watch

PARK = Action("Mount", "TELESCOPE_PARK", {"PARK": "On"})
CLOSE = Action("Dome", "DOME_SHUTTER", {"SHUTTER_CLOSE": "On"}, wait=60)
OK, ALERT = Outcome("ok", "Ok", 1.0), Outcome("alert", "Alert", 1.0, ("stuck",))
GONE = Outcome("undeliverable", "", 0.0)


def watch(*steps: Action, when: str = '"W.RAIN.NOW" > 0', unknown: bool = True) -> Watch:
    return Watch(Reaction("wet", parse(when), steps or (PARK, CLOSE), unknown=unknown), 0.0)


def running(*steps: Action) -> Watch:
    found = watch(*steps)
    found.judge(False, 0)
    found.judge(True, 100)
    assert found.passed(110) is found.reaction.steps[0]
    return found


def test_it_runs_when_the_condition_has_held() -> None:
    wet = watch()
    assert wet.judge(False, 0) is None
    assert wet.judge(True, 5) is None
    assert (wet.state, wet.due()) == (State.WAITING, 15)
    assert wet.passed(14.9) is None
    assert wet.passed(15) is PARK
    states = [wet.state]
    assert wet.ended(OK, 20) is CLOSE
    assert wet.ended(OK, 30) is None
    states.append(wet.state)
    assert states == [State.RUNNING, State.DONE]
    assert wet.last is not None and (wet.last.result, wet.last.seconds, wet.last.failures) == ("ok", 15, ())


def test_not_when_it_was_false_in_between() -> None:
    wet = watch()
    wet.judge(False, 0)
    wet.judge(True, 5)
    wet.judge(False, 9)
    assert wet.state is State.ARMED
    wet.judge(True, 10)
    assert wet.passed(19) is None
    assert wet.passed(20) is PARK


def test_once_until_it_has_been_false_again() -> None:
    wet = running(PARK)
    wet.ended(OK, 111)
    assert wet.judge(True, 500) is None
    assert wet.judge(None, 600) is None  # unknown is not false
    before = wet.state
    wet.judge(False, 700)
    assert (before, wet.state) == (State.DONE, State.ARMED)
    wet.judge(True, 701)
    assert wet.passed(711) is PARK


def test_steps_run_to_their_end_though_the_sky_clears() -> None:
    wet = running(PARK, CLOSE)
    assert wet.judge(False, 112) is None
    assert wet.ended(OK, 113) is CLOSE
    wet.ended(OK, 114)
    assert wet.state is State.ARMED  # it was false meanwhile


def test_unknown_counts_as_holding_once_armed() -> None:
    wet = watch()
    wet.judge(False, 0)
    wet.judge(None, 5)
    assert wet.passed(15) is PARK
    careless = watch(unknown=False)
    careless.judge(False, 0)
    assert careless.judge(None, 5) is None
    assert careless.state is State.ARMED


def test_where_unknown_does_not_count_it_ends_the_waiting() -> None:
    careless = watch(unknown=False)
    careless.judge(False, 0)
    careless.judge(True, 1)
    careless.judge(None, 5)
    assert careless.passed(11) is None
    careless.judge(True, 12)
    assert careless.passed(21) is None
    assert careless.passed(22) is PARK


def test_unknown_from_the_start_arms_after_the_grace() -> None:
    wet = watch()
    assert wet.judge(None, 0) is None
    assert (wet.state, wet.due()) == (State.UNARMED, 60)
    assert wet.passed(60) is None
    assert wet.state is State.WAITING
    assert wet.passed(70) is PARK


def test_rain_at_the_start_is_known() -> None:
    wet = watch()
    wet.judge(True, 1)
    assert wet.passed(11) is PARK


def test_nobody_at_the_start_is_no_reason_to_park() -> None:
    nobody = watch(when='clients("*") == 0')
    nobody.judge(True, 1)
    before = nobody.state
    nobody.judge(False, 30)
    assert (before, nobody.state) == (State.UNARMED, State.ARMED)
    late = watch(when='clients("*") == 0')
    late.judge(True, 1)
    assert late.passed(60) is None
    assert late.passed(70) is PARK  # nobody came within the grace


def test_a_failed_step_goes_on_or_stops() -> None:
    wet = running(PARK, CLOSE)
    assert wet.ended(ALERT, 111) is CLOSE
    wet.ended(OK, 112)
    assert wet.last is not None
    assert (wet.last.result, wet.last.failures) == ("failed", ("Mount.TELESCOPE_PARK: stuck",))
    strict = running(Action("Mount", "TELESCOPE_PARK", {"PARK": "On"}, stop_on_failure=True), CLOSE)
    assert strict.ended(ALERT, 111) is None
    assert strict.last is not None and strict.last.result == "stopped"


def test_a_step_that_takes_too_long_has_failed() -> None:
    wet = running(CLOSE, PARK)
    assert wet.due() == 170
    assert wet.passed(169) is None
    assert wet.passed(170) is PARK
    wet.ended(OK, 171)
    assert wet.last is not None and wet.last.failures == ("Dome.DOME_SHUTTER: not done in 60 s",)


def test_a_device_that_is_not_there_is_waited_for() -> None:
    wet = running(CLOSE)
    assert wet.ended(GONE, 110) is None
    assert wet.due() == 110 + RETRY
    assert wet.passed(110 + RETRY) is CLOSE
    wet.ended(GONE, 116)
    wet.passed(121)
    wet.ended(OK, 125)
    assert wet.last is not None and wet.last.result == "ok"
    gone = running(CLOSE)
    gone.ended(GONE, 168)
    assert gone.last is not None and gone.last.failures == ("Dome.DOME_SHUTTER: undeliverable",)


def test_by_hand() -> None:
    wet = watch()
    assert wet.run(1) is PARK
    assert wet.run(2) is None
    assert not wet.reset()
    wet.ended(OK, 3)
    wet.ended(OK, 4)
    before = wet.state
    assert wet.reset()
    assert (before, wet.state) == (State.DONE, State.ARMED)


@pytest.mark.parametrize("unknown", [True, False])
@given(history=st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0.1, 40)), max_size=40))
def test_it_never_runs_twice_without_having_been_false(unknown: bool, history: list[tuple[bool | None, float]]) -> None:
    wet, now, since_false, ran = watch(PARK, unknown=unknown), 0.0, False, 0
    for holds, after in history:
        for step in (wet.passed(now), wet.judge(holds, now)):
            if step is not None:
                assert ran == 0 or since_false
                ran, since_false = ran + 1, False
                wet.ended(OK, now)
        since_false |= holds is False
        now += after
