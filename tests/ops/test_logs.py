from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from inditree.config import Log
from inditree.config.structs import Parts
from inditree.ops import logs
from inditree.ops.logs import REPEAT_WINDOW, JsonFormatter, Repeats, TextFormatter, setup
from inditree.transport.traffic import log, shortened


@pytest.fixture
def clean() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("inditree")
    before = root.handlers[:], root.level, ours.level
    yield
    for handler in [each for each in root.handlers if each.get_name() == "inditree"]:
        root.removeHandler(handler)
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.getLogger("inditree.traffic").setLevel(logging.NOTSET)


def record(text: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("inditree.driver", logging.WARNING, __file__, 1, text, (), None)
    made.__dict__.update(fields)
    made.created = 1.7e9 + 0.25
    return made


def test_json_lines() -> None:
    line = JsonFormatter().format(record('ccd: said "no"\n', event="stderr", driver="ccd", count=3, what=None))
    assert "\n" not in line
    assert json.loads(line) == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "inditree.driver",
        "event": "stderr",
        "message": 'ccd: said "no"\n',
        "driver": "ccd",
        "count": 3,
    }


def test_text_lines_cannot_be_forged() -> None:
    line = TextFormatter().format(record("one\n2023 ERROR two \x1b[2Jwiped", event="x"))
    assert line == "2023-11-14T22:13:20.250Z WARNING driver: one\\n2023 ERROR two \\x1b[2Jwiped"


def test_tracebacks_are_kept() -> None:
    made = record("failed")
    try:
        raise RuntimeError("deep inside")
    except RuntimeError:
        made.exc_info = sys.exc_info()
    assert TextFormatter().format(made).splitlines()[-1] == "RuntimeError: deep inside"
    assert "RuntimeError: deep inside" in json.loads(JsonFormatter().format(made))["traceback"]


def test_what_is_repeated_is_counted() -> None:
    told: list[logging.LogRecord] = []
    now = [0.0]
    repeats = Repeats(told.append, clock=lambda: now[0])
    try:
        assert repeats.filter(record("refused", event="e"))
        assert [repeats.filter(record("refused", event="e")) for _ in range(5)] == [False] * 5
        assert repeats.filter(record("refused", event="another"))
        assert repeats.filter(record("another text", event="e"))
        assert told == []
        now[0] = REPEAT_WINDOW
        assert repeats.filter(record("something else"))
        (summary,) = told
        assert (summary.getMessage(), vars(summary)["repeated"]) == ("refused (5 times more)", 5)
        assert repeats.filter(record("refused", event="e"))
    finally:
        repeats.flush()
    assert len(told) == 1


def test_what_was_counted_last_is_said_too() -> None:
    told: list[logging.LogRecord] = []
    repeats = Repeats(told.append)
    assert repeats.filter(record("x")) and not repeats.filter(record("x"))
    repeats.flush()
    assert [each.getMessage() for each in told] == ["x (1 times more)"]


def test_the_timer_says_it_where_nothing_else_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(logs, "REPEAT_WINDOW", 0.05)
    said = threading.Event()
    repeats = Repeats(lambda _: said.set())
    assert repeats.filter(record("x")) and not repeats.filter(record("x"))
    assert said.wait(10)
    repeats.flush()


def test_a_part_has_a_level_of_its_own_until_the_next_setup(clean: None) -> None:
    text = io.StringIO()
    setup(Log(level="warning", parts=Parts(link="info")), stream=text)
    logging.getLogger("inditree.link").info("linked")
    logging.getLogger("inditree.driver").info("ready")
    setup(Log(level="warning"), stream=text)
    logging.getLogger("inditree.link").info("linked again")
    assert "linked" in text.getvalue() and "ready" not in text.getvalue() and "again" not in text.getvalue()


def test_setup_writes_to_one_place_only(clean: None) -> None:
    first, second = io.StringIO(), io.StringIO()
    setup(Log(level="info", format="text"), stream=first)
    setup(Log(level="warning", format="json"), {"traffic": "debug"}, stream=second)
    logging.getLogger("inditree.server").info("quiet")
    logging.getLogger("inditree.server").warning("loud", extra={"event": "e", "peer": "p"})
    logging.getLogger("somebody").debug("not ours")
    log("RX", b"<getProperties version='1.7'/>\n", peer="10.0.0.5:4711")
    assert first.getvalue() == ""
    lines = [json.loads(line) for line in second.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["loud", "RX:: <getProperties version='1.7'/> [10.0.0.5:4711]"]
    assert lines[0]["peer"] == "p" and lines[1]["event"] == "traffic"


def test_long_values_are_cut() -> None:
    value = b"x" * 100
    assert shortened(b"<oneText name='a'>" + value + b"</oneText>") == f"<oneText name='a'>{'x' * 80}...(100)</oneText>"
    assert len(shortened(b"<a/>" * 10_000)) < 2050
