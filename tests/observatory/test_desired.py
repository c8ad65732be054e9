"""A device is brought to the desired state, step by step: histories on a clock of the test's own."""

from __future__ import annotations

from inditree.commands import Outcome
from inditree.observatory.desired import CONNECT, LONGEST_RETRY, SILENCE, Desire, State, Step, Target, fitting

COOL = Step("CCD_TEMPERATURE", {"CCD_TEMPERATURE_VALUE": "-10"})
GAIN = Step("CCD_CONTROLS", {"Gain": "100", "Offset": "10"})
OK, ALERT = Outcome("ok", "Ok", 1.0), Outcome("alert", "Alert", 1.0, ("no power",))


def target(*steps: Step) -> Target:
    return Target("Cam", Desire("Cam*", steps))


def test_the_first_pattern_that_fits() -> None:
    first, second = Desire("CCD*", (CONNECT,)), Desire("*", ())
    assert fitting((first, second), "CCD Simulator") is first
    assert fitting((first, second), "Mount") is second
    assert fitting((first,), "Mount") is None


def test_steps_in_order_each_when_its_property_is_defined() -> None:
    cam = target(CONNECT, COOL, GAIN)
    assert cam.resume({"CCD_CONTROLS"}, 0) is None
    assert (cam.state, cam.reason) == (State.WAITING, "CONNECTION is not defined yet")
    assert cam.resume({"CONNECTION", "CCD_CONTROLS"}, 1) is CONNECT
    assert cam.resume({"CONNECTION", "CCD_CONTROLS", "CCD_TEMPERATURE"}, 2) is None  # one at a time
    cam.answered(OK, 3)
    assert cam.resume({"CONNECTION", "CCD_CONTROLS"}, 3) is None
    assert cam.resume({"CCD_CONTROLS", "CCD_TEMPERATURE"}, 4) is COOL
    cam.answered(OK, 5)
    assert cam.resume({"CCD_CONTROLS"}, 5) is GAIN
    cam.answered(OK, 6)
    assert (cam.state, cam.reason, cam.due()) == (State.READY, "", None)


def test_nothing_desired_is_ready_at_once() -> None:
    assert target().state is State.READY


def test_what_holds_already_is_not_set() -> None:
    cam = target(CONNECT, COOL)
    cam.holds_already()
    assert cam.resume({"CCD_TEMPERATURE"}, 0) is COOL


def test_alert_is_tried_again_with_growing_pauses() -> None:
    cam = target(COOL)
    assert cam.resume({"CCD_TEMPERATURE"}, 0) is COOL
    now, pauses = 0.0, []
    for _ in range(8):
        cam.answered(ALERT, now)
        assert cam.state is State.RETRYING
        due = cam.due()
        assert due is not None
        pauses.append(due - now)
        assert cam.passed(due - 0.1) is None
        assert cam.passed(due) is COOL
        now = due
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_RETRY, LONGEST_RETRY]
    cam.answered(ALERT, now)
    assert cam.reason == "CCD_TEMPERATURE: no power; set again in 60 s"


def test_silence_is_a_failure_and_busy_is_none() -> None:
    cam = target(COOL)
    cam.resume({"CCD_TEMPERATURE"}, 0)
    assert cam.passed(SILENCE - 1) is None
    assert cam.passed(SILENCE) is None
    assert (cam.state, cam.reason) == (State.RETRYING, "CCD_TEMPERATURE: no answer in 60 s; set again in 1 s")
    assert cam.passed(SILENCE + 1) is COOL
    cam.busy()
    assert cam.due() is None
    assert (cam.passed(SILENCE * 5), cam.state, cam.reason) == (None, State.SETTING, "CCD_TEMPERATURE is Busy")
    cam.answered(OK, SILENCE * 5)
    assert cam.state is State.READY


def test_who_sets_it_meanwhile_decides() -> None:
    cam = target(COOL)
    cam.resume({"CCD_TEMPERATURE"}, 0)
    cam.answered(Outcome("superseded", "", 1.0), 1)
    assert cam.state is State.READY


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    cam = target(COOL)
    cam.answered(OK, 1)
    assert cam.state is State.WAITING
