"""The control socket of a router: had at its start, gone with it. Rules: docs/http.md."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from inditree.config.structs import DEFAULT_SOCKET
from inditree.errors import StartError
from inditree.ops.places import check_folder, default_place, own_user
from inditree.transport.binding import BACKLOG

LOCK_TIMEOUT = 1.0
"""Seconds for which another router may be doing the same in this directory; who locks it for longer is none."""

_logger = logging.getLogger("inditree.control")


class ControlSocket:
    """A control socket that listens. `withdraw` takes its path away, `close` ends it too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _locked(path.parent):
            _remove_dead(path)
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                os.fchmod(self.sock.fileno(), 0o600)  # what the path will have, from its first moment on
                self.sock.bind(str(path))
                self.sock.listen(BACKLOG)
                self._inode = path.lstat().st_ino
            except OSError:
                self.sock.close()
                raise

    def close(self) -> None:
        """Remove the socket; nobody serves it any more."""
        self.withdraw()
        self.sock.close()

    def withdraw(self) -> None:
        """Take the path away, unless somebody has put another there. Again is harmless."""
        with contextlib.suppress(OSError), _locked(self.path.parent):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()


def open_control_socket(place: str | None, port: int | None) -> ControlSocket | None:
    """The one that the configuration asks for; `port` is that of the first TCP listener.

    None where it is off, or where the default place cannot be had: that is a warning. Raises StartError for a path that
    was asked for.
    """
    if place is None:
        return None
    try:
        if place != DEFAULT_SOCKET:
            return ControlSocket(Path(place))
        if port is None:
            raise OSError("its default place needs the port of a TCP listener, and there is none")
        path = default_place(port, os.environ, own_user())
        _make_folder(path.parent)
        return ControlSocket(path)
    except OSError as error:
        reason = error.strerror or str(error)
        if place != DEFAULT_SOCKET:
            raise StartError(f"control.socket: {place}: {reason}") from error
        where = f"{path}: " if port is not None else ""
        _logger.warning(
            "no control socket: %s%s (control.socket names another place, or off)",
            where,
            reason,
            extra={"event": "no_control_socket"},
        )
        return None


def _make_folder(folder: Path) -> None:
    """A directory of ours that nobody else may enter. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    check_folder(folder, own_user())


def _remove_dead(path: Path) -> None:
    """A socket that nobody listens at is left over from a router that was killed. Raises OSError for anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "exists and is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # one whose queue is full lives
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, "another router listens there")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two routers that start at once must not both find the same socket dead. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that may be entered and not listed: of one that was asked for
        yield
        return
    try:
        end = time.monotonic() + LOCK_TIMEOUT
        while not _lock(descriptor) and time.monotonic() < end:
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
