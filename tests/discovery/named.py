"""Debian's DNS server on loopback, with a zone that tests change as they like."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.update

from ports import free_port
from waiting import DEADLINE

ZONE = "obs.test"
#: A zone that named refuses to load, so that it answers SERVFAIL for it.
BROKEN = "broken.test"

_CONFIG = """
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{folder}";
    recursion no;
    dnssec-validation no;
    minimal-responses yes;
    check-names primary ignore;
    max-records-per-type 0;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "zone"; allow-update {{ 127.0.0.1; }}; }};
zone "{broken}" {{ type primary; file "missing"; }};
"""

_ZONE = """$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 {negative}
@ NS ns
ns A 127.0.0.1
"""


class Named:
    """A running server; `negative` seconds hold for what it does not have."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def put(self, name: str, kind: str, *values: str, ttl: int = 60) -> None:
        """Replace the records of this name and type; no value: there are none from now on."""
        update = dns.update.UpdateMessage(ZONE)
        update.delete(name, kind)
        for value in values:
            update.add(name, ttl, kind, value)
        answer = dns.query.tcp(update, "127.0.0.1", timeout=DEADLINE, port=self.port)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())

    def _stands(self) -> bool:
        """Are all its threads stopped?"""
        states = [each.read_text().rpartition(")")[2].split()[0] for each in self._threads()]
        return set(states) == {"T"}

    def _threads(self) -> Iterator[Path]:
        return Path(f"/proc/{self.process.pid}/task").glob("*/stat")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It takes questions and answers none."""
        os.kill(self.process.pid, signal.SIGSTOP)
        while not self._stands():  # a thread that runs on another processor goes on for a moment
            time.sleep(0.001)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


def _free_port() -> int:
    """Free for UDP and for TCP."""
    while True:
        port = free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, suppress(OSError):
            udp.bind(("127.0.0.1", port))
            return port


@contextmanager
def named(folder: Path, negative: int = 60) -> Iterator[Named]:
    """Run one."""
    program = shutil.which("named", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert program is not None, "named is missing: apt-get install bind9"
    port = _free_port()
    (folder / "zone").write_text(_ZONE.format(negative=negative))
    (folder / "named.conf").write_text(_CONFIG.format(folder=folder, port=port, zone=ZONE, broken=BROKEN))
    with (folder / "log").open("wb") as log:
        command = [program, "-g", "-n", "1", "-c", str(folder / "named.conf")]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, folder / "log")
        yield Named(port, process)
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            question = dns.message.make_query(ZONE, "SOA")
            if dns.query.udp(question, "127.0.0.1", timeout=0.2, port=port).answer:
                return
        except (OSError, dns.exception.DNSException):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
