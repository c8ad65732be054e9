from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

import pytest

from inditree.config import Log
from inditree.config.structs import Parts
from inditree.ops import logs, queued
from inditree.ops.logs import MAX_REMEMBERED, REPEAT_WINDOW, JsonFormatter, Repeats, TextFormatter, setup
from inditree.transport.traffic import log, shortened


@pytest.fixture
def clean() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("inditree")
    before = root.handlers[:], root.level, ours.level
    yield
    logs.finish()
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
        text = "refused (5 times more, last at 22:13:20)"
        assert (summary.getMessage(), vars(summary)["repeated"]) == (text, 5)
        assert repeats.filter(record("refused", event="e"))
    finally:
        repeats.flush()
    assert len(told) == 1


def test_what_was_counted_last_is_said_too() -> None:
    told: list[logging.LogRecord] = []
    repeats = Repeats(told.append)
    assert repeats.filter(record("x")) and not repeats.filter(record("x"))
    repeats.flush()
    assert [each.getMessage() for each in told] == ["x (once more, last at 22:13:20)"]


def test_one_text_about_many_peers_is_not_remembered_for_each() -> None:
    repeats = Repeats(lambda _: None)
    for number in range(3 * MAX_REMEMBERED):
        repeats.filter(record("hung up", peer=f"client {number}"))
    repeats.flush()
    assert len(repeats._latest) <= MAX_REMEMBERED + 1


def test_what_comes_and_goes_is_said_in_its_order() -> None:
    """That a device is there again is no repetition, where it was lost between; a device that flaps is counted."""
    repeats = Repeats(lambda _: None)
    there, lost = record("there", device="Mount"), record("lost", device="Mount")
    assert [repeats.filter(each) for each in (there, record("other", device="Dome"), there)] == [True, True, False]
    repeats.flush()
    said = [repeats.filter(each) for each in (there, lost) * 10]
    assert said == [True] * 8 + [False] * 12
    repeats.flush()
    assert [repeats.filter(record(each)) for each in "xyxy"] == [True, True, False, False]
    repeats.flush()
    assert not repeats._latest


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
    logs.finish()
    assert "linked" in text.getvalue() and "ready" not in text.getvalue() and "again" not in text.getvalue()


def test_setup_writes_to_one_place_only(clean: None) -> None:
    first, second = io.StringIO(), io.StringIO()
    setup(Log(level="info", format="text"), stream=first)
    setup(Log(level="warning", format="json"), {"traffic": "debug"}, stream=second)
    logging.getLogger("inditree.server").info("quiet")
    logging.getLogger("inditree.server").warning("loud", extra={"event": "e", "peer": "p"})
    logging.getLogger("somebody").debug("not ours")
    log("RX", b"<getProperties version='1.7'/>\n", peer="10.0.0.5:4711")
    logs.finish()
    assert first.getvalue() == ""
    lines = [json.loads(line) for line in second.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["loud", "RX:: <getProperties version='1.7'/> [10.0.0.5:4711]"]
    assert lines[0]["peer"] == "p" and lines[1]["event"] == "traffic"


def test_long_values_are_cut() -> None:
    value = b"x" * 100
    assert shortened(b"<oneText name='a'>" + value + b"</oneText>") == f"<oneText name='a'>{'x' * 80}...(100)</oneText>"
    assert len(shortened(b"<a/>" * 10_000)) < 2050


@pytest.fixture
def stuck(clean: None) -> Iterator[tuple[int, TextIO]]:
    """A pipe that nobody reads, full; its reading end, and what writes to it."""
    before = set(threading.enumerate())
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)
    os.set_blocking(writing, True)
    with open(writing, "w") as stream:  # noqa: PTH123
        yield reading, stream
        with contextlib.suppress(OSError):
            os.close(reading)  # so that the thread ends
        logs.finish()
        for thread in set(threading.enumerate()) - before:
            thread.join(10)


def say_much(stream: TextIO) -> None:
    """More lines than may wait for who reads them."""
    setup(Log(level="info"), stream=stream)
    logger = logging.getLogger("inditree.server")
    for number in range(2000):
        logger.info("line %d", number)


