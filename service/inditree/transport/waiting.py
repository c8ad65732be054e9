"""A waiting room for connections past a listener's limit: a browser's request does not count, a client is refused.

Behind TLS the first bytes are seen after the handshake only: whoever begins one has it, and is looked at then.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from inditree.transport.channel import Channel
from inditree.wire.first import SPACE, First, look

WAIT = 1.0
"""Seconds in which the first byte is to come."""

MOST = 64
"""Connections that wait at once; further ones are refused as they come."""

_HELLO = b"\x16"  # a TLS record of the handshake
_PIECE = 4096


def may_be_http(data: bytes) -> bool:
    """Says whether a request may begin so. The beginning of a method is no INDI either, whatever follows."""
    text = data.lstrip(SPACE)
    return bool(text) and look(text, whole_line=False) in (First.HTTP, First.MORE)


def begins_tls(data: bytes) -> bool:
    """Says whether a handshake begins so."""
    return data[:1] == _HELLO


async def first(channel: Channel) -> bytes:
    """The first bytes of a connection, none where they do not come in time or the connection has ended."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[bytes] = loop.create_future()

    def readable() -> None:
        try:
            data = channel.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not came.done():
            came.set_result(data)

    loop.add_reader(channel.read_fd(), readable)
    try:
        readable()  # some may have come with the end of the handshake
        async with asyncio.timeout(WAIT):
            return await came
    except TimeoutError:
        return b""
    finally:
        loop.remove_reader(channel.read_fd())


class WaitingRoom:
    """Holds connections that nobody has read from, until their first bytes say what they are.

    `late` counts those whose handshake is under way, which the listener sees to.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: dict[socket.socket, asyncio.TimerHandle] = {}
        self.late = 0

    @property
    def full(self) -> bool:
        """Nobody more can wait."""
        return len(self._timers) + self.late >= MOST

    def wait(
        self,
        client: socket.socket,
        fits: Callable[[bytes], bool],
        admit: Callable[[], None],
        refuse: Callable[[], None],
    ) -> None:
        """Call `admit` once the first bytes fit, and `refuse` for any others, which has closed the connection."""
        client.setblocking(False)

        def end(act: Callable[[], None]) -> None:
            self._loop.remove_reader(client.fileno())
            self._timers.pop(client).cancel()
            if act is refuse:
                client.close()
            act()

        def readable() -> None:
            try:
                data = client.recv(64, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            end(admit if fits(data) else refuse)

        self._timers[client] = self._loop.call_later(WAIT, end, refuse)
        self._loop.add_reader(client.fileno(), readable)

    def close(self) -> None:
        """Refuse all that wait, without a word."""
        for client, timer in self._timers.items():
            timer.cancel()
            self._loop.remove_reader(client.fileno())
            client.close()
        self._timers.clear()
