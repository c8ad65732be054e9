"""Many large images from an IPyDriver, each byte of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pybase64

from ipydriver.programs.stack import SIZE, noise
from ipydriver.scripts import script
from live import Client

COUNT = 50
END = b"</setBLOBVector>"


def elements(sock: socket.socket, data: bytes) -> Iterator[memoryview]:
    """The BLOB elements of a stream; each is to be used before the next."""
    buffer = bytearray(2 * SIZE)
    buffer[: len(data)] = data
    filled = len(data)
    while True:
        looked = max(0, filled - len(END))
        size = sock.recv_into(memoryview(buffer)[filled:])
        assert size, "closed"
        filled += size
        at = buffer.find(END, looked, filled)
        if at >= 0:
            stop = at + len(END)
            yield memoryview(buffer)[:stop]
            buffer[: filled - stop] = buffer[stop:filled]
            filled -= stop


def test_50_images_of_8_mib_arrive_byte_for_byte(tmp_path: Path) -> None:
    body = noise()
    with script(tmp_path, "stack", "inditree") as port, Client(port) as client:
        client.ask()
        client.take("<defBLOBVector[^>]*>.*?</defBLOBVector>")
        client.send('<enableBLOB device="Stack">Also</enableBLOB>')
        client.send(
            f'<newNumberVector device="Stack" name="TAKE"><oneNumber name="count">{COUNT}</oneNumber></newNumberVector>'
        )
        stream = elements(client.sock, client.data)
        for number in range(COUNT):
            element = next(stream)
            start = bytes(element[:1000]).index(b"<oneBLOB")
            start = bytes(element[:1000]).index(b">", start) + 1
            data = pybase64.b64decode(element[start : start + (SIZE + 2) // 3 * 4], validate=True)
            assert int.from_bytes(data[:8], "big") == number, "none is lost, and they are in order"
            assert memoryview(data)[8:] == body
            assert bytes(element[-40:]).endswith(b"</oneBLOB></setBLOBVector>")
