"""TLS on raw non-blocking sockets: contexts, handshake, and the channel."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from inditree.config import ClientTls, ServerTls, certificates
from inditree.errors import ConfigError
from inditree.transport.channel import Buffer
from inditree.transport.sockets import bound_unsent

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for a handshake: who says nothing takes a connection for no longer."""

GONE = (ssl.SSLEOFError, BrokenPipeError)
"""How reading tells of an other end that went without a word: the second by Python 3.13."""

RECORD = 16 << 10
"""Bytes of one TLS record at most (RFC 8446, 5.1)."""

_ESCAPED, _BACKSLASH = re.compile(r'[,+"\\\\<>;=]'), r"\\\g<0>"


def server_context(config: ServerTls) -> ssl.SSLContext:
    """Makes the context of a listener. Raises ConfigError, which names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, config.cert, config.key)
    if config.client_ca is not None:
        _load_ca(context, "client_ca", config.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(config: ClientTls) -> ssl.SSLContext:
    """Makes the context of a link: certificates and names are checked. Raises ConfigError, which names the file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_ca(context, "ca", config.ca)
    if config.cert is not None:
        _load_chain(context, config.cert, config.key)
    return context


def _load_chain(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        context.load_cert_chain(cert, key, password=lambda: b"")  # else OpenSSL asks at the terminal
    except (OSError, ValueError) as error:
        wrong = certificates.wrong_chain(cert, key or cert)
        raise ConfigError(*((f"tls.{wrong.key}", wrong.text) if wrong else ("tls", str(error)))) from None


def _load_ca(context: ssl.SSLContext, key: str, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"tls.{key}", certificates.wrong_authority(file) or str(error)) from None


def subject_of(sock: ssl.SSLSocket) -> str | None:
    """The subject of the other end's certificate, `CN=guest,O=Club`; None where it showed none.

    What separates is escaped where it is in a value (RFC 4514, 2.4), or a name could pose as another subject.
    """
    certificate = sock.getpeercert()
    if not certificate:
        return None
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    subject: Any = certificate.get("subject", ())
    pairs = [(short.get(key, key), value) for rdn in subject for key, value in rdn]
    # The common name first: that is what rules are written for.
    named = sorted(pairs, key=lambda pair: pair[0] != "CN")
    return ",".join(f"{key}={_ESCAPED.sub(_BACKSLASH, value)}" for key, value in named)


async def handshake(
    sock: socket.socket, context: ssl.SSLContext, *, server_side: bool, host: str | None = None
) -> ssl.SSLSocket:
    """Raises OSError (ssl.SSLError among them) or TimeoutError; closes the socket then."""
    sock.setblocking(False)
    wrapped = context.wrap_socket(
        sock, server_side=server_side, do_handshake_on_connect=False, server_hostname=None if server_side else host
    )
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            while True:
                try:
                    wrapped.do_handshake()
                    return wrapped
                except ssl.SSLWantReadError:
                    await _wait(wrapped.fileno(), write=False)
                except ssl.SSLWantWriteError:
                    await _wait(wrapped.fileno(), write=True)
    except BaseException:
        wrapped.close()
        raise


async def _wait(fd: int, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(fd, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fd)


class TlsChannel:
    """A TLS connection after its handshake. One record holds 16 KiB, so a read or write goes on until it must wait.

    The image thread reads while the loop writes, and OpenSSL wants one thread at a time in a connection: hence the
    lock, which is held for one record.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self.sock = sock
        self._fd = sock.fileno()
        self._lock = threading.Lock()
        self._owed = b""  # a record of which the kernel has not taken all
        self._pushed_back = b""

    def read_fd(self) -> int:
        return self._fd

    def write_fd(self) -> int:
        return self._fd

    def pending(self) -> bool:
        """Bytes have been decrypted that no descriptor tells of."""
        with self._lock:
            return bool(self._pushed_back) or self.sock.pending() > 0

    def push_back(self, data: bytes) -> None:
        """Give back what was read, before anything else is: `recv` gives it again."""
        self._pushed_back = data

    def recv(self, size: int) -> bytes:
        if self._pushed_back:
            again, self._pushed_back = self._pushed_back[:size], self._pushed_back[size:]
            return again
        parts: list[bytes] = []
        got = 0
        while got < size:
            data = self._read(min(size - got, RECORD), bool(parts))
            if not data:
                if data is None or parts:
                    break  # an end shows again at the next read
                return b""
            parts.append(data)
            got += len(data)
        if not parts:
            raise BlockingIOError
        return b"".join(parts)

    def _read(self, size: int, later: bool) -> bytes | None:
        """Gives None where nothing is there now. An error is for `later` where something was read before it."""
        try:
            with self._lock:
                return self.sock.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except GONE:
            return b""
        except OSError:
            if later:
                return None
            raise

    def recv_into(self, view: memoryview) -> int:
        if self._pushed_back:
            again = self.recv(len(view))
            view[: len(again)] = again
            return len(again)
        got = 0
        while got < len(view):
            try:
                with self._lock:
                    count = self.sock.recv_into(view[got:])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except GONE:
                count = 0
            if count == 0:
                return got
            got += count
        if not got:
            raise BlockingIOError
        return got

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Record by record, since OpenSSL tells of a larger piece only when all of it is gone.

        A record that is half written has to be offered to OpenSSL again. The next call's buffers begin with the same
        bytes, which an outbox sees to: what it once gave stays first.
        """
        sent = 0
        if self._owed:
            if not self._write(self._owed):
                raise BlockingIOError
            sent, self._owed = len(self._owed), b""
        for piece in _pieces(buffers, sent):
            if not self._write(piece):
                self._owed = bytes(piece)
                break
            sent += len(piece)
        if not sent:
            raise BlockingIOError
        return sent

    def _write(self, piece: Buffer) -> bool:
        try:
            with self._lock:
                self.sock.send(piece)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False
        return True

    def end_writing(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def bound_unsent(self, size: int) -> None:
        bound_unsent(self.sock, size)

    def hang_up(self) -> None:
        # Not SSLSocket's own: it forgets the cipher, and a thread that reads would get what is encrypted for data.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close with a goodbye, so that the other end can tell it from a cut."""
        with contextlib.suppress(OSError, ValueError):
            self.sock.unwrap()
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
