"""A WebSocket as a channel: what a client sends is looked at in small turns, whatever its frames are."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest

from inditree.web.websocket import Decoder, WebSocketChannel
from server.inloop import caller, run
from waiting import DEADLINE
from web.world import CAMERA, site

HEAD = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
NOTHING = b"\0\x80\0\0\0\0"
"""A piece of a message without a byte in it."""


def frame(kind: int, data: bytes) -> bytes:
    """A short one, masked with zeros."""
    assert len(data) < 126
    return bytes((kind, 0x80 | len(data))) + bytes(4) + data


ASKED = frame(0x01, b'{"getProp') + NOTHING * 2000 + frame(0x80, b'erties":{}}')


class Wire:
    """A connection on which everything stands ready."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read_fd = self.write_fd = self.hang_up = self.end_writing = self.bound_unsent = lambda *_: 0

    def recv(self, size: int) -> bytes:
        data, self.data = self.data[:size], self.data[size:]
        return data

    def pending(self) -> bool:
        return bool(self.data)


class Counting(Decoder):
    def __init__(self) -> None:
        super().__init__(1 << 20, str.encode)
        self.fed: list[int] = []

    def feed(self, data: bytes) -> bytes:
        self.fed.append(len(data))
        return super().feed(data)


def reads(channel: WebSocketChannel) -> Iterator[bytes]:
    while channel.pending():
        try:
            yield channel.recv(1 << 18)
        except BlockingIOError:
            continue


@pytest.mark.parametrize("early", [0, len(ASKED) // 2, len(ASKED)])
def test_what_came_is_looked_at_in_small_turns(early: int) -> None:
    decoder = Counting()
    channel = WebSocketChannel(Wire(ASKED[early:]), decoder, ASKED[:early], print, print)  # type: ignore[arg-type]
    assert b"".join(reads(channel)) == b'{"getProperties":{}}'
    assert max(decoder.fed) <= 4096, "each six bytes may be a frame"


def test_a_message_in_thousands_of_pieces_is_answered_though_nothing_follows_it() -> None:
    async def work() -> None:
        async with site(CAMERA) as it, caller(it.port) as client:
            client.writer.write(HEAD + ASKED)
            await asyncio.wait_for(client.reader.readuntil(b'"defBLOBVector"'), DEADLINE)

    run(work())


@pytest.mark.parametrize(("piece", "number"), [(NOTHING, 30_000), (frame(0, b"ab"), 30_000)])
def test_a_message_in_pieces_is_kept_as_its_text_and_no_more(piece: bytes, number: int) -> None:
    """It kept eight bytes of memory for each piece of nothing, without end, and sixty for each of two characters."""
    decoder = Decoder(1 << 20, str.encode)
    decoder.feed(frame(0x01, b"{"))
    for _ in range(100):
        decoder.feed(piece * (number // 1000))  # what wsproto keeps once
    tracemalloc.start()
    try:
        for _ in range(number // 100):
            decoder.feed(piece * 90)
        assert tracemalloc.get_traced_memory()[0] < (len(piece) - len(NOTHING)) * number * 5 + 100_000
    finally:
        tracemalloc.stop()
