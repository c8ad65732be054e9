"""A healthy client: it reads all it gets, and knows what is missing."""

from __future__ import annotations

import base64
import re
import threading
import time

from chaos.ticker import PICTURE_EVERY
from live import Client

TOKEN = re.compile(
    rb"<(?P<tag>def|set)NumberVector[^>]*device=.(?P<device>\w+).[^>]*name=.TICK.[^>]*>"
    rb"\s*<(?:def|one)Number[^>]*>\s*(?P<number>\d+)\s*<"
    rb"|<delProperty[^>]*device=.(?P<gone>\w+).[^>]*/>"
    rb"|<setBLOBVector[^>]*device=.(?P<camera>\w+).[^>]*>\s*<oneBLOB[^>]*>(?P<picture>[^<]{12})"
)


class Listener:
    """Listens to everything at a port, from its making to `close`; `faults` are what must not have been.

    `ticks` counts the elements that came, `last` is the newest number of each device, None while it is not there, and
    `seen` that of its newest picture. Of the devices `near` no number and no picture may be missing. Of those
    behind a link that is cut and comes back within `link_hold` the newest number is told, and no older one behind it;
    pictures are dropped by newer ones.
    """

    def __init__(self, port: int, name: str, near: str) -> None:
        self.faults: list[str] = []
        self.ticks = 0
        self.pictures = 0
        self.worst = 0.0  # seconds between two elements of any kind
        self.last: dict[str, int | None] = {}
        self._name = name
        self._owed: dict[str, set[int]] = {}  # pictures that have been announced by their number
        self.seen: dict[str, int] = {}
        self._near = near
        self._closing = False
        self._sock = Client(port, "<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>").sock
        self._sock.settimeout(0.5)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        data, heard = b"", time.monotonic()
        while not self._closing:
            try:
                more = self._sock.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError as error:
                self._fault(f"connection: {error}")
                return
            if not more:
                self._fault("was closed")
                return
            now = time.monotonic()
            self.worst, heard = max(self.worst, now - heard), now
            data += more
            end = 0
            for found in TOKEN.finditer(data):
                end = found.end()
                self._take(found)
            data = data[end:]

    def _take(self, found: re.Match[bytes]) -> None:
        if found["gone"] is not None:
            device = found["gone"].decode()
            self.last[device] = None
            self._owed.pop(device, None)
        elif found["camera"] is not None:
            self.pictures += 1
            number = int.from_bytes(base64.b64decode(found["picture"])[:8])
            device = found["camera"].decode()
            self.seen[device] = number
            self._owed.get(device, set()).discard(number)
        else:
            self._tick(found["device"].decode(), int(found["number"]), found["tag"] == b"def")

    def _tick(self, device: str, number: int, defined: bool) -> None:
        last = self.last.get(device)
        self.last[device] = number or None
        if defined:
            return
        self.ticks += 1
        # A driver behind a link that starts again during a blip begins at 0, which is told as a value.
        if last is not None and (number != last + 1 if device in self._near else 0 < number <= last):
            self._fault(f"{device}: {number} after {last}")
        owed = self._owed.setdefault(device, set())
        if number % PICTURE_EVERY == 0:
            owed.add(number)
        if device in self._near and any(each < number - 2 * PICTURE_EVERY for each in owed):
            self._fault(f"{device}: pictures {sorted(owed)} are missing at {number}")
            owed.clear()

    def _fault(self, text: str) -> None:
        if not self._closing:
            self.faults.append(f"{self._name}: {text}")

    def close(self) -> None:
        self._closing = True
        self._sock.close()
        self._thread.join(5)
