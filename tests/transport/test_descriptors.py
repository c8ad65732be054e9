"""Descriptors that others send: from drivers memory and files that can be read, from anybody else none."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

import waiting
from inditree.config import Limits, Listen
from inditree.core import Settings
from inditree.counters import Counters
from inditree.images.descriptors import FDS_KEPT
from inditree.transport.channel import DriverChannel, SocketChannel
from inditree.transport.descriptor_closer import Closer
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from programs.processes import descriptors
from server.inloop import caller, config, run, running, until
from waiting import DEADLINE

DATA = b"an image" * 16
SET = (
    "<setBLOBVector device='C' name='I'>"
    f"<oneBLOB name='i' size='{len(DATA)}' len='{len(DATA)}' format='.x' attached='true'/></setBLOBVector>\n"
).encode()
DEF = b"<defBLOBVector device='C' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>\n"


def memfd(path: Path) -> int:
    fd = os.memfd_create("image")
    os.write(fd, DATA)
    return fd


def plain_file(path: Path) -> int:
    path.write_bytes(DATA)
    return os.open(path, os.O_RDONLY)


def write_only(path: Path) -> int:
    path.write_bytes(DATA)
    return os.open(path, os.O_WRONLY)


def by_path_only(path: Path) -> int:
    path.write_bytes(DATA)
    return os.open(path, os.O_PATH)


def fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


def fifo_by_path_only(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_PATH)


def device(path: Path) -> int:
    return os.open("/dev/zero", os.O_RDONLY)


def folder(path: Path) -> int:
    return os.open(path.parent, os.O_RDONLY)


def unix_socket(path: Path) -> int:
    one, other = socket.socketpair()
    other.close()
    return one.detach()


GOOD = [memfd, plain_file]
BAD = [write_only, by_path_only, fifo, fifo_by_path_only, device, folder, unix_socket]
Maker = Callable[[Path], int]


def hand(far: socket.socket, data: bytes, *fds: int) -> None:
    """Send them, and keep none."""
    try:
        socket.send_fds(far, [data], fds)
    finally:
        for fd in fds:
            os.close(fd)


@contextlib.contextmanager
def baseline() -> Iterator[None]:
    """As many descriptors are open afterwards as before."""
    before = descriptors()
    yield
    waiting.until(lambda: descriptors() == before, what=f"{before} descriptors")


@contextlib.asynccontextmanager
async def driver() -> AsyncIterator[tuple[Engine, socket.socket, DriverChannel]]:
    engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
    ours, far = socket.socketpair()
    channel = DriverChannel(os.open(os.devnull, os.O_WRONLY), ours.detach())
    peer = engine.core.join("driver", "camera")
    Stream(engine, peer, channel, lambda *why: None)
    try:
        yield engine, far, channel
    finally:
        engine.end(peer, "shutdown", "the end of the test")
        await engine.close()
        far.close()


def client_of(engine: Engine) -> tuple[socket.socket, Stream]:
    """One that wants images as base64."""
    ours, far = socket.socketpair()
    peer = engine.core.join("client", "reader")
    stream = Stream(engine, peer, SocketChannel(ours), lambda *why: None)
    far.sendall(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")
    far.setblocking(False)
    return far, stream


async def heard(far: socket.socket, word: bytes) -> bytes:
    got = b""
    while word not in got:
        with contextlib.suppress(BlockingIOError):
            got += far.recv(1 << 16)
        await asyncio.sleep(0.005)
    return got


@pytest.mark.parametrize("make", [*GOOD, *BAD])
def test_a_driver_may_hand_over_memory_and_files_that_can_be_read(
    make: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with driver() as (engine, far, _):
            reader, stream = client_of(engine)
            await until(lambda: stream.peer.subscription.wants_blobs, "the client's wish")
            far.sendall(DEF)
            hand(far, SET.replace(b".x", b".1"), make(tmp_path / "one"))
            hand(far, SET.replace(b".x", b".2"), memfd(tmp_path))
            got = await heard(reader, b".2")
            assert (b".1" in got) == (make in GOOD)
            assert "reader" not in caplog.text
            engine.end(stream.peer, "shutdown", "")
            reader.close()

    with baseline():
        run(work())
    assert ("neither memory nor a file" in caplog.text) == (make in BAD)


BROKEN = [
    b"<setBLOBVector device='C' a\x01b='' name='I'>", b"<setBLOBVector device='C' name='%s'>" % (b"I" * 300),
    b"<setBLOBVector device=C name='I'>", b"<setBLOBVector device='C' name 'I'>",
    b"<setBLOBVector device='C' name='I' x>", b"<setBLOBVector device='C' name='I'",
    b"<setBLOBVector device='C name='I'>", b"setBLOBVector device='C' name='I'>",
]  # fmt: skip


@pytest.mark.parametrize("start", BROKEN)
@pytest.mark.parametrize("member", [SET[SET.index(b"<one") : SET.index(b"</set")], b"<oneBLOB attached=true/>"])
def test_a_start_tag_that_is_dropped_leaves_its_descriptor_to_nobody(start: bytes, member: bytes) -> None:
    """The next image is the one that the driver meant."""

    async def work() -> None:
        async with driver() as (engine, far, channel):
            reader, stream = client_of(engine)
            await until(lambda: stream.peer.subscription.wants_blobs, "the client's wish")
            far.sendall(DEF)
            wrong, right = os.memfd_create("wrong"), os.memfd_create("right")
            os.write(wrong, b"another " * 16)
            os.write(right, DATA)
            hand(far, start + member * 2 + b"</setBLOBVector>\n", wrong, os.dup(wrong))
            hand(far, SET.replace(b".x", b".2"), right)
            assert base64.b64encode(DATA) in await heard(reader, b"</setBLOBVector>")
            assert not channel.fds
            assert not stream.closed
            engine.end(stream.peer, "shutdown", "")
            reader.close()

    with baseline():
        run(work())


def test_what_a_driver_sends_and_does_not_claim_is_bounded(tmp_path: Path) -> None:
    async def work() -> None:
        async with driver() as (_, far, channel):
            for _ in range(5):
                hand(far, b"\n", *(memfd(tmp_path) for _ in range(50)))
            await until(lambda: len(channel.fds) == FDS_KEPT, "what is kept")
            far.sendall(DEF)
            hand(far, b"\n", memfd(tmp_path))
            await asyncio.sleep(0)
            assert len(channel.fds) == FDS_KEPT

    with baseline():
        run(work())


@pytest.mark.parametrize("make", [*GOOD, *BAD])
@pytest.mark.parametrize("peers", ["any", "none"])
def test_what_a_client_sends_is_closed_at_once(make: Maker, peers: Literal["any", "none"], tmp_path: Path) -> None:
    """Whatever it is, and whatever stands beside it: the router goes on, and nobody is given it."""
    path = tmp_path / "indi"

    async def work() -> None:
        async with running(config(Listen(unix=str(path), name="local", peers=peers))), caller(path) as other:
            other.writer.write(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")
            await other.ping()
            before = descriptors()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                hand(client, DEF, make(tmp_path / "one"))
                hand(client, SET, make(tmp_path / "two"))
                hand(client, SET.replace(b"set", b"new"), make(tmp_path / "three"))
                client.sendall(b"<pingRequest uid='1'/>")
                await until(lambda: descriptors() == before + 2, "its two ends of a connection, and nothing else")
                await other.ping()
            await until(lambda: descriptors() == before, "its end")
            other.writer.write(b"<pingRequest uid='last'/>")
            assert b"oneBLOB" not in await asyncio.wait_for(other.reader.readuntil(b"last"), DEADLINE)

    with baseline():
        run(work())


LINGER = 60  # seconds


def lingering() -> int:
    """A TCP connection with bytes that nobody reads, whose last close waits for a minute."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    listener.close()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER))
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            one.send(bytes(1 << 16))
    UNREAD.append(other)
    return one.detach()


