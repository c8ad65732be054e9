"""The descriptors of one peer, non-blocking: what differs between a TCP client, a driver and a TLS connection.

All raise BlockingIOError where nothing can be done now, and OSError where nothing can be done any more.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from inditree.images.descriptors import FDS_KEPT, close_all, is_image
from inditree.transport import sockets
from inditree.transport.descriptor_closer import Closer

Buffer = bytes | bytearray | memoryview

FDS_AT_ONCE = 253
"""Descriptors that one recvmsg can bring: all that the kernel lets one message have (SCM_MAX_FD), so it drops none."""


class Channel(Protocol):
    """Bytes to and from one peer."""

    def read_fd(self) -> int:
        """The descriptor to wait on for reading."""

    def write_fd(self) -> int:
        """The descriptor to wait on for writing."""

    def recv(self, size: int) -> bytes:
        """Receive what is there, `size` bytes at most; empty at the end."""

    def recv_into(self, view: memoryview) -> int:
        """Receive into a buffer. May be called by another thread while nobody calls `recv`."""

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Hand buffers to the kernel: how many bytes it took."""

    def pending(self) -> bool:
        """Bytes are here of which the descriptor does not tell (TLS)."""

    def bound_unsent(self, size: int) -> None:
        """Let the kernel take no more while this many bytes are not sent yet (0: as many as its buffer holds)."""

    def hang_up(self) -> None:
        """Make a reader in another thread see the end, if that can be had."""

    def end_writing(self) -> None:
        """Tell the other end that nothing more comes; it may go on sending."""

    def close(self) -> None:
        """Close everything."""


class _Connected:
    """A connected stream socket: how it is written, and how it ends."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._fd = sock.fileno()

    def read_fd(self) -> int:
        return self._fd

    def write_fd(self) -> int:
        return self._fd

    def send(self, buffers: Sequence[Buffer]) -> int:
        if len(buffers) == 1:
            return self.sock.send(buffers[0])
        return self.sock.sendmsg(buffers)

    def pending(self) -> bool:
        return False

    def bound_unsent(self, size: int) -> None:
        sockets.bound_unsent(self.sock, size)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def end_writing(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()


class SocketChannel(_Connected):
    """A client or a link over TCP, or over a UNIX socket that carries no descriptors."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.recv = sock.recv
        self.recv_into = sock.recv_into


class FdChannel(_Connected, ABC):
    """A UNIX socket over which descriptors come."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._space = socket.CMSG_LEN(FDS_AT_ONCE * array.array("i").itemsize)

    def recv(self, size: int) -> bytes:
        data, ancillary, _, _ = self.sock.recvmsg(size, self._space, socket.MSG_CMSG_CLOEXEC)
        if ancillary:
            self._collect(ancillary)
        return data

    def recv_into(self, view: memoryview) -> int:
        count, ancillary, _, _ = self.sock.recvmsg_into([view], self._space, socket.MSG_CMSG_CLOEXEC)
        if ancillary:
            self._collect(ancillary)
        return count

    def _collect(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
                self._came(fds.tolist())

    @abstractmethod
    def _came(self, fds: list[int]) -> None:
        """Remember descriptors that have come and are ours to close."""


class DriverChannel(FdChannel):
    """A driver: a pipe to its stdin, a UNIX socket from its stdout.

    `fds` are the descriptors that came and were not taken yet, oldest first; -1 stands for one that was closed at
    once, as it is no memory and no file that can be read. `close` closes what is left.
    """

    def __init__(self, stdin: int, stdout: int) -> None:
        super().__init__(socket.socket(fileno=stdout))
        self.fds: list[int] = []
        self._stdin = stdin

    def _came(self, fds: list[int]) -> None:
        for fd in fds:
            usable = is_image(fd)
            if len(self.fds) < FDS_KEPT:
                self.fds.append(fd if usable else -1)
                if usable:
                    continue
            os.close(fd)

    def pop_fds(self, count: int) -> list[int]:
        """The oldest descriptors, as many as there are up to `count`: the caller closes them."""
        taken, self.fds = self.fds[:count], self.fds[count:]
        return taken

    def write_fd(self) -> int:
        return self._stdin

    def send(self, buffers: Sequence[Buffer]) -> int:
        if len(buffers) == 1:
            return os.write(self._stdin, buffers[0])
        return os.writev(self._stdin, buffers)

    def close(self) -> None:
        super().close()
        close_all(self.pop_fds(len(self.fds)))
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1


class LocalChannel(FdChannel):
    """A client on a UNIX socket, to which descriptors can go. None is taken from it: what comes is closed."""

    def __init__(self, sock: socket.socket, closer: Closer) -> None:
        super().__init__(sock)
        self._closer = closer
        self._given = False  # descriptors went, and were not seen to be read

    def _came(self, fds: list[int]) -> None:
        if not self._closer.close(fds):
            raise OSError(errno.EPERM, "sends descriptors")

    def close(self) -> None:
        """Close it. What it sent and we have not read may hold descriptors: the kernel closes these with the socket."""
        if sockets.unread_here(self.sock):
            self.hang_up()
            self._closer.close([self.sock.detach()])
        else:
            super().close()

    def send_fds(self, buffers: Sequence[Buffer], fds: Sequence[int]) -> int:
        """Send with descriptors beside the first byte. Raises BlockingIOError too while earlier ones lie unread.

        A socket's buffer would take hundreds of them, each with its image in memory.
        """
        if self._given and sockets.unread_there(self.sock):
            raise BlockingIOError(errno.EAGAIN, "not read yet")
        try:
            sent = self.sock.sendmsg(buffers, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:  # the kernel's own bound on descriptors that nobody has read
                raise BlockingIOError(errno.EAGAIN, error.strerror) from None
            raise
        self._given = True
        return sent
