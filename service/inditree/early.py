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

BACKLOG = 64
"""Connections that may wait for the listener."""

_sockets: dict[int | str, list[socket.socket]] = {}


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


def listen_by_name(name: str) -> None:
    """Take an abstract UNIX name (`@...`). What cannot be had is left for the listener to report."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind("\0" + name[1:])
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
    else:
        _sockets[name] = [sock]


def take_name(name: str) -> list[socket.socket]:
    """The same for a name."""
    return _sockets.pop(name, [])


def take(host: str | None, port: int) -> list[socket.socket]:
    """The sockets of an address (None: all), once; none where it is not listened on yet."""
    return _sockets.pop(port, []) if host is None else []


def close() -> None:
    """Give up what nobody took."""
    while _sockets:
        for sock in _sockets.popitem()[1]:
            sock.close()
