"""Connections past a listener's limit: a browser's request does not count, so they are looked at before they go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from inditree.wire.first import SPACE, First, look

WAIT = 1.0
"""Seconds in which the first byte is to come."""

MOST = 64
"""Connections that wait at once; further ones are refused as they come."""


class WaitingRoom:
    """Holds connections that nobody has read from, until their first bytes say whether they are HTTP."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: dict[socket.socket, asyncio.TimerHandle] = {}

    @property
    def full(self) -> bool:
        """Nobody more can wait."""
        return len(self._timers) >= MOST

    def wait(self, client: socket.socket, admit: Callable[[], None], refuse: Callable[[], None]) -> None:
        """Call `admit` once a request begins, and `refuse` for anything else, which has closed the connection."""
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
            text = data.lstrip(SPACE)
            # The beginning of a method is no INDI either, whatever follows.
            end(admit if text and look(text, whole_line=False) in (First.HTTP, First.MORE) else refuse)

        self._timers[client] = self._loop.call_later(WAIT, end, refuse)
        self._loop.add_reader(client.fileno(), readable)

    def close(self) -> None:
        """Refuse all that wait, without a word."""
        for client, timer in self._timers.items():
            timer.cancel()
            self._loop.remove_reader(client.fileno())
            client.close()
        self._timers.clear()
