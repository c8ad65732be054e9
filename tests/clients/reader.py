"""A script on indipyclient: it says what it heard, a line each, until its input ends."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import indipyclient as ipc


class Reader(ipc.IPyClient):  # type: ignore[misc]
    async def rxevent(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "ConnectionLost":
            print("disconnected", flush=True)
        elif kind in ("defTextVector", "setTextVector"):
            for value in event.values():
                print("text", value, flush=True)
        elif kind == "Message":
            print("message", event.message, flush=True)


async def main() -> None:
    client = Reader(indihost="127.0.0.1", indiport=int(sys.argv[1]))
    async with asyncio.TaskGroup() as group:
        group.create_task(client.asyncrun())
        await asyncio.to_thread(sys.stdin.read)
        client.shutdown()


asyncio.run(main())
