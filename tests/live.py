"""Real routers, drivers and clients for the tests: started as a user starts them, and gone afterwards."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import psutil

import waiting
from ports import free_port
from waiting import DEADLINE

T = TypeVar("T")


until = waiting.until


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run still: a zombie whose parent is gone waits for the machine's own init."""
    found = []
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


class Router:
    """`inditree WORDS` in a process of its own, logging to a file; `before`: a command that becomes it."""

    def __init__(
        self, log: Path, words: list[str], port: int, env: dict[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> None:
        self.port = port
        self.log_file = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "inditree", *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_for(self, text: str, timeout: float = DEADLINE) -> None:
        """Until the log says it."""
        try:
            until(lambda: text in self.log, timeout)
        except AssertionError:
            raise AssertionError(f"{text!r} was not logged within {timeout} s:\n{self.log[-3000:]}") from None

    def descendants(self) -> list[psutil.Process]:
        """All processes below it."""
        try:
            return list(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.Error:
            return []

    def driver_pid(self, word: str) -> int:
        """The process of a driver whose command line begins with `word`."""

        def find() -> int:
            for each in self.descendants():
                with contextlib.suppress(psutil.Error):
                    words = each.cmdline()  # none while it begins or ends
                    if words and Path(words[0]).name == word:
                        return int(each.pid)
            return 0

        return until(find, what=f"process {word}")

    def stop(self, number: int = signal.SIGTERM, timeout: float = DEADLINE) -> int:
        """Send a signal and wait: the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)


@contextlib.contextmanager
def serve(
    tmp: Path,
    *words: str,
    port: int | None = None,
    http: str = "off",
    listening: bool = True,
    env: dict[str, str] | None = None,
    name: str = "router",
) -> Iterator[Router]:
    """`inditree serve WORDS` on a free port, until the block ends."""
    port = port or free_port()
    flags = ["serve", "--port", str(port), "--http", http]
    with running(Router(tmp / f"{name}.log", [*flags, *words], port, env)) as router:
        if listening:
            router.wait_for("listening on")
        yield router


@contextlib.contextmanager
def running(router: Router) -> Iterator[Router]:
    """A router that has ended when the block has, by SIGTERM or, where that takes too long, killed."""
    try:
        yield router
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            router.stop(timeout=30)
        if router.process.poll() is None:
            router.process.kill()
            router.process.wait()


def _last_literal(pattern: str) -> bytes:
    """Gives text with which each match ends, b"" where there is none: an image is not searched anew with each piece."""
    found = re.search(r"[\w<>/= -]*$", pattern)
    assert found is not None
    escaped = pattern[: found.start()].endswith("\\")
    return b"" if "|" in pattern else found[0][escaped:].encode()


@contextlib.contextmanager
def indiserver(tmp: Path, *words: str) -> Iterator[Router]:
    """`inditree indiserver -v WORDS` on a free port and a local name of its own, until the block ends."""
    port = free_port()
    with running(
        Router(tmp / "router.log", ["indiserver", "-v", "-p", str(port), "-u", f"/tmp/{port}", *words], port)
    ) as it:
        it.wait_for("listening on")
        yield it


#: Bytes that a client of the tests keeps to say what it has heard: far more than what is said beside large images.
HEARD = 64 << 20


class Client:
    """A plain INDI client over TCP: what it has received and not taken yet is `data`, all of it `heard`."""

    def __init__(self, port: int, *first: str, host: str = "127.0.0.1", receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        try:
            self.sock.connect((host, port))
        except OSError:
            self.sock.close()
            raise
        self.data = b""
        self._taken: list[bytes] = []
        self._kept = 0
        for each in first:
            self.send(each)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, text: str) -> None:
        self.sock.sendall(text.encode())

    @property
    def heard(self) -> bytes:
        """Everything that came since `forget`, what was taken as well: for what must not have come."""
        assert self._kept < HEARD, "too much has come to be kept"
        return b"".join(self._taken) + self.data

    def told_of(self, device: str) -> bool:
        """Has anything but a message named this device? A message may be the answer to a command of ours."""
        return re.search(rb"<(?!message\b)\w+[^>]*\bdevice=.%s\b" % device.encode(), self.heard) is not None

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.data = b""
        self._taken.clear()
        self._kept = 0

    def _keep(self, taken: bytes) -> None:
        self._kept += len(taken)
        if self._kept < HEARD:
            self._taken.append(taken)

    def ask(self, device: str | None = None) -> None:
        """getProperties for all, or one device."""
        self.send(f"<getProperties version='1.7' device='{device}'/>" if device else "<getProperties version='1.7'/>")

    def take(self, pattern: str, timeout: float = DEADLINE) -> re.Match[bytes]:
        """Read until the pattern is there, and take everything up to its end."""
        wanted = re.compile(pattern.encode(), re.DOTALL)
        tail = _last_literal(pattern)
        end = time.monotonic() + timeout
        looked = 0
        while (found := wanted.search(self.data) if self.data.find(tail, looked) >= 0 else None) is None:
            looked = max(0, len(self.data) - len(tail))
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self.sock.recv(1 << 20)
            except TimeoutError:
                raise AssertionError(f"{pattern} did not come; there is {self.data[-2000:]!r}") from None
            if not more:
                raise AssertionError(f"closed before {pattern}; there is {self.data[-2000:]!r}")
            self.data += more
        self._keep(self.data[: found.end()])
        self.data = self.data[found.end() :]
        self.sock.settimeout(DEADLINE)
        return found

    def closed(self, timeout: float = DEADLINE) -> bool:
        """Read to the end; True when the other end closes within the time."""
        self.sock.settimeout(timeout)
        try:
            while more := self.sock.recv(1 << 20):
                self.data += more
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def silent(self, seconds: float) -> bytes:
        """What comes within some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                more = self.sock.recv(1 << 20)
            except TimeoutError:
                break
            if not more:
                break
            self.data += more
        data, self.data = self.data, b""
        self._keep(data)
        return data

    def ping(self, uid: str = "here") -> None:
        """Everything that was sent before has been acted on."""
        self.send(f"<pingRequest uid='{uid}'/>")
        self.take(f"<pingReply uid=.{uid}.")

    def connect_ccd(self, device: str = "CCD Simulator") -> None:
        """Ask for the camera, with BLOBs, and switch it on."""
        self.ask(device)
        self.send(f"<enableBLOB device='{device}'>Also</enableBLOB>")
        self.take(rf"<defSwitchVector[^>]*device=.{device}.[^>]*name=.CONNECTION.")
        self.send(
            f"<newSwitchVector device='{device}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
            "</newSwitchVector>"
        )
        self.take(rf"<defNumberVector[^>]*device=.{device}.[^>]*name=.CCD_EXPOSURE.")

    def expose(self, device: str = "CCD Simulator", seconds: float = 0.01) -> bytes:
        """One exposure: the FITS, of the size that was announced."""
        self.send(
            f"<newNumberVector device='{device}' name='CCD_EXPOSURE'><oneNumber name='CCD_EXPOSURE_VALUE'>{seconds}"
            "</oneNumber></newNumberVector>"
        )
        found = self.take(r"<setBLOBVector[^>]*>\s*<oneBLOB([^>]*)>([^<]*)</oneBLOB>\s*</setBLOBVector>")
        data = base64.b64decode(found[2])
        announced = re.search(rb"\bsize=.(\d+)", found[1])
        assert announced is not None
        assert len(data) == int(announced[1])
        assert data.startswith(b"SIMPLE  =")
        return data


def tool(*words: str, timeout: float = DEADLINE) -> subprocess.CompletedProcess[str]:
    """Run one of Debian's INDI tools."""
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)
