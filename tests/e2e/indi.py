"""A small INDI client on the standard library, so that a container without anything else can run it too."""

from __future__ import annotations

import base64
import re
import socket
import sys
import time

_BLOB = re.compile(rb"<oneBLOB[^>]*>([^<]*)</oneBLOB>")


class Client:
    """Connects, retrying for `seconds`, and keeps what comes in as bytes."""

    def __init__(self, host: str, port: int, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not self._connected(host, port):
            if time.monotonic() > end:
                raise AssertionError(f"no INDI server at {host}:{port} within {seconds} s")
            time.sleep(0.05)

    def _connected(self, host: str, port: int) -> bool:
        """A published port is open before the router listens: then the connection is taken and closed at once."""
        self.seen = b""
        self.ended = False
        try:
            self.socket = socket.create_connection((host, port), timeout=5.0)
            self.send('<getProperties version="1.7"/>')
        except OSError:
            return False
        self.poll(0.3)
        if self.ended:
            self.socket.close()
        return not self.ended

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, text: str) -> None:
        """Write it whole."""
        self.socket.settimeout(10.0)
        self.socket.sendall(text.encode())

    def poll(self, seconds: float) -> None:
        """Take in what comes, for this long at most."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(1 << 20)
        except (TimeoutError, BlockingIOError):
            return
        except ConnectionError:
            data = b""
        self.seen += data
        self.ended = self.ended or not data

    def until(self, pattern: str, seconds: float = 60.0) -> re.Match[bytes]:
        """Read until the pattern is there and forget what is before its end."""
        end = time.monotonic() + seconds
        search = re.compile(pattern.encode(), re.DOTALL)
        while not (found := search.search(self.seen)):
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise AssertionError(f"{pattern} did not come: {self.seen[-500:]!r}")
            self.poll(left)
        self.seen = self.seen[found.end() :]
        return found

    def devices(self, names: set[str], seconds: float = 60.0) -> float:
        """Read until all of these are defined; the seconds that it took."""
        began = time.monotonic()
        missing = set(names)
        while missing:
            found = self.until(r"<def\w+Vector[^>]*device=[\"']([^\"']+)", began + seconds - time.monotonic())
            missing.discard(found[1].decode())
        return time.monotonic() - began

    def photograph(self, device: str, exposure: float = 0.1, seconds: float = 60.0) -> bytes:
        """Take a picture; the file as the camera sent it. Raises AssertionError where it is no FITS file."""
        self.send(f"<getProperties version='1.7' device='{device}'/>")
        self.devices({device}, seconds)
        self.send(f"<enableBLOB device='{device}'>Also</enableBLOB>")
        self._connect(device)
        self.send(
            f"<newNumberVector device='{device}' name='CCD_EXPOSURE'>"
            f"<oneNumber name='CCD_EXPOSURE_VALUE'>{exposure}</oneNumber></newNumberVector>"
        )
        self.until(rf"<setBLOBVector[^>]*device=[\"']{device}[\"']", seconds)
        data = base64.b64decode(self.until(_BLOB.pattern.decode(), seconds)[1])
        assert data.startswith(b"SIMPLE  ="), data[:80]
        return data

    def _connect(self, device: str) -> None:
        """As every client does before it uses a device."""
        self.send(
            f"<newSwitchVector device='{device}' name='CONNECTION'>"
            "<oneSwitch name='CONNECT'>On</oneSwitch></newSwitchVector>"
        )
        self.until(rf"<defNumberVector[^>]*device=[\"']{device}[\"'][^>]*name=[\"']CCD_EXPOSURE[\"']")


if __name__ == "__main__":
    host, _, port = sys.argv[1].partition(":")
    with Client(host, int(port)) as client:
        print(len(client.photograph(sys.argv[2])))
