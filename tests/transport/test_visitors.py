"""Who speaks HTTP where nobody answers it: one answer, and what still comes is thrown away, up to a bound."""

from __future__ import annotations

import asyncio
import socket

import pytest

from inditree.core import Policy
from inditree.transport import visitors
from inditree.transport.channel import SocketChannel
from inditree.transport.visitors import ANSWER, LINGER_BYTES, Visitor, turn_away
from waiting import DEADLINE


@pytest.mark.parametrize("what", ["its end", "too much"])
def test_who_is_turned_away_is_listened_to_until(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock, which ends it too, is stopped here."""
    monkeypatch.setattr(visitors, "LINGER", 3600.0)

    async def main() -> None:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[str] = loop.create_future()

        def told(reason: str, text: str) -> None:
            gone.set_result(f"{reason}: {text}")

        turn_away(Visitor(SocketChannel(ours), b"GET / HTTP/1.1\r\n\r\n", "stranger", Policy(), told))
        theirs.setblocking(False)
        assert await loop.sock_recv(theirs, 1 << 16) == ANSWER
        assert await loop.sock_recv(theirs, 1 << 16) == b""
        if what == "its end":
            await loop.sock_sendall(theirs, b"x" * 1000)
            theirs.close()
        else:
            await loop.sock_sendall(theirs, b"x" * (LINGER_BYTES - 1))
            await asyncio.sleep(0)
            assert not gone.done()
            await loop.sock_sendall(theirs, b"x")
        assert await asyncio.wait_for(gone, DEADLINE) == "malformed: spoke HTTP"
        theirs.close()

    asyncio.run(main())
