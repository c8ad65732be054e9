"""Cameras, readers and routers in a row for runs with real sockets: clients read at a given speed."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from live import Client, Router
from ports import free_port

_PROGRAM = """#!{python}
import json, os, select, sys, time
options = json.loads({options!r})
device, size, every, number = options["device"], options["size"], options["every"], options["number"]
ping, form, mount = options["ping"], options["form"], options["mount"]
heard = b""

def listen(timeout):
    global heard
    if select.select([0], [], [], timeout)[0]:
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)
        heard += data

def say(text):
    data = text.encode() if isinstance(text, str) else text
    while data:
        data = data[os.write(1, data):]

while b"<getProperties" not in heard:
    listen(60)
kind = "Number" if mount else "BLOB"
inner = "<defNumber name='V' format='%g' min='0' max='0' step='0'>0</defNumber>" if mount else "<defBLOB name='V'/>"
perm = "ro"
say(f"<def{{kind}}Vector device='{{device}}' name='P' state='Idle' perm='{{perm}}'>{{inner}}</def{{kind}}Vector>\\n")
say(f"<defSwitchVector device='{{device}}' name='GO' state='Idle' perm='rw' rule='AnyOfMany'>"
    "<defSwitch name='GO'>Off</defSwitch></defSwitchVector>\\n")
while b"<newSwitchVector" not in heard:
    listen(60)
body = b"A" * size
due = time.monotonic()
for count in range(number):
    if mount:
        now = time.time()
        say(f"<setNumberVector device='{{device}}' name='P' state='Ok'><oneNumber name='V'>{{now:.6f}}</oneNumber>"
            "</setNumberVector>\\n")
    else:
        say(f"<setBLOBVector device='{{device}}' name='P' state='Ok' timestamp='{{count}}'>"
            f"<oneBLOB name='V' size='{{size * 3 // 4}}' format='{{form}}'>")
        say(body)
        say("</oneBLOB></setBLOBVector>\\n")
        if ping:
            heard = b""
            say(f"<pingRequest uid='SetBLOB/{{count}}'/>\\n")
            while b"<pingReply" not in heard:
                listen(60)
    if every:
        due += every
        while (left := due - time.monotonic()) > 0:
            listen(left)
while True:
    listen(60)
"""


def camera(
    folder: Path,
    device: str,
    size: int = 0,
    *,
    number: int = 1_000_000,
    every: float = 0.0,
    ping: bool = False,
    form: str = ".fits",
    mount: bool = False,
) -> str:
    """A program that sends `number` images of `size` bytes once it was told to GO; `mount`: the time instead."""
    options = {"device": device, "size": size, "every": every, "number": number, "ping": ping, "form": form}
    path = folder / f"camera-{device}"
    import json

    path.write_text(_PROGRAM.format(python=sys.executable, options=json.dumps({**options, "mount": mount})))
    path.chmod(0o755)
    return str(path)


class Reader:
    """A client of some devices that reads at `speed` bytes a second in a thread (None: as fast as it can)."""

    def __init__(self, port: int, *devices: str, speed: float | None = None) -> None:
        self._client = Client(port, receive_buffer=64 << 10 if speed is not None else None)
        self._speed = speed
        self._stop = threading.Event()
        self._tail = b""
        self.taken = 0
        self.images: dict[str, list[int]] = {device: [] for device in devices}
        self.formats: list[str] = []
        self.ages: list[float] = []
        for device in devices:
            self._client.ask(device)
            self._client.send(f"<enableBLOB device='{device}'>Also</enableBLOB>")
            self._client.take(rf"<defSwitchVector[^>]*device=.{device}.[^>]*name=.GO.")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def go(self, *devices: str) -> None:
        """Tell these to begin."""
        for device in devices:
            self._client.send(
                f"<newSwitchVector device='{device}' name='GO'><oneSwitch name='GO'>On</oneSwitch></newSwitchVector>"
            )

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._client.sock.shutdown(2)
        self._thread.join(10)
        self._client.sock.close()

    def _read(self) -> None:
        begin = time.monotonic()
        self._client.sock.settimeout(0.5)
        while not self._stop.is_set():
            if self._speed is not None:
                ahead = self.taken / self._speed - (time.monotonic() - begin)
                if ahead > 0:
                    self._stop.wait(min(ahead, 0.5))
                    continue
            try:
                data = self._client.sock.recv(16 << 10 if self._speed is not None else 1 << 20)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self.taken += len(data)
            self._look(data)

    def _look(self, data: bytes) -> None:
        """Count an image at its end: only its tags are kept."""
        text = self._tail + data
        done = 0
        at = -1
        while (at := text.find(b"<", at + 1)) >= 0:  # an image has none within: nothing looks at each of its bytes
            found = _ELEMENT.match(text, at)
            if found is None:
                continue
            done = found.end()
            if found[1] is not None:
                self._image = found[1].decode(), int(found[2])
            elif found[3] is not None:
                self._form = found[3].decode()
            elif found[4] is not None:
                device, number = self._image
                self.images[device].append(number)
                self.formats.append(self._form)
            else:
                self.ages.append(time.time() - float(found[5]))
        self._tail = text[max(done, len(text) - 400) :]


_ELEMENT = re.compile(
    rb"<setBLOBVector device='([^']*)' name='P' state='Ok' timestamp='(\d+)'>"
    rb"|<oneBLOB name='V' size='\d+' format='([^']*)'>"
    rb"|(</setBLOBVector>)"
    rb"|<setNumberVector [^>]*><oneNumber name='V'>([0-9.]{10,})</oneNumber>"
)


@contextlib.contextmanager
def reading(port: int, *devices: str, speed: float | None = None) -> Iterator[Reader]:
    """A client until the block ends."""
    reader = Reader(port, *devices, speed=speed)
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def row(folder: Path, *programs: str, queue: int, hops: int) -> Iterator[list[Router]]:
    """Routers in a row, each linked to the one before; the first one runs these drivers."""
    with contextlib.ExitStack() as stack:
        drivers = ", ".join(f"{{name: d{number}, exec: ['{program}']}}" for number, program in enumerate(programs))
        routers: list[Router] = []
        for hop in range(hops + 1):
            port = free_port()
            config = folder / f"r{hop}.yaml"
            units = f"remotes: [{{host: 127.0.0.1, port: {routers[-1].port}}}]" if routers else f"drivers: [{drivers}]"
            config.write_text(
                f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: 'off'}}\n"
                f"limits: {{queue: {queue}B}}\n{units}\n"
            )
            router = Router(folder / f"r{hop}.log", ["serve", "--config", str(config)], port)
            stack.callback(router.stop)
            router.wait_for("listening on")
            routers.append(router)
        yield routers
