"""A driver object that blocks the loop is noticed and named."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from inditree.counters import Counters
from inditree.ops import blocked_loop
from inditree.ops.blocked_loop import BlockWatch
from inditree.ops.lag import INTERVAL, LagMeter
from ipydriver.servers import Dial, becomes, dial, serving, turn
from live import Client
from programs.processes import both_loops

Run = Callable[[Coroutine[Any, Any, None]], None]
PATIENCE = 10.0


class Gate(logging.Handler):
    """Opens when the loop is said to be blocked: so nothing blocks longer than it must."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.__dict__.get("event") in ("loop_blocked", "loop_turns"):
            self.records.append(record)
            self.opened.set()

    @property
    def events(self) -> list[str]:
        return [record.__dict__["event"] for record in self.records]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setattr(blocked_loop, "BLOCKED", 0.3)
    monkeypatch.setattr(blocked_loop, "LOOK", 0.05)
    handler = Gate()
    logging.getLogger("inditree").addHandler(handler)
    yield handler
    logging.getLogger("inditree").removeHandler(handler)


class Sleeper(Dial):
    """Does what a driver must not do."""

    async def rxevent(self, event: Any) -> None:
        how = self.driverdata["how"]
        if how == "at once":
            self.driverdata["gate"].opened.wait(PATIENCE)
        elif how == "background":
            self.add_background(self.work())
        else:
            self.driverdata["task"] = asyncio.get_running_loop().create_task(self.work())

    async def work(self) -> None:
        self.driverdata["gate"].opened.wait(PATIENCE)


def command(port: int) -> None:
    with Client(port) as client:
        client.ask()
        client.take("<defNumberVector[^>]*device=.Sleeper.")
        client.send(turn("Sleeper", 1))
        client.ping()


@both_loops
@pytest.mark.parametrize(("how", "place"), [("at once", "rxevent"), ("background", "work"), ("own task", "work")])
def test_the_driver_is_named(run: Run, gate: Gate, how: str, place: str) -> None:
    async def main() -> None:
        async with serving([dial("Quiet"), dial("Sleeper", Sleeper, how=how, gate=gate), dial("Twin", Sleeper)]) as (
            _,
            port,
        ):
            await asyncio.to_thread(command, port)
            await becomes(lambda: gate.events == ["loop_blocked", "loop_turns"], "it is over")

    run(main())
    record = gate.records[0]
    assert record.levelno == logging.WARNING
    # A task that the driver started by itself is known by the file only, of which there are two drivers.
    assert record.__dict__["driver"] == ("Sleeper or Twin" if how == "own task" else "Sleeper")
    assert f"Sleeper.{place} (test_blocked.py:" in record.getMessage()


@both_loops
def test_what_is_no_driver_is_not_blamed_on_one(run: Run, gate: Gate) -> None:
    async def main() -> None:
        async with serving([dial("Quiet", Sleeper)]):
            asyncio.get_running_loop().call_soon(gate.opened.wait, PATIENCE)
            await becomes(lambda: "loop_turns" in gate.events, "it is over")

    run(main())
    record = gate.records[0]
    assert record.__dict__["driver"] is None
    assert "something blocks the event loop" in record.getMessage()
    assert "Condition.wait (threading.py:" in record.getMessage()


def test_a_process_that_was_stopped_blames_nobody() -> None:
    async def main() -> None:
        lag = LagMeter(Counters())
        asked: list[object] = []
        watch = BlockWatch(lag, lambda task, files: asked.append(files))
        watch._loop = asyncio.new_event_loop()
        now = lag.last_turn = time.monotonic()
        watch._look(now + INTERVAL + 5, overslept=True)
        assert not asked
        watch._look(now + INTERVAL + 5, overslept=False)
        assert len(asked) == 1
        watch._look(now + INTERVAL + 6, overslept=False)
        assert len(asked) == 1, "once for each stop"
        watch._loop.close()

    asyncio.run(main())
