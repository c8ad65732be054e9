"""IPyDriver objects in process against indipyserver: python -m bench.ipydriver [--rounds N] [--only ROW]

The same driver object of the public package under IPyServer of both, the same clients; the servers in turn, medians.
`none` is the package alone, its elements thrown away: what no server can be faster than.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.measure import cpu_seconds, listening
from ports import free_port

OURS, UVLOOP, PEER, NONE = "ours", "ours, uvloop", "indipyserver", "none"
DEVICE = "Source"
IMAGE = 8 << 20
READ = 1 << 20
DEADLINE = 120.0
LAST = b'message="that was all"'


@dataclass(frozen=True)
class Row:
    """What the driver is told to send, and to how many clients. `counts`: elements by server; rates are compared."""

    name: str
    command: str
    clients: int
    counts: dict[str, int]
    goal: float

    def count(self, server: str) -> int:
        return self.counts.get(server, self.counts[OURS])


ROWS = (
    Row("numbers, 5 clients", "NUMBERS", 5, {OURS: 40_000, PEER: 5_000}, 10.0),
    Row("8 MiB images, 1 client", "IMAGES", 1, {OURS: 60, PEER: 12}, 5.0),
    Row("8 MiB images, 4 clients", "IMAGES", 4, {OURS: 30, PEER: 6}, 5.0),
)


# The server, in a process of its own


def make_driver() -> Any:
    """One device that sends so many numbers or images as it is told, and then a message."""
    import indipydriver as ipd

    class Source(ipd.IPyDriver):  # type: ignore[misc]  # indipydriver is not typed
        async def rxevent(self, event: Any) -> None:
            send = self.numbers if event.vectorname == "NUMBERS" else self.images
            self.add_background(send(int(float(event["count"]))))

        async def numbers(self, count: int) -> None:
            vector = self[DEVICE]["VALUE"]
            for value in range(count):
                vector["value"] = value
                await vector.send_setVector()
            await self.send_message("that was all")

        async def images(self, count: int) -> None:
            vector = self[DEVICE]["IMAGE"]
            body = os.urandom(IMAGE - 8)
            for number in range(count):
                vector["image"] = number.to_bytes(8, "big") + body
                await vector.send_setVectorMembers(members=["image"])
            await self.send_message("that was all")

    def number(name: str, member: str, perm: str) -> Any:
        return ipd.NumberVector(name, name, "Main", perm, "Ok", [ipd.NumberMember(member, format="%g")])

    image = ipd.BLOBVector("IMAGE", "Image", "Main", "ro", "Ok", [ipd.BLOBMember("image", blobformat=".fits")])
    vectors = [number("NUMBERS", "count", "rw"), number("IMAGES", "count", "rw"), number("VALUE", "value", "ro"), image]
    return Source(ipd.Device(DEVICE, vectors))


def serve(name: str, port: int) -> None:
    """Run it until it is killed."""
    module = "indipyserver" if name == PEER else "inditree"
    server = __import__(module).IPyServer(make_driver(), host="127.0.0.1", port=port)
    if name == UVLOOP:
        import uvloop

        uvloop.run(server.asyncrun())
    else:
        asyncio.run(server.asyncrun())


class _Nowhere:
    """In place of a server: takes what the driver sends."""

    async def run_rx(self) -> None:
        """Nothing comes in."""

    async def run_tx(self, root: Any) -> None:
        """Nothing goes out."""

    def shutdown(self) -> None:
        """Nothing to end."""


def alone(row: Row, count: int) -> float:
    """Seconds that the package needs for it."""
    driver = make_driver()
    driver._commsobj = _Nowhere()

    async def main() -> float:
        begin = time.monotonic()
        await (driver.numbers if row.command == "NUMBERS" else driver.images)(count)
        return time.monotonic() - begin

    return asyncio.run(main())


# The clients


@dataclass
class Sample:
    """One run: elements a second at each client, seconds of the server's processor time for each element sent."""

    rate: float
    cpu: float


