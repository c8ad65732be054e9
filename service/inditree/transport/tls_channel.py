"""The channel of a TLS connection: OpenSSL gets bytes from us, not from the socket, so that we say how many at a time.

With the socket in its hands one read goes on for as long as records come that hold no data: a hundred thousand key
updates, which anybody may send, took 1.8 s of the loop.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from inditree.transport.channel import Buffer
from inditree.transport.sockets import bound_unsent

RECORD = 16 << 10
"""Bytes of data in one TLS record at most (RFC 8446, 5.1)."""

FEED = RECORD + 512
"""Bytes that OpenSSL is given at a time: a whole record, so that a read from a full socket gives something."""

READ_AT_ONCE = 4 * FEED
"""Bytes that it is given in one read of the loop; what comes as fast as that is read on when others had their turn."""

EMPTY_BYTES = 32 << 10
"""Bytes in a row that hold no data, past which the connection is closed: a ticket or a key update has some hundred."""

_T = TypeVar("_T")

GONE = (ssl.SSLEOFError, BrokenPipeError)
"""How reading tells of an other end that went without a word: the second by Python 3.13."""


class TlsChannel:
    """A TLS connection over a socket, which it makes non-blocking; `tls` is OpenSSL's side of it.

    The image thread reads while the loop writes, and OpenSSL wants one thread at a time in a connection: hence the
    lock, which is held for one record.
    """

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, host: str | None = None, *, server_side: bool
    ) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._fd = sock.fileno()
        self._lock = threading.Lock()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=host)
        self._sealed = memoryview(b"")  # records that the kernel has not taken
        self._owed = 0  # bytes of data in the last of them, which are not told as sent yet
        self._fed = 0  # bytes that OpenSSL was given in this read
        self._empty = 0  # bytes since the last that held data
        self._pushed_back = b""
        self._over = False  # nothing is written any more, and what comes is thrown away

    # What OpenSSL has and wants

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as that goes; True when it is done. Raises ssl.SSLError."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def fill(self) -> int:
        """Give OpenSSL what has come, FEED bytes at most: how many, 0 where nothing is there. Raises OSError."""
        try:
            data = self.sock.recv(FEED)
        except (BlockingIOError, InterruptedError):
            return 0
        if not data:
            self._in.write_eof()
            return 1
        return self._in.write(data)

    def flush(self) -> bool:
        """Hand the kernel what OpenSSL has made. False: it does not take all of it now. Raises OSError."""
        while True:
            if not self._sealed:
                if not self._out.pending:
                    return True
                self._sealed = memoryview(self._out.read())
            try:
                self._sealed = self._sealed[self.sock.send(self._sealed) :]
            except (BlockingIOError, InterruptedError):
                return False

    def give_up(self) -> None:
        """Close a connection whose handshake failed; the other end is told why, if that can be had."""
        with contextlib.suppress(OSError):
            self.flush()
        self.sock.close()

    # The channel

    def read_fd(self) -> int:
        return self._fd

    def write_fd(self) -> int:
        return self._fd

    def pending(self) -> bool:
        """Bytes are here that no descriptor tells of: decrypted, or to be decrypted."""
        with self._lock:
            return bool(self._pushed_back) or self.tls.pending() > 0 or self._in.pending > 0

    def push_back(self, data: bytes) -> None:
        """Give back what was read, before anything else is: `recv` gives it again."""
        self._pushed_back = data

    def recv(self, size: int) -> bytes:
        if self._pushed_back:
            again, self._pushed_back = self._pushed_back[:size], self._pushed_back[size:]
            return again
        if self._over:
            return self.sock.recv(size)
        parts: list[bytes] = []
        got = self._fed = 0
        while got < size:
            data = self._opened(partial(self.tls.read, min(size - got, RECORD)), got, b"", READ_AT_ONCE)
            if not data:
                if data is None or parts:
                    break  # an end shows again at the next read
                return b""
            parts.append(data)
            got += len(data)
        if not parts:
            raise BlockingIOError
        return b"".join(parts)

    def recv_into(self, view: memoryview) -> int:
        if self._pushed_back:
            again = self.recv(len(view))
            view[: len(again)] = again
            return len(again)
        got = self._fed = 0
        while got < len(view):
            rest = view[got:]
            read: Callable[[], Any] = partial(self.tls.read, len(rest), rest)
            count = self._opened(read, got, 0, 2 * len(view) + FEED)
            if not count:
                if count is None or got:
                    break
                return 0
            got += count
        if not got:
            raise BlockingIOError
        return got

    def _opened(self, read: Callable[[], _T], got: int, end: _T, most: int) -> _T | None:
        """Let OpenSSL read, with one feed more where it has no whole record: `end` at the end, None for nothing now.

        `got` are bytes of data that were read before. Little of what came may be data: then the others have their turn.
        It is fed first, as an exception that asks for more costs more than a record.
        """
        came = 0
        try:
            with self._lock:
                if self._in.pending < FEED and not self.tls.pending() and self._fed < most and self._fed <= 2 * got:
                    came = self.fill()
                    self._fed += came
                return self._some(read())
        except ssl.SSLWantReadError:
            if came:
                self._nothing(came)
            return None
        except GONE:
            return end
        except OSError:
            if got:
                return None  # it shows again at the next read
            raise

    def _some(self, found: _T) -> _T:
        self._empty = 0
        return found

    def _nothing(self, came: int) -> None:
        """No data was in what came: answer what asks for an answer. Raises OSError where that goes on and on."""
        self._empty += came
        if self._empty > EMPTY_BYTES:
            raise OSError(errno.EPROTO, f"{EMPTY_BYTES} bytes of TLS hold no data")
        with self._lock:
            self.flush()

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Record by record: what was sent is what the kernel has taken of whole records.

        The next call's buffers begin with the same bytes, which an outbox sees to: what it once gave stays first.
        """
        sent = 0
        if self._owed:
            with self._lock:
                if not self.flush():
                    raise BlockingIOError
            sent, self._owed = self._owed, 0
        for piece in _pieces(buffers, sent):
            if not self._write(piece):
                break
            sent += len(piece)
        if not sent:
            raise BlockingIOError
        return sent

    def _write(self, piece: Buffer) -> bool:
        with self._lock:
            if not self.flush():
                return False
            try:
                self.tls.write(piece)
            except ssl.SSLWantReadError:
                return False
            if not self.flush():
                self._owed = len(piece)
                return False
        return True

    def end_writing(self) -> None:
        self._say_goodbye()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self._over = True

    def _say_goodbye(self) -> None:
        """Tell the other end that nothing more comes, so that it can tell it from a cut."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            try:
                self.tls.unwrap()
            finally:
                self.flush()

    def bound_unsent(self, size: int) -> None:
        bound_unsent(self.sock, size)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if not self._over:
            self._say_goodbye()
        self.sock.close()


def _pieces(buffers: Sequence[Buffer], behind: int) -> Iterator[Buffer]:
    """The bytes past the first `behind`, a TLS record's worth at a time: small buffers joined, large ones cut."""
    small: list[Buffer] = []
    size = 0
    for buffer in buffers:
        if behind:
            behind, buffer = max(0, behind - len(buffer)), memoryview(buffer)[behind:]
        if small and size + len(buffer) > RECORD:
            yield b"".join(small)
            small, size = [], 0
        if len(buffer) <= RECORD:
            small.append(buffer)
            size += len(buffer)
        else:
            view = memoryview(buffer)
            for at in range(0, len(view), RECORD):
                yield view[at : at + RECORD]
    if size:
        yield b"".join(small)
