"""When a command is done: histories of what a driver says after it, on a clock of the test's own."""

from __future__ import annotations

import pytest

from inditree.commands import ANSWER, PATIENCE, Asked, Following, Outcome, same_value

SLEW = Asked("Mount", "COORD", "Number", {"RA": "5.5", "DEC": "-5:23:28"})
THERE = {"RA": "5:30:00", "DEC": "-5.391111"}
ELSEWHERE = {"RA": "1", "DEC": "2"}


def followed(*said: tuple[float, str, dict[str, str], str]) -> Outcome | None:
    """The outcome after these `set*`: seconds after the command, state, values, message."""
    following = Following(SLEW, 100.0)
    for after, state, values, message in said:
        outcome = following.heard(state, values, message, 100.0 + after)
        if outcome:
            return outcome
    return None


@pytest.mark.parametrize(
    ("said", "result", "seconds"),
    [
        ([(0.1, "Busy", ELSEWHERE, ""), (60, "Ok", THERE, "")], "ok", 60),
        ([(0.1, "Busy", ELSEWHERE, ""), (60, "Ok", ELSEWHERE, "")], "ok", 60),
        ([(0.1, "Ok", THERE, "")], "ok", 0.1),
        ([(0.1, "Alert", ELSEWHERE, "below horizon")], "alert", 0.1),
        ([(0.1, "Busy", ELSEWHERE, ""), (9, "Alert", ELSEWHERE, "")], "alert", 9),
        ([(0.1, "Ok", ELSEWHERE, ""), (0.2, "Busy", ELSEWHERE, ""), (7, "Ok", THERE, "")], "ok", 7),
        ([(0.1, "Ok", ELSEWHERE, ""), (1.1, "Alert", ELSEWHERE, "")], "alert", 1.1),
        ([(0.1, "Ok", ELSEWHERE, ""), (ANSWER, "Ok", ELSEWHERE, "")], "ok", ANSWER),
        ([(0.1, "Idle", THERE, "done")], "ok", 0.1),
        ([(3, "Idle", ELSEWHERE, "not connected")], "alert", 3),
        ([(3, "Idle", ELSEWHERE, "")], "ok", 3),
        ([(0.1, "Busy", ELSEWHERE, ""), (5, "Idle", ELSEWHERE, "aborted")], "alert", 5),
    ],
)
def test_histories(said: list[tuple[float, str, dict[str, str], str]], result: str, seconds: float) -> None:
    outcome = followed(*said)
    assert outcome is not None
    assert outcome.result == result
    assert outcome.seconds == pytest.approx(seconds)


def test_a_mount_that_says_where_it_is_has_not_answered() -> None:
    following = Following(SLEW, 0.0)
    assert following.heard("Ok", ELSEWHERE, "", 0.5) is None
    assert following.due() == ANSWER
    assert following.passed(ANSWER - 0.1) is None
    outcome = following.passed(ANSWER)
    assert outcome is not None and (outcome.result, outcome.state) == ("ok", "Ok")


def test_one_that_stays_busy_is_given_up() -> None:
    following = Following(SLEW, 0.0)
    following.heard("Busy", ELSEWHERE, "", 0.1)
    assert following.due() == PATIENCE
    assert following.passed(PATIENCE - 1) is None
    outcome = following.passed(PATIENCE)
    assert outcome is not None and (outcome.result, outcome.state) == ("timeout", "Busy")


def test_silence_is_a_timeout() -> None:
    outcome = Following(SLEW, 0.0).passed(PATIENCE)
    assert outcome is not None and (outcome.result, outcome.state) == ("timeout", "")


def test_messages_are_kept_and_decide_nothing() -> None:
    following = Following(SLEW, 0.0)
    following.said("slewing")
    following.heard("Busy", {}, "off we go", 0.1)
    outcome = following.heard("Ok", THERE, "arrived", 8)
    assert outcome is not None and outcome.messages == ("slewing", "off we go", "arrived")


@pytest.mark.parametrize(
    ("kind", "asked", "said", "same"),
    [
        ("Number", "5.5", "5:30:00", True),
        ("Number", "5.5", " 5.5000 ", True),
        ("Number", "5.5", "5.6", False),
        ("Number", "5.5", None, False),
        ("Number", "1000000", "1000000.4", True),
        ("Number", "x", "x", True),
        ("Switch", "On", "On\n", True),
        ("Switch", "On", "Off", False),
        ("Text", "Ha", "ha", False),
    ],
)
def test_same_value(kind: str, asked: str, said: str | None, same: bool) -> None:
    assert same_value(kind, asked, said) is same
