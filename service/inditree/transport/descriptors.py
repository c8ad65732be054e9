"""Says how many descriptors this process may open, and how many of them connections may have."""

from __future__ import annotations

import contextlib
import resource

SPARE_DESCRIPTORS = 32
"""Descriptors that connections leave to drivers, links and files: strangers must not keep a camera from starting."""


def for_connections() -> int:
    """Counts the descriptors that connections may fill."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft - min(SPARE_DESCRIPTORS, soft // 8)


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
