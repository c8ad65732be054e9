"""What drivers say on stderr, in the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from inditree.programs import stderr
from inditree.programs.process import close_guardian, spawn
from inditree.programs.stderr import LAST_LIMIT, LINE_LIMIT, LINES_AT_ONCE, LINES_PER_SECOND, StderrLog
from programs.processes import both_loops, descriptors, ended, python, until

Run = Callable[[Coroutine[Any, Any, None]], None]


@contextlib.asynccontextmanager
async def fed(level: int = logging.ERROR) -> AsyncIterator[tuple[StderrLog, int]]:
    """A log and the descriptor that it hears."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    log = StderrLog("ccd", level)
    log.attach(read)
    try:
        yield log, write
    finally:
        log.detach()
        os.close(write)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@both_loops
def test_lines_of_a_real_program(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        before = descriptors()
        log = StderrLog("ccd", logging.WARNING)
        child = await spawn(["sh", "-c", "echo one >&2; echo >&2; printf 'two\\r\\nlast' >&2"])
        log.attach(child.stderr)
        assert await ended(child) == 0
        await until(lambda: log.lines == 4, "its last words")
        os.close(child.stdin)
        os.close(child.stdout)
        await close_guardian()
        assert descriptors() == before, "closed at its end"
        log.detach()

    run(main())
    assert said(caplog) == ["ccd: one", "ccd: two", "ccd: last"]
    record = caplog.records[0]
    assert (record.levelno, record.name) == (logging.WARNING, "inditree.driver")
    assert (record.__dict__["driver"], record.__dict__["event"]) == ("ccd", "stderr")


def test_a_line_may_come_in_pieces(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with fed() as (log, write):
            for piece in (b"ha", b"lf", b" and half\nthe ", b"next\n"):
                os.write(write, piece)
                await asyncio.sleep(0)
                log._read()
            assert log.lines == 2
            assert log.last == "the next"
            os.write(write, b"z" * 1000 + b"\n")
            log._read()
            assert log.last == "z" * LAST_LIMIT
            again, end = os.pipe2(os.O_NONBLOCK)
            log.attach(again)
            assert log.last == "", "the next run has said nothing yet"
            os.close(end)

    asyncio.run(main())
    assert said(caplog)[:2] == ["ccd: half and half", "ccd: the next"]


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_long_line_is_cut(pieces: int, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with fed() as (log, write):
            data = b"x" * 50000 + b"\n" + b"y" * LINE_LIMIT + b"\nshort\n"
            for start in range(0, len(data), len(data) // pieces + 1):
                os.write(write, data[start : start + len(data) // pieces + 1])
                log._read()
            assert log.lines == 3

    asyncio.run(main())
    assert said(caplog) == [f"ccd: {'x' * LINE_LIMIT} [cut]", f"ccd: {'y' * LINE_LIMIT}", "ccd: short"]


def test_a_long_line_without_end_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with fed() as (log, write):
            for _ in range(100):
                os.write(write, b"x" * 40000)
                log._read()
            assert len(log._partial) <= LINE_LIMIT + 1 + 40000
        assert log.lines == 1

    asyncio.run(main())
    assert said(caplog) == [f"ccd: {'x' * LINE_LIMIT} [cut]"]


def test_control_characters_and_bad_bytes_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with fed() as (log, write):
            os.write(write, "\x1b[2J\u202egone\ttab 21°\n".encode() + b"latin \xb0\nover\rwritten\n")
            log._read()

    asyncio.run(main())
    assert said(caplog) == ["ccd: \\x1b[2J\\u202egone\ttab 21°", "ccd: latin \\xb0", "ccd: over\\rwritten"]


@both_loops
def test_a_babbling_driver_cannot_fill_a_disk(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stderr, "NOTE_INTERVAL", 0.1)
    number = 300_000

    async def main() -> None:
        start = time.monotonic()
        log = StderrLog("ccd")
        child = await spawn(python(f"import sys\nfor i in range({number}): sys.stderr.write(f'line {{i}}\\n')"))
        log.attach(child.stderr)
        assert await ended(child) == 0
        await until(lambda: log.lines == number, "all of it")
        os.close(child.stdin)
        os.close(child.stdout)
        await close_guardian()
        log.detach()
        seconds = time.monotonic() - start
        lines = [text for text in said(caplog) if text.startswith("ccd: line ")]
        assert LINES_AT_ONCE <= len(lines) <= LINES_AT_ONCE + LINES_PER_SECOND * seconds + 1
        notes = [text for text in said(caplog) if text not in lines]
        assert 1 <= len(notes) <= seconds / 0.1 + 1
        left_out = sum(int(text.removeprefix("ccd: ... ").removesuffix(" lines more")) for text in notes)
        assert len(lines) + left_out == number, "each is logged or counted as left out"

    run(main())


def test_it_speaks_again_after_a_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with fed() as (log, write):
            os.write(write, b"babble\n" * 1000)
            log._read()
            assert log.lines == 1000
            log._filled -= 1.0  # a second ago
            os.write(write, b"again\n")
            log._read()

    asyncio.run(main())
    texts = said(caplog)
    logged = texts.count("ccd: babble")
    assert LINES_AT_ONCE <= logged < LINES_AT_ONCE + 100  # a busy machine takes long enough for some more
    assert "ccd: again" in texts
    assert texts[-1] == f"ccd: ... {1000 - logged} lines more"


def test_a_new_run_takes_the_place_of_the_last(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        before = descriptors()
        async with fed() as (log, write):
            os.write(write, b"the end of one")
            log._read()
            read, second = os.pipe()
            os.set_blocking(read, False)
            log.attach(read)
            os.write(second, b"the next\n")
            os.close(second)
            await until(lambda: log.lines == 2, "its line")
        assert descriptors() == before

    asyncio.run(main())
    assert said(caplog) == ["ccd: the end of one", "ccd: the next"]


def test_what_it_said_last_is_logged_when_the_next_run_begins(caplog: pytest.LogCaptureFixture) -> None:
    """Its restart comes before the loop has read it, or in the rest after a full read."""

    async def main() -> None:
        async with fed() as (log, write):
            os.write(write, b"why it died\nin two lines")
            read, other = os.pipe()
            os.set_blocking(read, False)
            log.attach(read)
            os.close(other)

    asyncio.run(main())
    assert said(caplog) == ["ccd: why it died", "ccd: in two lines"]