class Reader:
    """One client's stream: ends with the driver's message; what came is kept where it is small."""

    def __init__(self, port: int, keep: bool) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.keep = keep
        self.data = bytearray()
        self.bytes = 0
        self._tail = b""

    def begin(self) -> None:
        self.sock.sendall(f"<getProperties version='1.7'/><enableBLOB device='{DEVICE}'>Also</enableBLOB>".encode())
        seen = b""
        while seen.count(b"Vector>") < 4:
            seen += self.sock.recv(READ)
        self.sock.setblocking(False)

    def take(self, buffer: bytearray) -> bool:
        """One read; whether that was the end. Images are not looked at, which would take time from the server."""
        size = self.sock.recv_into(buffer)
        if not size:
            raise SystemExit("the server closed a client")
        self.bytes += size
        if self.keep:
            self.data += memoryview(buffer)[:size]
        self._tail = (self._tail + bytes(memoryview(buffer)[max(0, size - 256) : size]))[-256:]
        return LAST in self._tail


def collect(readers: list[Reader]) -> None:
    """Read all of them to the end."""
    buffer = bytearray(READ)
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.sock, selectors.EVENT_READ, reader)
        end = time.monotonic() + DEADLINE
        while selector.get_map():
            if time.monotonic() > end:
                raise SystemExit(f"not all within {DEADLINE:.0f} s")
            for key, _ in selector.select(1):
                if key.data.take(buffer):
                    selector.unregister(key.fileobj)


def check(reader: Reader, row: Row, count: int) -> None:
    """Nothing is missing. Of numbers the order too; the bytes of images are checked by the tests."""
    if row.command == "NUMBERS":
        wanted = [str(value).encode() for value in range(count)]
        got = [part.split(b"<", 1)[0].strip() for part in bytes(reader.data).split(b'<oneNumber name="value">')[1:]]
        if got != wanted:
            raise SystemExit(f"{len(got)} of {count} numbers arrived, or out of order")
    elif reader.bytes < count * (IMAGE * 4 // 3):
        raise SystemExit(f"{reader.bytes} bytes of {count} images arrived")


def once(name: str, row: Row) -> Sample:
    """One server, one load."""
    count = row.count(name)
    if name == NONE:
        return Sample(count / alone(row, count), 0.0)
    with running(name) as (pid, port):
        readers = [Reader(port, keep=row.command == "NUMBERS") for _ in range(row.clients)]
        for reader in readers:
            reader.begin()
        time.sleep(0.3)  # answers that other clients asked for are still on their way
        before, begin = cpu_seconds(pid), time.monotonic()
        readers[0].sock.sendall(
            f"<newNumberVector device='{DEVICE}' name='{row.command}'><oneNumber name='count'>{count}</oneNumber>"
            "</newNumberVector>".encode()
        )
        collect(readers)
        seconds = time.monotonic() - begin
        used = cpu_seconds(pid) - before
        for reader in readers:
            check(reader, row, count)
            reader.sock.close()
    return Sample(count / seconds, used / count)


@contextlib.contextmanager
def running(name: str) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its pid and port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.ipydriver", "--serve", name, "--port", str(port)])
    try:
        end = time.monotonic() + 20
        while not listening(port):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{name} does not come up")
            time.sleep(0.01)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def main() -> int:
    """Measure, print medians and verdicts; 0 where all goals are met."""
    parser = argparse.ArgumentParser(prog="bench.ipydriver")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="ROW", help="rows whose name starts so")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port)
        return 0
    met = True
    for row in ROWS:
        if not row.name.startswith(arguments.only):
            continue
        samples: dict[str, list[Sample]] = {name: [] for name in (OURS, UVLOOP, PEER, NONE)}
        for _ in range(arguments.rounds):
            for name, list_ in samples.items():
                list_.append(once(name, row))
        rates = {name: statistics.median(each.rate for each in list_) for name, list_ in samples.items()}
        best = rates[OURS] / rates[PEER]
        met = met and best >= row.goal
        print(f"{row.name}: {best:.1f} x indipyserver (goal {row.goal:g}: {'met' if best >= row.goal else 'missed'})")
        for name, rate in rates.items():
            cpu = statistics.median(each.cpu for each in samples[name])
            print(
                f"    {name:14} {rate:10.1f}/s  {rate / rates[PEER]:6.1f} x  {cpu * 1e6:10.0f} us CPU each", flush=True
            )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
