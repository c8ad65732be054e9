"""IPyDriver objects that are run beside the drivers of the configuration."""

from __future__ import annotations

import asyncio

from inditree.config import Driver
from inditree.server.server import Server
from inditree.tasks import Tasks
from server.inloop import SLEEPER, config, run
from waiting import DEADLINE


def test_objects_without_devices_have_names_of_their_own() -> None:
    from indipydriver import IPyDriver

    class Idle(IPyDriver):  # type: ignore[misc]  # indipydriver is not typed
        async def hardware(self) -> None:
            await self.shutdownrequested.wait()

    async def work() -> None:
        objects = [Idle(), Idle()]
        server = Server(config(), objects=objects)
        tasks = Tasks()
        running = tasks.start(server.asyncrun(), "server")
        await server.running.wait()
        assert list(server.units.drivers) == ["Idle", "Idle-2"]
        server.shutdown()
        assert await asyncio.wait_for(running, DEADLINE) == 0
        assert all(each.shutdownrequested.is_set() for each in objects)

    run(work())


def test_an_object_leaves_the_name_to_a_driver_of_the_configuration() -> None:
    from indipydriver import Device, IPyDriver, TextMember, TextVector

    class Idle(IPyDriver):  # type: ignore[misc]  # indipydriver is not typed
        async def hardware(self) -> None:
            await self.shutdownrequested.wait()

    async def work() -> None:
        vector = TextVector("v", "v", "g", "ro", "Ok", [TextMember("t", "t", "x")])
        first = config(drivers=(Driver(name="Dome", exec=SLEEPER),))
        server = Server(first, objects=[Idle(Device("Dome", [vector]))])
        tasks = Tasks()
        running = tasks.start(server.asyncrun(), "server")
        started = tasks.start(server.running.wait(), "started")
        await asyncio.wait([running, started], return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        assert {name: unit.kind for name, unit in server.units.drivers.items()} == {"Dome-2": "python", "Dome": "exec"}
        server.shutdown()
        assert await asyncio.wait_for(running, DEADLINE) == 0

    run(work())
