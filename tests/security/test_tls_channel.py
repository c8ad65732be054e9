"""The TLS connection by itself: progress, order, two threads, and a decent end."""

from __future__ import annotations

import _ssl
import asyncio
import contextlib
import ctypes
import os
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inditree.transport.sockets import unread_here
from inditree.transport.tls import handshake
from inditree.transport.tls_channel import EMPTY_BYTES, FEED, READ_AT_ONCE, TlsChannel
from security.certificates import Authority
from security.parts import context
from waiting import DEADLINE, until

Ends = tuple[TlsChannel, ssl.SSLSocket]


def _connected(folder: Path, ours: socket.socket, theirs: socket.socket, version: ssl.TLSVersion) -> Iterator[Ends]:
    authority = Authority(folder)
    pair = authority.server()
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(pair.cert, pair.key)
    asks = context(authority.cert, most=version)
    wrapped: list[ssl.SSLSocket] = []

    def connect() -> None:
        wrapped.append(asks.wrap_socket(theirs, server_hostname="localhost", suppress_ragged_eofs=False))

    thread = threading.Thread(target=connect)
    thread.start()
    channel = asyncio.run(handshake(ours, serves, server_side=True))
    thread.join(10)
    wrapped[0].settimeout(DEADLINE)
    yield channel, wrapped[0]
    channel.close()
    wrapped[0].close()


