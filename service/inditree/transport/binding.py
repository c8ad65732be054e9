"""Sockets that listen: at a TCP address, at a UNIX path."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

BACKLOG = 1024


def bind_tcp(host: str | None, port: int, *, shared: bool = False) -> list[socket.socket]:
    """One socket for each address of the host (None: all), listening. `shared`: see `shared`. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    failed: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        if port == 0 and bound:
            address = (address[0], bound[0].getsockname()[1], *address[2:])
        sock: socket.socket | None = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(BACKLOG)  # not before `start`: two that are bound may still find that only one can listen
        except OSError as error:
            if sock is not None:
                sock.close()
            # A machine without IPv6 still has `localhost` twice in its hosts file; its kernel may not know the family.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                failed = error
                continue
            for other in bound:
                other.close()
            raise
        bound.append(sock)
    if not bound:
        raise failed or OSError(errno.EADDRNOTAVAIL, "no such address")
    for sock in bound if shared else ():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    return bound


@contextlib.contextmanager
def shared(sockets: Iterable[socket.socket], port: int) -> Iterator[bool]:
    """Within it `bind_tcp` may bind the port of sockets of ours that listen at an address which overlaps.

    `127.0.0.1` becomes `*`: the new one must listen before the old one is closed. True where there are such sockets.
    """
    mine = [sock for sock in sockets if sock.family != socket.AF_UNIX and sock.getsockname()[1] == port]
    for sock in mine:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        yield bool(mine)
    finally:
        for sock in mine:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def bind_unix(path: str) -> socket.socket:
    """Binds without listening: its path has the owner and mode that the system gives. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        if path.startswith("@"):
            sock.bind("\0" + path[1:])
        else:
            _remove_stale(Path(path))
            sock.bind(path)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """A socket that nobody listens on any more is left over from a run that was killed."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # one whose queue is full lives, and is not waited for
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except BlockingIOError:
            return


def dress(path: str, bare: os.stat_result, mode: int | None, owner: str | None) -> None:
    """Give a path the mode and owner of the configuration; where that is silent those of `bare`. Raises OSError."""
    uid, gid = _ids(owner or "")
    wanted = (bare.st_uid if uid is None else uid, bare.st_gid if gid is None else gid)
    file = Path(path)
    file.chmod(stat.S_IMODE(bare.st_mode) if mode is None else mode)
    now = file.stat()
    if (now.st_uid, now.st_gid) != wanted:
        os.chown(path, *wanted)


def _ids(owner: str) -> tuple[int | None, int | None]:
    """Look up the ids of `user`, `user:group` or `:group`; None for what is not said."""
    user, _, group = owner.partition(":")
    try:
        uid = None if not user else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = None if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise OSError(errno.EINVAL, f"owner {owner!r}: {error.args[0]}") from None
    return uid, gid