UNREAD: list[socket.socket] = []


@pytest.mark.parametrize("read", [True, False])
def test_a_descriptor_whose_close_waits_does_not_stop_the_router(read: bool, tmp_path: Path) -> None:
    """One that was read, and one that still lies in the client's socket when that is closed."""
    path = tmp_path / "indi"

    async def work() -> None:
        async with running(config(Listen(unix=str(path), name="local"))) as it, caller(path) as other:
            await other.ping()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"<pingRequest uid='1'/>")
                (stream,) = await joined(it.server.listeners["local"].streams, 2)
                if not read:
                    it.server.engine.loop.remove_reader(stream.channel.read_fd())
                hand(client, b"<pingRequest uid='2'/>", lingering())
                await other.ping()
                if not read:
                    it.server.engine.end(stream.peer, "shutdown", "closed with it")
                began = time.monotonic()
                await other.ping()
                assert time.monotonic() - began < LINGER / 2
            while UNREAD:
                UNREAD.pop().close()  # resets it, so that the close returns

    with baseline():
        run(work())


async def joined(streams: set[Stream], count: int) -> list[Stream]:
    await until(lambda: len(streams) == count, "the connections")
    return [max(streams, key=lambda stream: stream.peer.id)]


def test_a_client_that_sends_them_faster_than_they_can_be_closed_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Closer, "_start", lambda self: None)  # it stands still
    path = tmp_path / "indi"

    async def work() -> None:
        async with running(config(Listen(unix=str(path), name="local"))) as it:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.settimeout(DEADLINE)
                with pytest.raises(OSError) as error:
                    for _ in range(100):
                        hand(client, b"\n" * 100, *(memfd(tmp_path) for _ in range(100)))
                        await asyncio.sleep(0.01)
                assert error.value.errno in (errno.EPIPE, errno.ECONNRESET)
            monkeypatch.undo()
            it.server.engine.closer.close([])

    with baseline():
        run(work())