def test_a_reader_that_has_stopped_stops_nobody_and_lines_are_counted(
    stuck: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queued, "MAX_BYTES", 10_000)
    say_much(stuck[1])
    assert 100 < logs.lost() < 2000
    logs.finish()  # what waits is given up: nothing here is stopped for good


def test_lines_keep_their_order_and_say_where_some_are_lost(
    stuck: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queued, "MAX_BYTES", 10_000)
    say_much(stuck[1])
    lost = logs.lost()
    got = b""
    while got.count(b"\n") < 2000 - lost:  # the reader is back
        got += os.read(stuck[0], 65536)
    logging.getLogger("inditree.server").info("line 2000")
    logs.finish()
    got += os.read(stuck[0], 65536)
    lines = got.lstrip(b".").decode().splitlines()
    numbers = [int(line.rsplit(" ", 1)[1]) for line in lines if " line " in line]
    assert numbers == [*range(2000 - lost), 2000]
    assert f"{lost} lines are lost here" in lines[-2]


def test_what_waits_is_written_at_the_end(clean: None, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        setup(Log(level="info"), stream=stream)
        for number in range(3000):
            logging.getLogger("inditree.server").info("line %d", number)
        logs.finish()
    assert len((tmp_path / "log").read_text().splitlines()) == 3000


FORMATS: tuple[Literal["text", "json"], ...] = ("text", "json")


def test_an_exception_is_whole_in_both_formats(clean: None) -> None:
    for form in FORMATS:
        text = io.StringIO()
        setup(Log(level="info", format=form), stream=text)
        try:
            raise RuntimeError("deep inside")
        except RuntimeError:
            logging.getLogger("inditree.server").exception("failed")
        logs.finish()
        assert "Traceback" in text.getvalue() and "deep inside" in text.getvalue()


def test_a_reload_waits_for_nobody(stuck: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued.QueuedHandler.finish, "__defaults__", (30.0,))  # to write what waits it has a second
    setup(Log(level="info"), stream=stuck[1])
    logging.getLogger("inditree.server").info("one")
    began = time.monotonic()
    setup(Log(level="debug", format="json"), stream=stuck[1])
    assert time.monotonic() - began < 15


def test_no_thread_for_repetitions_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", none)
    told: list[logging.LogRecord] = []
    repeats = Repeats(told.append)
    assert [repeats.filter(record("x")) for _ in range(3)] == [True, False, False]
    repeats.flush()
    assert [each.getMessage() for each in told] == ["x (2 times more, last at 22:13:20)"]


def test_a_handler_without_a_lock_is_entered_as_python_313_enters_it() -> None:
    out = io.StringIO()
    sink = queued.StreamSink(out)
    assert sink.lock is not None
    with sink.lock:  # what Handler.handle does since 3.13, without asking whether there is one
        sink.emit(record("written"))
    sink.acquire()
    sink.release()
    assert out.getvalue() == "written\n"


def test_a_line_that_cannot_be_written_is_counted_and_the_next_one_comes(tmp_path: Path) -> None:
    class Picky(queued.StreamSink):
        def emit(self, each: logging.LogRecord) -> None:
            if each.getMessage() == "bad":
                raise TypeError("internal error")
            super().emit(each)

    with (tmp_path / "log").open("w") as file:
        handler = queued.QueuedHandler(Picky(file))
        for text in ("bad", "good"):
            handler.handle(record(text))
        handler.finish()
    assert (tmp_path / "log").read_text() == "good\n"
    assert handler.lost == 1


def test_a_line_that_cannot_be_made_is_counted_and_nothing_is_written_past_the_queue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What logging itself says of it goes to stderr at once: where nobody reads that, it would stop the router."""
    handler = queued.QueuedHandler(queued.StreamSink(io.StringIO()))
    wrong = record("one")
    wrong.msg, wrong.args = "%d", ("not a number",)
    handler.handle(wrong)
    handler.handle(record("good"))
    handler.finish()
    assert handler.lost == 1
    assert capsys.readouterr().err == ""
