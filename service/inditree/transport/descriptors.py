"""How many descriptors this process may open, how many connections may have, and which are taken from drivers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import stat
from collections.abc import Iterable

SPARE_DESCRIPTORS = 32
"""Descriptors that connections leave to drivers, links and files: strangers must not keep a camera from starting."""


def for_connections() -> int:
    """How many descriptors connections may fill."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft - min(SPARE_DESCRIPTORS, soft // 8)


def is_image(descriptor: int) -> bool:
    """Is this a memfd or a regular file that is open for reading? Of anything else a read may wait, or is not ours."""
    try:
        mode, flags = os.fstat(descriptor).st_mode, fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except OSError:
        return False
    return stat.S_ISREG(mode) and not flags & os.O_PATH and flags & os.O_ACCMODE != os.O_WRONLY


def close_all(descriptors: Iterable[int]) -> None:
    """Close them; those below 0 stand for what was closed already."""
    for descriptor in descriptors:
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def check_descriptors(wanted: int) -> str | None:
    """Raise the limit of open descriptors as far as it goes; a warning where that is less than `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft >= wanted:
        return None
    return (
        f"only {soft} descriptors may be open (RLIMIT_NOFILE), but the connections allowed need {wanted}:"
        " raise it (ulimit -n) or lower max_connections"
    )
