"""Who may be connected to HTTP at once: health and metrics are answered whatever the rest does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from inditree.ops import connection as module
from inditree.ops.control import Definition, Sample
from ops.fake import FakeControl, sample
from ops.test_http import served
from waiting import DEADLINE

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(address: str, count: int, data: bytes = b"") -> AsyncIterator[list[Streams]]:
    host, _, port = address.rpartition(":")
    made = []
    try:
        for _ in range(count):
            made.append(await asyncio.open_connection(host, int(port), limit=1024))
            made[-1][1].write(data)
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def ended(streams: Streams) -> bool:
    """Whether the other end closes within five seconds."""
    try:
        return await asyncio.wait_for(streams[0].read(), DEADLINE) == b""
    except ConnectionResetError:
        return True


HEAD = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n"
TIMEOUT = 20


def test_who_says_nothing_takes_nobodys_place() -> None:
    async def run() -> None:
        async with (
            served(FakeControl()) as (call, server),
            connected(server.addresses[0], 100),
            connected(server.addresses[0], 100, HEAD),
        ):
            for path in ("/livez", "/readyz", "/metrics", "/api/v1/status"):
                assert (await call("GET", path))[0] == 200

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_past_their_number_the_oldest_is_cut() -> None:
    async def run() -> None:
        async with (
            served(FakeControl()) as (call, server),
            connected(server.addresses[0], module.MAX_SILENT) as silent,
            connected(server.addresses[0], 2),
        ):
            assert await ended(silent[0]) and await ended(silent[1])
            assert (await call("GET", "/livez"))[0] == 200
            silent[9][1].write(HEAD + b"\r\n")  # the newer ones were left alone
            assert (await silent[9][0].readline()).startswith(b"HTTP/1.1 200")

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_a_reader_that_does_not_read_is_full_and_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there may be make 503 of the API's answers, and of nothing else; after their time they are gone."""
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 2.0)
    monkeypatch.setattr(module, "MAX_REQUESTS", 4)

    async def run() -> None:
        control = FakeControl()
        text = b"<defTextVector device='CCD' name='LONG'><defText name='T'>%b</defText></defTextVector>"
        control.metrics = sample(definitions=(Definition("CCD", "LONG", text % (b"x" * (8 << 20))),))
        request = b"GET /api/v1/devices/CCD HTTP/1.1\r\nHost: localhost\r\n\r\n"
        async with (
            served(control) as (call, server),
            connected(server.addresses[0], module.MAX_REQUESTS, request),
        ):

            async def answers(status: int) -> None:
                while (await call("GET", "/api/v1/clients"))[0] != status:
                    pass

            await answers(503)
            code, body, _ = await call("GET", "/api/v1/clients")
            assert (code, body) == (503, {"error": "4 requests are under way; try again"})
            for path in ("/livez", "/readyz"):
                assert (await call("GET", path))[0] == 200
            await answers(200)

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_metrics_are_answered_while_the_api_is_busy() -> None:
    """Their text is made in a thread of its own."""

    async def run() -> None:
        async with served(FakeControl()) as (call, server):
            end = threading.Event()
            future = asyncio.get_running_loop().run_in_executor(server._threads, end.wait)
            try:
                assert (await asyncio.wait_for(call("GET", "/metrics"), DEADLINE))[0] == 200
            finally:
                end.set()
                await future

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_who_does_not_read_metrics_keeps_nobody_from_them() -> None:
    async def run() -> None:
        async with (
            served(FakeControl()) as (call, server),
            connected(server.addresses[0], 3 * module.MAX_HEALTH, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
        ):
            assert (await call("GET", "/metrics"))[0] == 200
            assert (await call("GET", "/livez"))[0] == 200

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_past_their_number_the_oldest_reader_of_metrics_is_cut() -> None:
    cut: list[int] = []
    limits = module.ConnectionLimits()
    readers = [module.Connection.__new__(module.Connection) for _ in range(module.MAX_HEALTH + 1)]
    for number, each in enumerate(readers):
        each.transport = cast(asyncio.Transport, SimpleNamespace(abort=partial(cut.append, number)))
    assert all(limits.admit(each, health=True) for each in readers)
    assert cut == [0]


def test_scrapes_at_once_are_one() -> None:
    class Counting(FakeControl):
        samples = 0

        def sample(self) -> Sample:
            self.samples += 1
            return super().sample()

    async def run() -> None:
        control = Counting()
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        async with served(control) as (_, server), connected(server.addresses[0], 40, request) as made:
            for reader, _writer in made:
                assert (await reader.read()).startswith(b"HTTP/1.1 200")
        assert control.samples < 40

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))
