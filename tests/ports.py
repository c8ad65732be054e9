"""Free ports for the tests: no two processes that ask here are given the same one, whichever suite they belong to."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from itertools import cycle
from pathlib import Path

LOWEST = 10_000
"""Below it are the ports of services."""

SLICE = 250
"""Ports that belong to one process. It gives them out in turn, so that none comes back soon."""


class _Slice:
    """The ports of this process. An abstract UNIX name, which ends with the process, keeps others away from them.

    They are below those that the system gives to connections: another test's connection could get one that was asked
    for by port 0 and given back.
    """

    def __init__(self) -> None:
        end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        number = (end - LOWEST) // SLICE
        first = secrets.randbelow(number)
        self._claim = socket.socket(socket.AF_UNIX)
        for each in range(first, first + number):
            with contextlib.suppress(OSError):
                self._claim.bind(f"\0inditree-test-ports-{each % number}")
                lowest = LOWEST + each % number * SLICE
                self._ports = cycle(range(lowest, lowest + SLICE))
                return
        raise RuntimeError(f"all {number} slices of ports are taken: are test processes left over?")

    def take(self) -> int:
        """One that nobody listens at."""
        while True:
            port = next(self._ports)
            with socket.socket() as sock, contextlib.suppress(OSError):
                sock.bind(("", port))
                return port


_mine: _Slice | None = None
_lock = threading.Lock()


def free_port() -> int:
    """A TCP port that nobody uses now, and that no other test is given before it is used."""
    global _mine
    with _lock:
        if _mine is None:
            _mine = _Slice()
        return _mine.take()


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port of this machine."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
