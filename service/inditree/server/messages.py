"""Messages that the router itself sends to all clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from inditree.core import Peer
from inditree.core.providers import KEEPALIVE
from inditree.transport.engine import Engine
from inditree.wire.syntax import message


def indi_time(now: datetime | None = None) -> str:
    """INDI's time: UTC, without a zone, to a tenth of a second."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + str(moment.microsecond // 100000)


def broadcast(engine: Engine, text: str, timestamp: str | None = None) -> None:
    """A message without a device to every client; `timestamp` as INDI has it."""
    engine.begin()
    engine.core.broadcast(text, timestamp)
    engine.flush()


async def keep_alive(engine: Engine, seconds: Callable[[], float | None]) -> None:
    """Say something to each client that has heard nothing for a while; a link's other end has its own clients."""
    core = engine.core
    heard: dict[Peer, tuple[int, float]] = {}  # bytes that each has taken, and since when it is no more
    while True:
        await asyncio.sleep(min(1.0, (seconds() or 1.0) / 4))
        now, limit = time.monotonic(), seconds()
        clients = [peer for peer in core.peers.values() if peer.kind == "client"]
        heard = {peer: _heard(peer, heard.get(peer), now) for peer in clients}
        silent = [peer for peer in clients if limit and now - heard[peer][1] >= limit and peer.outbox.empty]
        if silent:
            engine.begin()
            core.desk.send_all(silent, message(KEEPALIVE, indi_time()), "message")
            engine.flush()


def _heard(peer: Peer, before: tuple[int, float] | None, now: float) -> tuple[int, float]:
    taken = peer.outbox.taken
    return before if before is not None and before[0] == taken else (taken, now)
