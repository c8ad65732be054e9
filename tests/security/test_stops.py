"""How long the loop of a running router stands still for what one connection does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

from live import Router, serve
from ports import free_port

DEVICES = 8000


def device(number: int, via: str) -> str:
    """The definition of a device of one property, as a link says it."""
    of = f'via="{via}" device="{via} {number}" name="P" label="l" group="g" state="Idle" perm="rw" timeout="0"'
    member = '<defNumber name="V" format="%g" min="0" max="9" step="1">0</defNumber>'
    return f"<defNumberVector {of}>{member}</defNumberVector>\n"


def link(port: int, name: str) -> socket.socket:
    """A router that links to ours, and takes what it is told."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(f'<getProperties version="1.7" inditree="1" via="{name}"/>'.encode())

    def take() -> None:
        with contextlib.suppress(OSError):
            while sock.recv(1 << 20):
                pass

    threading.Thread(target=take, daemon=True).start()
    return sock


class Pinger:
    """A client that pings without a pause."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.settimeout(60)

    def close(self) -> None:
        """It hangs up."""
        self._sock.close()

    def longest(self, seconds: float) -> float:
        """The longest that an answer took in so many seconds."""
        longest, end = 0.0, time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            self._sock.sendall(b'<pingRequest uid="x"/>')
            data = b""
            while not data.endswith(b"/>\n"):
                data += self._sock.recv(4096)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.001)
        return longest


def hang_up(port: int, router: Router, pinger: Pinger, name: str) -> tuple[float, float]:
    """A link with thousands of devices comes and goes: the longest stop, and the usual one (seconds)."""
    gone = link(port, name)
    for first in range(0, DEVICES, 100):
        gone.sendall("".join(device(number, name) for number in range(first, first + 100)).encode())
    router.wait_for(f"{name} {DEVICES - 1}: provided by", 60)
    usual = pinger.longest(1)
    gone.shutdown(socket.SHUT_RDWR)
    longest = pinger.longest(2)
    gone.close()
    return longest, usual


def test_a_link_of_8000_devices_that_hangs_up(tmp_path: Path) -> None:
    """At most 50 ms where the machine is idle; where others work as well, the best of three times counts."""
    port = free_port()
    with serve(tmp_path, port=port) as router, contextlib.closing(Pinger(port)) as pinger, link(port, "OTHER"):
        for name in ("A", "B", "C"):
            longest, usual = hang_up(port, router, pinger, name)
            if longest < 0.05 + 5 * usual:
                break
        assert longest < 0.05 + 5 * usual, f"{longest * 1000:.0f} ms, usually {usual * 1000:.0f}"
        router.wait_for(f"{DEVICES - 32} more devices: no longer provided")
