"""Descriptors that come with images: which are taken from drivers, and how they are closed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable

FDS_KEPT = 64
"""Descriptors kept of one driver that no element has claimed yet; one that sends more loses them.

libindi sends one for each oneBLOB, with its element.
"""


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
