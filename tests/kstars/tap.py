"""Stands between KStars and what it talks to, and keeps what each said."""

from __future__ import annotations

import contextlib
import socket
import threading

from ports import free_port


class Tap:
    """Listens at `port`, and hands all on to `target`.

    `requests` and `answers`: the bytes of each connection, in the order in which they were opened.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.requests: list[bytearray] = []
        self.answers: list[bytearray] = []
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._socket, contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                self.requests.append(asked := bytearray())
                self.answers.append(answered := bytearray())
                threading.Thread(target=self._join, args=(near, asked, answered), daemon=True).start()

    def _join(self, near: socket.socket, asked: bytearray, answered: bytearray) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            back = threading.Thread(target=_hand_on, args=(far, near, answered), daemon=True)
            back.start()
            _hand_on(near, far, asked)
            back.join()

    @property
    def lines(self) -> list[str]:
        """The request lines so far: `POST /api/server/stop`."""
        words = [bytes(each).split(b"\r\n") for each in self.requests]
        verbs = (b"GET ", b"POST ", b"PUT ", b"DELETE ")
        found = [line for each in words for line in each if line.startswith(verbs)]
        return [line.rsplit(b" ", 1)[0].decode() for line in found]

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # ends `accept`


def _hand_on(one: socket.socket, other: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            kept += data
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)
