"""The memory that the C library keeps for images after a load. Only glibc is impressed by any of it."""

from __future__ import annotations

import contextlib
import ctypes

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h, for mallopt(3)."""


def share() -> None:
    """Have all threads take their memory from one heap: call it before there is a second thread.

    Each would get a heap of its own, and malloc_trim(3) gives back the end of the main one only: 62 MiB stayed in that
    of a thread that had read images. The interpreter lock has threads take turns anyway.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def keep_freed() -> None:
    """Have the allocator keep up to 64 MiB of freed memory, instead of some MiB: call it once as the router starts.

    Without it the pages of each image go back to the kernel and are had anew for the next one, which costs six times
    as much as the encoding (7.0 and 1.1 ms for 16 MiB). glibc takes the size of the largest block that was ever
    mapped and freed (up to 32 MiB) as the size that is worth keeping, and keeps twice as much. The block's pages are
    never touched.
    """
    bytes((32 << 20) - (64 << 10))


def give_freed() -> None:
    """Give the kernel back what the allocator keeps of freed memory."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
