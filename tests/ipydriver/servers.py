"""Servers in the test's own process, with blocking clients in threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, TypeVar

from indipydriver import Device, IPyDriver, NumberMember, NumberVector, newNumberVector

import waiting
from inditree.config import Config, Driver, Http, Listen, Restart
from inditree.ops.model import DriverRow
from inditree.server import Server
from ports import free_port

T = TypeVar("T")


class Dial(IPyDriver):  # type: ignore[misc]
    """A number; 13 is too much, 99 is the end."""

    async def rxevent(self, event: Any) -> None:
        if isinstance(event, newNumberVector):
            value = float(event["value"])
            if value == 13:
                raise ValueError("thirteen is too much")
            if value == 99:
                self.shutdown()
            event.vector["value"] = value
            await event.vector.send_setVector(state="Ok")


def dial(name: str, kind: type[IPyDriver] = Dial, **data: Any) -> Any:
    member = NumberMember("value", format="%g", membervalue=1)
    return kind(Device(name, [NumberVector("DIAL", "Dial", "Main", "rw", "Ok", [member])]), **data)


def turn(device: str, value: float) -> str:
    """The command."""
    one = f'<oneNumber name="value">{value:g}</oneNumber>'
    return f'<newNumberVector device="{device}" name="DIAL">{one}</newNumberVector>'


def factory(
    name: str, target: str, policy: Literal["always", "on-failure"] = "always", max_restarts: int | None = None
) -> Driver:
    """An entry of `drivers`."""
    restart = Restart(policy=policy, backoff=0.01, max_restarts=max_restarts)
    return Driver(name=name, python=target, restart=restart)


@contextlib.asynccontextmanager
async def serving(objects: Sequence[Any] = (), drivers: Sequence[Driver] = ()) -> AsyncIterator[tuple[Server, int]]:
    """It runs, and its port."""
    port = free_port()
    config = Config(listen=(Listen(tcp=f"127.0.0.1:{port}"),), drivers=tuple(drivers), http=Http(listen=None))
    server = Server(config, objects=objects)
    running = asyncio.get_running_loop().create_task(server.asyncrun())
    waiting = asyncio.get_running_loop().create_task(server.running.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if running.done():
            waiting.cancel()
            await running
        yield server, port
    finally:
        if not running.done():
            server.shutdown()
            assert await running == 0


def row(server: Server, name: str) -> DriverRow:
    """What the status says of a driver."""
    return next(each for each in server.control.snapshot().drivers if each.name == name)


becomes = waiting.becomes
