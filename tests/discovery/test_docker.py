"""Discovery against an engine that starts, stops and renames containers, and breaks."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

import waiting
from discovery.fake_engine import FakeEngine, container
from inditree.config import Docker, Remote
from inditree.discovery.docker import DockerDiscovery, Pace

# The SDK leaves a socket that could not connect to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PACE = Pace(throttle=0.05, relist=30.0, retry=0.05, retry_longest=0.1, timeout=1.0, stop=5.0)


class Watch:
    """What was told, and waiting for it."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.told: list[dict[str, Remote]] = []

    def names(self) -> list[str]:
        return sorted(self.told[-1]) if self.told else []

    async def until(self, holds: Callable[[], bool]) -> None:
        await waiting.becomes(holds, lambda: (self.told[-3:], self.engine.asked[-9:]))

    async def subscribed(self) -> None:
        await self.until(lambda: bool(self.engine.streams))


@pytest.fixture(params=["unix", "tcp"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    made = FakeEngine(tmp_path / "engine.sock" if request.param == "unix" else None)
    monkeypatch.setenv("DOCKER_HOST", made.url)
    for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.close()


def discover(engine: FakeEngine, work: Callable[[Watch], Awaitable[None]], pace: Pace = PACE) -> Watch:
    """Run `work` beside a discovery; at the end no thread of it may be left."""
    watch = Watch(engine)

    async def run() -> None:
        discovery = DockerDiscovery(Docker(), watch.told.append, pace=pace)
        discovery.start()
        try:
            await work(watch)
        finally:
            await discovery.stop()
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("docker ")]

    asyncio.run(run())
    gc.collect()
    return watch


def test_containers_come_go_and_change(engine: FakeEngine) -> None:
    async def work(watch: Watch) -> None:
        engine.rows = [container("dome")]
        engine.event()
        await watch.until(lambda: watch.names() == ["dome"])
        engine.rows = [container("dome"), container("pier", "true", "10.5.0.3")]
        engine.event()
        await watch.until(lambda: watch.names() == ["dome", "pier"])
        engine.rows = [container("roof"), container("pier", "7700", "10.5.0.3")]
        engine.event("rename")
        await watch.until(lambda: watch.names() == ["pier", "roof"])
        assert watch.told[-1]["pier"].port == 7700
        engine.rows = []
        engine.event("die")
        await watch.until(lambda: watch.names() == [])

    watch = discover(engine, work)
    assert len(watch.told) <= 4


def test_it_subscribes_before_it_lists_and_to_what_matters(engine: FakeEngine) -> None:
    engine.rows = [container("dome")]

    async def work(watch: Watch) -> None:
        await watch.until(lambda: watch.names() == ["dome"])

    discover(engine, work)
    assert engine.asked.index("/events") < engine.asked.index("/containers/json")
    assert "exec_start" not in engine.filters["event"] and {"start", "die"} <= set(engine.filters["event"])


def test_a_storm_of_events_is_few_lists(engine: FakeEngine) -> None:
    async def work(watch: Watch) -> None:
        await watch.subscribed()
        await watch.until(lambda: engine.listed() == 1)
        for number in range(300):
            engine.rows = [container(f"c{number}")]
            engine.event()
        await watch.until(lambda: watch.names() == ["c299"])

    discover(engine, work)
    assert engine.listed() <= 5


def test_after_a_broken_stream_it_lists_anew(engine: FakeEngine) -> None:
    engine.rows = [container("dome")]

    async def work(watch: Watch) -> None:
        await watch.until(lambda: watch.names() == ["dome"])
        engine.rows = [container("pier")]  # no event tells of it
        engine.cut()
        await watch.until(lambda: watch.names() == ["pier"])

    discover(engine, work)


def test_a_stream_that_died_without_a_sign_is_made_up_for(engine: FakeEngine) -> None:
    async def work(watch: Watch) -> None:
        await watch.until(lambda: engine.listed() == 1)
        engine.rows = [container("dome")]
        await watch.until(lambda: watch.names() == ["dome"])

    discover(engine, work, Pace(throttle=0.01, relist=0.1))


def test_what_is_linked_stays_while_the_engine_is_away(engine: FakeEngine, caplog: pytest.LogCaptureFixture) -> None:
    engine.rows = [container("dome")]

    async def work(watch: Watch) -> None:
        await watch.until(lambda: watch.names() == ["dome"])
        with caplog.at_level(logging.DEBUG, "inditree.discovery"):
            engine.close()
            await watch.until(lambda: caplog.text.count("keeping the links that are there") >= 3)
            assert [set(each) for each in watch.told] == [{"dome"}]
            engine.rows = [container("dome"), container("pier")]
            engine.open()
            await watch.until(lambda: watch.names() == ["dome", "pier"])
            await watch.until(lambda: "the engine answers again" in caplog.text)

    discover(engine, work)
    levels = [
        record.levelname for record in caplog.records if "keeping the links that are there" in record.getMessage()
    ]
    assert levels[0] == "WARNING" and set(levels[1:]) == {"DEBUG"}


def test_an_engine_that_fails_to_list_changes_nothing(engine: FakeEngine) -> None:
    engine.rows = [container("dome")]

    async def work(watch: Watch) -> None:
        await watch.until(lambda: watch.names() == ["dome"])
        engine.broken.set()
        engine.event()
        before = engine.listed()
        await watch.until(lambda: engine.listed() >= before + 3)
        assert watch.names() == ["dome"]
        engine.rows = [container("pier")]
        engine.broken.clear()
        await watch.until(lambda: watch.names() == ["pier"])

    watch = discover(engine, work)
    assert [set(each) for each in watch.told] == [{"dome"}, {"pier"}]


def test_an_engine_that_stands_still_is_tried_again(engine: FakeEngine) -> None:
    engine.frozen.set()
    engine.rows = [container("dome")]

    async def work(watch: Watch) -> None:
        await watch.until(lambda: len(engine.asked) >= 2)
        engine.frozen.clear()
        await watch.until(lambda: watch.names() == ["dome"])

    discover(engine, work, Pace(throttle=0.01, retry=0.05, timeout=0.2, stop=5.0))


def test_without_an_engine_it_waits_for_one(engine: FakeEngine) -> None:
    engine.close()

    async def work(watch: Watch) -> None:
        engine.rows = [container("dome")]
        engine.open()
        await watch.until(lambda: watch.names() == ["dome"])

    discover(engine, work)


def test_after_stop_nothing_is_told(engine: FakeEngine) -> None:
    watch = Watch(engine)

    async def run() -> None:
        discovery = DockerDiscovery(Docker(), watch.told.append, pace=PACE)
        discovery.start()
        await watch.subscribed()
        await discovery.stop()
        engine.rows = [container("dome")]
        engine.event()
        await discovery.stop()

    asyncio.run(run())
    assert watch.told == []


@pytest.mark.parametrize("cleanly", [True, False])
def test_ended_streams_leave_no_descriptors(engine: FakeEngine, cleanly: bool) -> None:
    """Without the garbage collector, which may not run for hours in a quiet router."""

    async def work(watch: Watch) -> None:
        counts = []
        for number in range(12):
            engine.rows = [container(f"c{number}")]
            await watch.subscribed()
            engine.cut(cleanly=cleanly)
            await watch.until(lambda: watch.names() == [engine.rows[0]["Names"][0][1:]])
            counts.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        assert max(counts[6:]) <= max(counts[:6]) + 2, counts

    gc.disable()
    try:
        discover(engine, work)
    finally:
        gc.enable()
