"""Tasks that are held, and whose failure is seen."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging

import pytest

from inditree import tasks as module
from inditree.tasks import Tasks
from programs.processes import until
from waiting import DEADLINE


def test_it_is_held_until_it_ends() -> None:
    async def main() -> None:
        tasks = Tasks()
        done = []

        async def work() -> None:
            # Nothing but this frame knows the future: with weak references only, both would be collected.
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.02, future.set_result, 5)
            done.append(await future)

        tasks.start(work(), "work")
        assert len(tasks) == 1
        gc.collect()
        await until(lambda: done == [5], "its end")
        await until(lambda: len(tasks) == 0, "nothing held")

    asyncio.run(main())


def test_the_result_is_for_who_awaits_it() -> None:
    async def main() -> None:
        async def work() -> int:
            return 7

        task = Tasks().start(work(), "seven")
        assert task.get_name() == "seven"
        assert await task == 7

    asyncio.run(main())


def test_a_failure_is_logged_at_once_and_ends_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tasks = Tasks()

        async def work() -> None:
            raise ValueError("a fault of ours")

        other = tasks.start(asyncio.sleep(1000), "other")
        held = tasks.start(work(), "broken")
        await until(lambda: caplog.records, "the log line")
        assert not other.done()
        await tasks.close()
        assert other.cancelled()
        assert held.done()

    asyncio.run(main())
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "task broken failed")
    assert record.exc_info is not None and isinstance(record.exc_info[1], ValueError)
    assert record.__dict__["event"] == "task_failed"


def test_a_cancelled_one_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tasks = Tasks()
        tasks.start(asyncio.sleep(1000), "sleeper").cancel()
        await until(lambda: not tasks, "its end")

    asyncio.run(main())
    assert not caplog.records


def test_close_waits_for_those_that_clean_up_and_for_those_they_start() -> None:
    async def main() -> None:
        tasks = Tasks()
        log: list[str] = []

        async def second() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                log.append("second")

        async def first() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                tasks.start(second(), "second")
                await asyncio.sleep(0.01)  # something to put in order
                log.append("first")

        tasks.start(first(), "first")
        await asyncio.sleep(0)
        await tasks.close()
        assert sorted(log) == ["first", "second"]
        assert len(tasks) == 0

    asyncio.run(main())


def test_one_of_them_may_close_the_rest() -> None:
    async def main() -> None:
        tasks = Tasks()
        other = tasks.start(asyncio.sleep(1000), "other")
        await asyncio.wait_for(tasks.start(tasks.close(), "closer"), DEADLINE)
        assert other.cancelled()

    asyncio.run(main())


def test_one_that_does_not_end_is_named_and_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WAIT", 0.05)

    async def main() -> None:
        tasks, ends = Tasks(), asyncio.Event()

        async def deaf() -> None:
            while not ends.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await ends.wait()

        held = tasks.start(deaf(), "deaf")
        other = tasks.start(asyncio.sleep(1000), "other")
        await asyncio.sleep(0)
        await asyncio.wait_for(tasks.close(), DEADLINE)
        assert other.cancelled() and not held.done()
        assert "does not end, and is left: deaf" in caplog.text
        ends.set()
        await held

    asyncio.run(main())
