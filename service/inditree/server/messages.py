"""What the router says to all clients by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from inditree.core.providers import KEEPALIVE
from inditree.transport.engine import Engine
from inditree.wire.syntax import message


def timestamp(now: datetime | None = None) -> str:
    """INDI's time: UTC, without a zone, to a tenth of a second."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + str(moment.microsecond // 100000)


def broadcast(engine: Engine, text: str, timestamp: str | None = None) -> None:
    """A message without a device to every client; `timestamp` as INDI has it."""
    engine.begin()
    engine.core.broadcast(text, timestamp)
    engine.flush()


async def keep_alive(engine: Engine, seconds: Callable[[], float | None]) -> None:
    """Say something to clients that have heard nothing for a while; a link's other end has its own clients."""
    core = engine.core
    heard, since = -1, time.monotonic()
    while True:
        await asyncio.sleep(min(1.0, (seconds() or 1.0) / 4))
        passed = sum(sum(kind.received.values()) for kind in core.counters.peers.values())
        if passed != heard:
            heard, since = passed, time.monotonic()
        elif (limit := seconds()) and time.monotonic() - since >= limit:
            since = time.monotonic()
            data = message(KEEPALIVE, timestamp())
            engine.begin()
            core.desk.send_all([p for p in core.peers.values() if p.kind == "client"], data, "message")
            engine.flush()
