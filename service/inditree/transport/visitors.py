"""Connections that turn out to speak HTTP: the listener's web endpoint takes them, or they get one answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from inditree.core import Policy
from inditree.transport.channel import Channel

_logger = logging.getLogger("inditree.listener")

_TEXT = b"This is a port for INDI, not for a browser.\n"
ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_TEXT), _TEXT)
)

LINGER = 1.0
"""Seconds for which what it still sends is thrown away: an answer behind which bytes stay unread is lost to a reset."""

LINGER_BYTES = 1 << 20
"""Bytes of it, at most."""

_PIECE = 64 << 10


class Visitor(Struct, frozen=True):
    """A connection that begins with an HTTP method, once it has left the core.

    `data` is what was read of it, white space before the method taken off. Whoever takes it owns `channel`, and calls
    `gone(reason, text)` once when the connection has ended: until then it counts as one of its listener's.
    """

    channel: Channel
    data: bytes
    name: str
    policy: Policy
    gone: Callable[[str, str], None]


Web: TypeAlias = Callable[[Visitor], None]
"""A listener's web endpoint: takes each of its visitors over, in a step that does not block."""


def turn_away(visitor: Visitor) -> None:
    """Answer 400, and read on for a moment so that the answer arrives."""
    with contextlib.suppress(OSError):
        visitor.channel.send([ANSWER])
    _Leaving(visitor)


class _Leaving:
    """Throws away what still comes, until the end, for LINGER seconds at most."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._loop = asyncio.get_running_loop()
        self._left = LINGER_BYTES
        visitor.channel.end_writing()
        self._loop.add_reader(visitor.channel.read_fd(), self._read)
        self._timer = self._loop.call_later(LINGER, self._end)

    def _read(self) -> None:
        try:
            data = self._visitor.channel.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._left -= len(data)
        if not data or self._left <= 0:
            self._end()

    def _end(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._visitor.channel.read_fd())
        self._visitor.channel.close()
        self._visitor.gone("malformed", "spoke HTTP")
