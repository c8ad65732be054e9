"""IPyDriver objects that are run beside the drivers of the configuration."""

from __future__ import annotations

import asyncio

from inditree.runtime.tasks import Tasks
from inditree.server.server import Server
from server.inloop import config, run


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
        assert await asyncio.wait_for(running, 15) == 0
        assert all(each.shutdownrequested.is_set() for each in objects)

    run(work())
