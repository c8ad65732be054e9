"""The control socket as the commands find it: whoever is at its other end is looked at before anything is believed."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from inditree.errors import InditreeError
from inditree.ops.places import check_folder, default_places, own_user, peer_user, user_name

#: Seconds in which one that lives takes us.
_TIMEOUT = 5.0


class RouterError(InditreeError):
    """The router is not there, or says no: exit status 1."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A control socket that `user` listens at: ourselves, root, or whom root was told of."""

    path: Path
    user: int

    def connect(self, timeout: float) -> socket.socket:
        """Raises OSError where nobody takes us, or somebody else than before."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(timeout)
            sock.connect(str(self.path))
            if peer_user(sock) != self.user:
                raise PermissionError(f"is run by {user_name(peer_user(sock))} now")
        except OSError:
            sock.close()
            raise
        return sock


def asked(path: str) -> Socket:
    """The one at a path that --socket names. Raises RouterError where it cannot be used."""
    try:
        return _told(_found(Path(path)))
    except OSError as error:
        raise RouterError(f"--socket: no router answers at {path}: {error.strerror or error}") from None


def present(path: str) -> Socket | None:
    """The one at a path that INDITREE_SOCKET names; None where nobody is there. Raises RouterError for a stranger's."""
    try:
        return _told(_found(Path(path)))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise RouterError(f"INDITREE_SOCKET: no router answers at {path}: {error.strerror or error}") from None


def default(port: int) -> Socket | None:
    """The one of our own router with this port, at one of its default places; None where there is none."""
    for path in default_places(port, os.environ, own_user()):
        try:
            return _told(_at_default(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            continue
        except OSError as error:
            print(f"inditree: {path} is not used: {error.strerror or error}", file=sys.stderr)
    return None


def _at_default(path: Path) -> Socket:
    """Raises OSError: nobody is there, or not in a directory of the router's user alone."""
    path.lstat()
    owner = own_user()
    if owner == 0 and str(path.parent.parent) == os.environ.get("XDG_RUNTIME_DIR", "").rstrip("/"):
        owner = path.parent.parent.stat().st_uid  # the session of another user (sudo -E), and that user's router
    check_folder(path.parent, owner)
    found = _found(path)
    if found.user not in (owner, 0):
        raise PermissionError(f"it is run by {user_name(found.user)}")
    return found


def _found(path: Path) -> Socket:
    """Raises OSError: nobody is there, or somebody whom we do not believe."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_TIMEOUT)
        sock.connect(str(path))
        user = peer_user(sock)
    if own_user() not in (0, user) and user != 0:
        raise PermissionError(f"it is run by {user_name(user)}, not by you or root")
    return Socket(path, user)


def _told(found: Socket) -> Socket:
    """Root is told whose router it talks to."""
    if found.user != own_user():
        print(f"inditree: the router at {found.path} is run by {user_name(found.user)}", file=sys.stderr)
    return found
