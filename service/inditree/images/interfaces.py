"""Interfaces that the image intake needs: a source of bytes, the stream that reads it, the engine with the core."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from inditree.core import Core, Peer
from inditree.errors import PeerError
from inditree.flow.pauses import Pause
from inditree.images.resources import ImageResources
from inditree.tasks import Tasks


class Source(Protocol):
    """The bytes of one peer, non-blocking."""

    def read_fd(self) -> int:
        """The descriptor to wait on."""

    def recv_into(self, view: memoryview) -> int:
        """Read into a buffer; 0 at the end. Raises BlockingIOError, OSError."""

    def close(self) -> None: ...


class Host(Protocol):
    """The engine, which runs the core."""

    core: Core
    loop: asyncio.AbstractEventLoop
    tasks: Tasks
    resources: ImageResources

    def begin(self) -> float: ...
    def flush(self) -> None: ...
    def mistake(self, peer: Peer | None, error: Exception) -> None: ...


class Reader(Protocol):
    """The stream, which reads a peer. `closed`: it does so no more."""

    closed: bool

    @property
    def stands_still(self) -> bool:
        """The source is not read now, whatever the reason."""

    @property
    def finishing(self) -> bool:
        """The driver is gone: what is left of it is read whatever holds it."""

    def pause(self, why: Pause) -> None:
        """Do not read on, for this reason too."""

    def resume(self, why: Pause, *, ended: bool = False) -> None:
        """Take a reason away: act on what was read, and read on if nothing else is in the way.

        `ended`: there is no more.
        """

    def bad(self, error: PeerError) -> None:
        """The peer sent what is not INDI."""


Fds = Callable[[int], list[int]]
"""The oldest descriptors that came with the bytes, as many as there are up to a number; the caller closes them."""
