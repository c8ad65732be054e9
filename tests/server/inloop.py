"""A server in the loop of the test, and clients that it cannot deadlock with."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from msgspec.structs import replace

import waiting
from inditree.config import Config, Driver, Http, Launch, Limits, Listen
from inditree.server.parts import Companion
from inditree.server.server import Server
from inditree.tasks import Tasks
from ports import free_port
from waiting import DEADLINE

GET = b"<getProperties version='1.7'/>"
SLEEPER = ("sleep", "777")
STUBBORN = ("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")


def listen(port: int | None = None, name: str = "main", **keys: Any) -> Listen:
    """One entry at 127.0.0.1."""
    return Listen(tcp=f"127.0.0.1:{port or free_port()}", name=name, **keys)


def config(*entries: Listen, limits: Limits | None = None, drivers: tuple[Driver, ...] = ()) -> Config:
    """Without HTTP."""
    return Config(listen=entries or (listen(),), http=Http(listen=None), limits=limits or Limits(), drivers=drivers)


@dataclasses.dataclass
class Running:
    """`again` is what a reload reads."""

    server: Server
    tasks: Tasks
    again: Config

    async def reload(self, new: Config) -> bool:
        self.again = new
        return await self.server.reload.run()


@contextlib.asynccontextmanager
async def running(
    first: Config,
    launch: Launch = Launch(),  # noqa: B008 - frozen
    beside: Companion | None = None,
) -> AsyncIterator[Running]:
    """A server until the block ends; nothing of it may be left then."""
    tasks = Tasks()
    server = Server(first, launch=replace(launch, reread=lambda: it.again), beside=beside)
    it: Running = Running(server, tasks, first)
    done = tasks.start(server.asyncrun(), "server")
    started = tasks.start(server.running.wait(), "started")
    await asyncio.wait([done, started], return_when=asyncio.FIRST_COMPLETED)
    try:
        assert server.running.is_set()
        yield it
    finally:
        server.shutdown()
        await asyncio.wait_for(done, DEADLINE)
        await tasks.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 3 * DEADLINE))


until = waiting.becomes


class Caller:
    """A client by streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ping(self) -> None:
        """Raises AssertionError unless it is answered."""
        self.writer.write(b"<pingRequest uid='here'/>")
        try:
            await asyncio.wait_for(self.reader.readuntil(b"here"), DEADLINE)
        except (OSError, EOFError, TimeoutError) as error:
            raise AssertionError(f"no answer: {error!r}") from None

    async def closed(self) -> bool:
        """Read to the end; whether it comes."""
        try:
            await asyncio.wait_for(self.reader.read(), DEADLINE)
        except OSError:
            return True
        except TimeoutError:
            return False
        return True


@contextlib.asynccontextmanager
async def caller(place: int | Path) -> AsyncIterator[Caller]:
    """Connected to a port of 127.0.0.1, or a UNIX path."""
    if isinstance(place, int):
        made = Caller(*await asyncio.open_connection("127.0.0.1", place))
    else:
        made = Caller(*await asyncio.open_unix_connection(place))
    try:
        yield made
    finally:
        made.writer.transport.abort()
        with contextlib.suppress(OSError):
            await made.writer.wait_closed()
