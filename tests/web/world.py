"""A router with a web endpoint in the loop of the test, somebody who provides devices, and clients that speak JSON."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect

from inditree.config import Launch, Limits
from server.inloop import Caller, Running, caller, config, listen, running
from waiting import DEADLINE

MOUNT = (
    b'<defNumberVector device="Mount" name="COORD" label="Eq" group="Main" state="Ok" perm="rw">'
    b'<defNumber name="RA" label="RA" format="%10.6m" min="0" max="24" step="0">5:30:00</defNumber></defNumberVector>'
)
CAMERA = (
    b'<defBLOBVector device="Camera" name="CCD1" label="Image" group="Main" state="Idle" perm="ro">'
    b'<defBLOB name="CCD1" label="Image"/></defBLOBVector>'
)


def moved(value: object, device: str = "Mount", state: str = "Ok") -> bytes:
    """What a mount says as it moves."""
    head = f'<setNumberVector device="{device}" name="COORD" state="{state}">'
    return f'{head}<oneNumber name="RA">{value}</oneNumber></setNumberVector>'.encode()


def image(data: bytes, ending: str = ".fits", line: int = 0) -> bytes:
    """An image of the camera: in one line without `enclen`, or in lines of this length with it."""
    text = base64.b64encode(data)
    enclen = f' enclen="{len(text)}"' if line else ""
    if line:
        text = b"\n".join(text[i : i + line] for i in range(0, len(text), line)) + b"\n"
    head = f'<oneBLOB name="CCD1" size="{len(data)}" format="{ending}"{enclen}>'.encode()
    return b'<setBLOBVector device="Camera" name="CCD1" state="Ok">%s%s</oneBLOB></setBLOBVector>' % (head, text)


@dataclass
class Site:
    """`provider` provides what it defines."""

    running: Running
    port: int
    provider: Caller

    async def say(self, *elements: bytes) -> None:
        """Let the provider say something, and wait until it has been acted on."""
        for each in elements:
            self.provider.writer.write(each)
        await self.provider.ping()

    @contextlib.asynccontextmanager
    async def json(self, *first: dict[str, Any], path: str = "/", **more: Any) -> AsyncIterator[Json]:
        """A client that speaks JSON and has sent these messages."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        async with connect(url, compression=None, max_size=None, **more) as socket:
            client = Json(socket)
            for each in first:
                await client.send(each)
            yield client

    async def get(self, path: str, head: str = "", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of one request; a Host is there unless `head` has one."""
        host = "" if "host:" in head.lower() else f"Host: 127.0.0.1:{self.port}\r\n"
        async with caller(self.port) as there:
            there.writer.write(f"{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{head}\r\n".encode())
            data = await asyncio.wait_for(there.reader.read(), DEADLINE)
        top, _, body = data.partition(b"\r\n\r\n")
        lines = top.decode("latin-1").split("\r\n")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, body


class Json:
    """A client that speaks JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: dict[str, Any] | str) -> None:
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def take(self, kind: str, fits: Callable[[Any], Any] = bool, timeout: float = DEADLINE, **wanted: Any) -> Any:
        """Read until a message of this kind comes whose body fits and has these values; its body."""
        async with asyncio.timeout(timeout):
            while True:
                message = json.loads(await self.socket.recv())
                body = message.get(kind)
                if body and fits(body) and all(body[key] == value for key, value in wanted.items()):
                    return body

    async def closed(self) -> tuple[int, str]:
        """Read to the end: code and reason."""
        async with asyncio.timeout(DEADLINE):
            await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def count(self, *first: dict[str, Any]) -> list[dict[str, Any]]:
        """Send these messages: all that comes before the answer to a request for the status."""
        for each in first:
            await self.send(each)
        await self.send({"getStatus": {}})
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(DEADLINE):
            while True:
                message = json.loads(await self.socket.recv())
                if "status" in message:
                    await self.send({"getStatus": {"stop": True}})
                    return found
                found.append(message)


@contextlib.asynccontextmanager
async def site(
    *elements: bytes,
    limits: Limits | None = None,
    web: bool = True,
    settings: Mapping[str, Any] | None = None,
    **keys: Any,
) -> AsyncIterator[Site]:
    """A router at one port, whose listener has these keys, and a provider at another that has said these elements.

    `settings` are other keys of the configuration.
    """
    public, private = listen(web=web, **keys), listen(name="private", peers="any", web=False)
    async with running(replace(config(public, private, limits=limits), **(settings or {})), Launch()) as router:
        ports = {name: each.port for name, each in router.server.listeners.items()}
        async with caller(ports["private"]) as provider:
            it = Site(router, ports["main"], provider)
            await it.say(*elements)
            yield it
