"""Finds the control socket of a router, and who is at the other end of one. For the router and for the commands."""

from __future__ import annotations

import os
import pwd
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group, as SO_PEERCRED gives them (unix(7))."""


SHORT_LIVED = "/tmp/inditree-"
"""Where it is without a session's own directory: a directory for each user, below one that all may write to."""


def default_place(port: int, environ: Mapping[str, str], uid: int) -> Path:
    """Says where the router of user `uid` whose first TCP listener is at `port` puts its control socket."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime, "inditree") if runtime.startswith("/") else Path(f"{SHORT_LIVED}{uid}")
    return folder / f"{port}.sock"


def default_places(port: int, environ: Mapping[str, str], uid: int) -> tuple[Path, ...]:
    """Says where a command of user `uid` looks: its router may have been started with the variable, or without."""
    session = environ.get("XDG_RUNTIME_DIR", "")
    with_variable = {"XDG_RUNTIME_DIR": session if session.startswith("/") else f"/run/user/{uid}"}
    return default_place(port, with_variable, uid), default_place(port, {}, uid)


def check_folder(folder: Path, uid: int) -> None:
    """Raises OSError unless it is a directory, no link to one, of user `uid`, and nobody else may look into it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is not a directory")
    if found.st_uid != uid:
        raise PermissionError(f"{folder} belongs to {user_name(found.st_uid)}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{folder} is open to other users")


def peer_user(sock: socket.socket) -> int:
    """The user who runs the other end of a UNIX socket, as the kernel noted it: who connected, or who listens."""
    return int(_CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1])


def user_name(uid: int) -> str:
    """A user as people are told."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return f"user {uid}"


def own_user() -> int:
    """Names the user whose rights this process has."""
    return os.geteuid()