@pytest.fixture(name="ends", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def _ends(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Our end, non-blocking, and the other one, blocking."""
    yield from _connected(tmp_path, *socket.socketpair(), request.param)


@pytest.fixture(name="far_ends")
def _far_ends(tmp_path: Path) -> Iterator[Ends]:
    """The same over TCP, whose buffers take thousands of small records, by TLS 1.3."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    yield from _connected(tmp_path, ours, theirs, ssl.TLSVersion.TLSv1_3)


def test_a_slow_reader_is_seen_to_take_something(ends: Ends) -> None:
    """A megabyte that counts only as a whole would make a slow client a stalled one."""
    channel, _ = ends
    sent = channel.send([os.urandom(1 << 20)])
    assert 16 << 10 <= sent < 1 << 20
    with pytest.raises(BlockingIOError):
        channel.send([b"x"])


def test_what_is_taken_in_parts_arrives_in_order(ends: Ends) -> None:
    channel, other = ends
    whole = b"".join(b"<e%d/>" % each for each in range(200)) + os.urandom(3 << 20)
    buffers = [b"<e%d/>" % each for each in range(200)] + [whole[-(3 << 20) :]]
    got = bytearray()

    def read() -> None:
        while len(got) < len(whole):
            got.extend(other.recv(1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    _send_all(channel, buffers)
    reader.join(20)
    assert bytes(got) == whole


def _send_all(channel: TlsChannel, buffers: list[bytes]) -> None:
    left: list[bytes | memoryview] = list(buffers)
    while left:
        try:
            count = channel.send(left[:64])
        except BlockingIOError:
            select.select([], [channel.write_fd()], [], 10)
            continue
        while count:
            first = left.pop(0)
            if len(first) > count:
                left.insert(0, memoryview(first)[count:])
            count -= min(count, len(first))


def test_a_half_written_record_is_followed_by_what_came_meanwhile(ends: Ends) -> None:
    """The write that is tried again may be cut otherwise: OpenSSL refuses one that has become shorter."""
    channel, other = ends
    first, rest = b"a" * 100, b"b" * 16_300
    filled = 0
    with pytest.raises(BlockingIOError):
        while True:
            filled += channel.send([b"f" * 1000])
    with pytest.raises(BlockingIOError):
        channel.send([b"f" * 1000, first, rest[:50]])
    got = bytearray()
    other.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while True:
            got += other.recv(1 << 16)
    other.settimeout(DEADLINE)
    end = b"f" * 1000 + first + rest
    assert channel.send([b"f" * 1000, first, rest]) == len(end)
    while len(got) < filled + len(end):
        got += other.recv(1 << 16)
    assert bytes(got) == b"f" * filled + end


def test_small_elements_share_a_record(ends: Ends) -> None:
    channel, other = ends
    channel.send([b"<a/>"] * 64)
    assert other.recv(1 << 16) == b"<a/>" * 64


def test_a_thread_reads_while_the_loop_writes(ends: Ends) -> None:
    """As the image thread does: OpenSSL allows one thread at a time in a connection."""
    channel, other = ends
    size = 24 << 20
    out, back = os.urandom(1 << 16) * (size >> 16), os.urandom(1 << 16) * (size >> 16)
    got, returned, failed = bytearray(), bytearray(size), []

    def read_ours() -> None:
        view, filled = memoryview(returned), 0
        try:
            while filled < size:
                try:
                    filled += channel.recv_into(view[filled : filled + (1 << 20)])
                except BlockingIOError:
                    select.select([channel.read_fd()], [], [], 1)
        except Exception as error:
            failed.append(error)

    def their_end() -> None:
        other.setblocking(False)
        sent, left = 0, memoryview(back)
        while sent < size or len(got) < size:
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                sent += other.send(left[sent : sent + 16384]) if sent < size else 0
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                got.extend(other.recv(16384))

    threads = [threading.Thread(target=each, daemon=True) for each in (read_ours, their_end)]
    for thread in threads:
        thread.start()
    _send_all(channel, [out[at : at + 100_000] for at in range(0, size, 100_000)])
    for thread in threads:
        thread.join(30)
    assert not failed
    assert bytes(got) == out
    assert bytes(returned) == back


def test_a_reader_in_a_thread_sees_the_end(ends: Ends) -> None:
    channel, _ = ends
    seen: list[object] = []
    waits = threading.Event()

    def read() -> None:
        buffer = memoryview(bytearray(1 << 20))
        while not seen:
            try:
                seen.append(channel.recv_into(buffer))
            except BlockingIOError:
                waits.set()
                select.select([channel.read_fd()], [], [], 5)
            except OSError as error:
                seen.append(error)
            except Exception as error:
                seen.append(f"{error!r} would end the thread")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert waits.wait(5)
    channel.hang_up()
    thread.join(10)
    assert seen
    assert isinstance(seen[0], OSError) or seen[0] == 0


def test_after_hanging_up_no_ciphertext_is_taken_for_data(ends: Ends) -> None:
    channel, other = ends
    other.sendall(b"x" * 1000)
    channel.hang_up()
    with contextlib.suppress(OSError):
        assert channel.recv(1 << 16) in (b"x" * 1000, b"")


def test_the_end_is_told(ends: Ends) -> None:
    """Without close_notify an end looks like an attack to many clients."""
    channel, other = ends
    channel.send([b"<last/>"])
    channel.close()
    assert other.recv(100) == b"<last/>"
    assert other.recv(100) == b""


def test_what_came_before_an_abrupt_end_counts(ends: Ends) -> None:
    channel, other = ends
    other.sendall(b"<last/>")
    socket.socket.shutdown(other, socket.SHUT_RDWR)
    select.select([channel.read_fd()], [], [], 5)
    assert channel.recv(1 << 16) == b"<last/>"
    assert channel.recv(1 << 16) == b""


def update_keys(sock: ssl.SSLSocket, number: int) -> None:
    """Send key updates (RFC 8446, 4.6.3), for which Python has no call: SSL_key_update of the library that it uses."""
    library = ctypes.CDLL(_ssl.__file__)
    assert sock._sslobj is not None  # type: ignore[attr-defined]
    # PySSLSocket: the head of any object, the socket, and then OpenSSL's own structure.
    structure = ctypes.c_void_p.from_address(id(sock._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p))  # type: ignore[attr-defined]
    for _ in range(number):
        assert library.SSL_key_update(structure, 0) == 1
        assert library.SSL_do_handshake(structure) == 1


def buffered(channel: TlsChannel, least: int) -> int:
    """Bytes that the kernel has for it."""
    return until(lambda: count if (count := unread_here(channel.sock)) >= least else 0)


@pytest.mark.parametrize("data", [b"", b"x"])
def test_records_without_data_take_no_longer_than_others(far_ends: Ends, data: bytes) -> None:
    """OpenSSL goes on for as long as they come: 100 000 key updates took 1.8 s of the loop, and any number any time."""
    channel, other = far_ends
    for _ in range(4):
        update_keys(other, 1000)
        other.sendall(data or b"")
    before = buffered(channel, 4 * 1000 * 27)
    with contextlib.suppress(BlockingIOError):
        assert channel.recv(1 << 18) == data
    assert before - unread_here(channel.sock) <= 2 * FEED


def test_records_of_a_byte_are_read_in_turns(far_ends: Ends) -> None:
    """Each costs as much as a full one: others have their turn before all that the kernel holds is opened."""
    channel, other = far_ends
    for _ in range(4000):
        other.sendall(b"x")
    buffered(channel, 4000 * 22)
    assert 0 < len(channel.recv(1 << 16)) <= READ_AT_ONCE // 22
    assert unread_here(channel.sock) > 0


def test_who_sends_nothing_but_records_without_data_is_closed(far_ends: Ends) -> None:
    channel, other = far_ends
    update_keys(other, 10)
    other.sendall(b"data")
    assert channel_read(channel) == b"data"
    update_keys(other, EMPTY_BYTES // 27 + 1000)
    with pytest.raises(OSError, match="hold no data"):
        channel_read(channel)


def channel_read(channel: TlsChannel) -> bytes:
    while True:
        try:
            return channel.recv(1 << 16)
        except BlockingIOError:
            assert select.select([channel.read_fd()], [], [], DEADLINE)[0], "nothing more comes"
