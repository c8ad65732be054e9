"""Listening before the rest of the program is loaded.

A launcher that starts its server connects at once: KStars after 10 ms, and what does not accept within 0.9 s it never
tries again (3.6.2, seen). Loading a router takes 150 ms on a desktop and much longer on a small or busy board, so
`inditree indiserver` takes its port first, and before that its name: a client that finds the port open tries the name
once, and has its images as text where it finds nobody. Who connects waits in the backlog until the listener takes the
sockets over.
"""

from __future__ import annotations

import contextlib
import socket

from inditree.transport.binding import BACKLOG, bind_tcp, bind_unix

Place = str | tuple[str | None, int]
"""A UNIX name or path, or host and port; the host is None for all addresses."""

_sockets: dict[Place, list[socket.socket]] = {}


def listen(port: int) -> None:
    """Take a TCP port on all addresses. What cannot be had is left for the listener to report."""
    with contextlib.suppress(OSError):
        _sockets[None, port] = bind_tcp(None, port)


def listen_by_name(name: str) -> None:
    """Take an abstract UNIX name (`@...`). What cannot be had is left for the listener to report."""
    with contextlib.suppress(OSError):
        sock = bind_unix(name)
        _sockets[name] = [sock]
        sock.listen(BACKLOG)


def claim(place: Place) -> list[socket.socket]:
    """The sockets of a place, once; none where it is not listened on yet."""
    return _sockets.pop(place, [])


def close() -> None:
    """Give up what nobody took."""
    while _sockets:
        for sock in _sockets.popitem()[1]:
            sock.close()
