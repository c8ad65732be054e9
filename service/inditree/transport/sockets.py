"""Options and addresses of TCP sockets, for all connections."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
from typing import Any

from inditree.config.units import join

SEND_BUFFER = 512 << 10
"""Bytes of socket buffer toward a client: measured, larger ones lose the overlap of reading and writing."""

TCP_NOTSENT_LOWAT = 25
"""Linux's number of the option, which Python's `socket` does not name."""

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 30, 10, 3
"""TCP keepalive (seconds, seconds, probes): a peer whose machine is gone is noticed within about a minute."""


def prepare(sock: socket.socket, user_timeout: float | None = None) -> None:
    """The options of every TCP connection, or of a socket that listens: what it accepts has them from it.

    `user_timeout` is how long bytes may stay unacknowledged (seconds).
    """
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
    if user_timeout is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(user_timeout * 1000))


def bound_unsent(sock: socket.socket, size: int) -> None:
    """Let the kernel take no more while `size` bytes are not sent yet; 0: as many as its buffer holds."""
    if sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):  # the connection may have ended
            sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, size)


def unread_here(sock: socket.socket) -> int:
    """Bytes that have come to a socket and that we have not read."""
    return _asked(sock, termios.FIONREAD)


def unread_there(sock: socket.socket) -> int:
    """Bytes of memory that wait in a UNIX socket for the other end to read them."""
    return _asked(sock, termios.TIOCOUTQ)


def _asked(sock: socket.socket, request: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), request, b"\0\0\0\0"))[0])


def spell(address: Any) -> str:
    """HOST:PORT, with brackets for IPv6; a UNIX socket's client has no address."""
    if isinstance(address, tuple):
        host, port = address[:2]
        return join(host.removeprefix("::ffff:"), port)
    return "unix"
