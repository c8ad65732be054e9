"""How long a router takes to stop."""

from __future__ import annotations

import asyncio
import socket
import time

from inditree.config import Driver
from server.inloop import GET, config, run, running, until

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
        async with running(config(drivers=(driver,))) as it:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", it.server.listeners["main"].port))
                deaf.sendall(GET)
                peers = it.server.engine.core.peers
                await until(lambda: any(p.kind == "client" and not p.outbox.empty for p in peers.values()), "it waits")
                began = time.monotonic()
                it.server.shutdown()
                await until(lambda: not peers, "all are gone")
                assert 0.3 < time.monotonic() - began < 0.85

    run(work())


def test_nobody_waits_for_clients_that_read() -> None:
    async def work() -> None:
        async with running(config()) as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.server.listeners["main"].port)
            writer.write(GET)
            await until(lambda: it.server.engine.core.peers, "it is there")
            began = time.monotonic()
            it.server.shutdown()
            await reader.read()
            assert time.monotonic() - began < 0.3
            writer.close()
            await writer.wait_closed()

    run(work())
