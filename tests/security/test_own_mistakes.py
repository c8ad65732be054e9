"""A mistake of ours costs the peer that met it, and nobody else."""

from __future__ import annotations

import asyncio
import socket

import pytest

from inditree.config import Limits
from inditree.core import Core, Peer, Settings
from inditree.counters import Counters
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from waiting import DEADLINE


def test_an_exception_ends_its_peer(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    act = Core.receive

    def receive(self: Core, peer: Peer, item: object) -> None:
        if peer.name == "unlucky":
            raise RuntimeError("a mistake")
        act(self, peer, item)  # type: ignore[arg-type]

    monkeypatch.setattr(Core, "receive", receive)

    async def run() -> None:
        engine = Engine(Settings("ME", lambda: "now"), Limits(), Counters())
        closed: list[tuple[str, str]] = []
        theirs = []
        for name in ("unlucky", "other"):
            ours, other = socket.socketpair()
            theirs.append(other)
            Stream(engine, engine.core.join("client", name), SocketChannel(ours), lambda *why: closed.append(why))
        for sock in theirs:
            sock.settimeout(DEADLINE)
            sock.sendall(b"<pingRequest uid='1'/>")
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, theirs[0].recv, 100) == b""
        assert b"pingReply" in await loop.run_in_executor(None, theirs[1].recv, 100)
        assert [reason for reason, _ in closed] == ["error"]
        for peer in list(engine.core.peers.values()):
            engine.end(peer, "shutdown", "")
        for sock in theirs:
            sock.close()
        await engine.close()

    asyncio.run(run())
    assert "unlucky: internal error" in caplog.text
