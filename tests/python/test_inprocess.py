"""An in-process driver that the router closes is ended and started anew: it does not run on, deaf."""

from __future__ import annotations

import asyncio

import pytest

from inditree.config import Driver, Limits, Restart
from inditree.core import Settings
from inditree.counters import Counters
from inditree.python.inprocess import PythonDriver
from inditree.supervise import State
from inditree.transport.engine import Engine
from programs.processes import until


@pytest.mark.parametrize("reason", ["limit", "error", "timeout"])
def test_one_that_is_closed_is_started_anew(reason: str) -> None:
    async def main() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        entry = Driver(name="w", python="inditree_drivers.weather:Weather", restart=Restart(backoff=0.01))
        unit = PythonDriver(engine, entry)
        try:
            unit.supervisor.start()
            await until(lambda: unit.peers and "Py Weather" in engine.core.ownership.owners, "its device")
            (process,) = unit.processes
            engine.core.desk.close(unit.peers[0], reason, "too much of it")
            engine.flush()
            await until(lambda: process.driver.stopped.is_set(), "the end of the closed run")
            await until(
                lambda: unit.supervisor.state is State.RUNNING and "Py Weather" in engine.core.ownership.owners,
                "a new run",
            )
            assert unit.processes != [process]
            assert unit.supervisor.last_error == f"was closed ({reason}): too much of it"
        finally:
            await unit.supervisor.stop()
            await engine.close()

    asyncio.run(main())
