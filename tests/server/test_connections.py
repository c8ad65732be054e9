"""What a connection has that a listener took."""

from __future__ import annotations

import asyncio
import socket

from inditree.transport.sockets import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, SEND_BUFFER
from server.inloop import config, run, running, until


def test_it_has_the_options_of_the_socket_that_listens() -> None:
    async def main() -> None:
        async with running(config()) as it:
            listener = it.server.listeners["main"]
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            await until(lambda: listener.streams, "taken")
            (stream,) = listener.streams
            sock = stream.channel.sock  # type: ignore[attr-defined]
            ask = sock.getsockopt
            assert ask(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert ask(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert ask(socket.SOL_SOCKET, socket.SO_SNDBUF) >= min(2 * SEND_BUFFER, _most())
            assert ask(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEPALIVE_IDLE
            assert ask(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == KEEPALIVE_INTERVAL
            assert ask(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == KEEPALIVE_COUNT
            writer.close()

    run(main())


def _most() -> int:
    """The send buffer that the kernel gives to who asks for ours."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return asked.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
