"""How long a router takes to stop, and what is looked at as it starts."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from msgspec.structs import replace

from inditree.config import Driver, Http, Limits, Remote
from inditree.ops.blocked_loop import BlockWatch
from inditree.ops.control import ControlError
from inditree.server import server
from inditree.server.server import Server
from inditree.server.services import Services
from inditree.tasks import Tasks
from server.inloop import GET, STUBBORN, config, run, running, until
from waiting import DEADLINE

#: Defines a property and then sends more than the sockets of a client hold.
TALKER = """
import sys, time
head = "device='T' name='V' state='Ok'"
print(f"<defTextVector {head} perm='ro'><defText name='t'>a</defText></defTextVector>", flush=True)
for number in range(300):
    print(f"<message device='T' message='{number} {'x' * 60000}'/>", flush=True)
    time.sleep(0.005)
time.sleep(100)
"""


def test_a_client_that_does_not_read_costs_half_a_second() -> None:
    async def work() -> None:
        driver = Driver(name="T", exec=("python3", "-c", TALKER))
        limits = Limits(stall_timeout=3600.0)
        async with running(config(drivers=(driver,), limits=limits)) as it:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", it.server.listeners["main"].port))
                deaf.sendall(GET)
                peers = it.server.engine.core.peers
                await until(lambda: any(p.kind == "client" and not p.outbox.empty for p in peers.values()), "it waits")
                began = time.monotonic()
                it.server.shutdown()
                await until(lambda: not peers, "all are gone")
                assert time.monotonic() - began > 0.3, "it had no time to read"

    run(work())


def test_nobody_waits_for_clients_that_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DRAIN", 3600.0)

    async def work() -> None:
        async with running(config()) as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.server.listeners["main"].port)
            writer.write(GET)
            await until(lambda: it.server.engine.core.peers, "it is there")
            it.server.shutdown()
            await asyncio.wait_for(reader.read(), DEADLINE)
            writer.close()
            await writer.wait_closed()

    run(work())


def test_what_is_cancelled_takes_nothing_new() -> None:
    """`asyncrun` cancelled, as by Ctrl-C in a script: it closes without having been told to stop."""

    async def work() -> None:
        server = Server(config(drivers=(Driver(name="d", exec=STUBBORN, stop_grace=0.3),)))
        tasks = Tasks()
        running = tasks.start(server.asyncrun(), "server")
        await server.running.wait()
        await until(lambda: server.units.drivers["d"].supervisor.pid, "it runs")
        running.cancel()
        await asyncio.sleep(0)
        with pytest.raises(ControlError, match="stopping"):
            await server.control.add_driver({"exec": ["cat"]})
        with pytest.raises(asyncio.CancelledError):
            await running

    run(work())


def test_discovery_links_nothing_while_it_stops() -> None:
    async def work() -> None:
        driver = Driver(name="d", exec=STUBBORN, stop_grace=0.3)
        async with running(config(drivers=(driver,))) as it:
            await until(lambda: it.server.units.drivers["d"].supervisor.pid, "it runs")
            it.server.shutdown()
            await until(lambda: it.server.parts.draining, "it stops")
            it.server.discovered.update("docker", {"far": Remote(host="127.0.0.1", port=1, name="far")})
            await until(lambda: it.server.units.drivers["d"].supervisor.pid is None, "the driver has ended")
            assert not it.server.units.remotes

    run(work())


def test_loading_http_is_not_taken_for_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds on a small machine, in a loop that nobody waits for yet."""
    order: list[str] = []
    start, watch = Services._start_http, BlockWatch.start

    async def loaded(self: Services, control: object, may_fail: bool) -> None:
        order.append("http")
        await start(self, control, may_fail)  # type: ignore[arg-type]

    def watched(self: BlockWatch) -> None:
        order.append("watch")
        watch(self)

    monkeypatch.setattr(Services, "_start_http", loaded)
    monkeypatch.setattr(BlockWatch, "start", watched)

    async def work() -> None:
        async with running(replace(config(), http=Http(listen="127.0.0.1:0"))):
            assert order == ["http", "watch"]

    run(work())
