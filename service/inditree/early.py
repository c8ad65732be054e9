"""Listening before the rest of the program is loaded.

A launcher that starts its server connects at once: KStars after 10 ms, and what does not accept within 0.9 s it never
tries again (3.6.2, seen). Loading a router takes 150 ms on a desktop and much longer on a small or busy board, so
`inditree indiserver` takes its port first. Who connects waits in the backlog until the listener takes the sockets over.
"""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 64
"""Connections that may wait for the listener."""

_sockets: dict[int, list[socket.socket]] = {}


def listen(port: int) -> None:
    """Take a TCP port on all addresses. What cannot be had is left for the listener to report."""
    sockets: list[socket.socket] = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with contextlib.suppress(OSError):
            sock = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            sock.listen(BACKLOG)
            continue
        # One of them is missing: the listener knows which of the reasons are harmless.
        for each in sockets:
            each.close()
        return
    _sockets[port] = sockets


def take(host: str | None, port: int) -> list[socket.socket]:
    """The sockets of an address (None: all), once; none where it is not listened on yet."""
    return _sockets.pop(port, []) if host is None else []


def close() -> None:
    """Give up what nobody took."""
    while _sockets:
        for sock in _sockets.popitem()[1]:
            sock.close()
