"""Closing what strangers sent, beside the loop: a close can wait (a socket that lingers, a file of somebody's FUSE)."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Iterable

MANY = 256
"""Descriptors that wait to be closed from which on who sends another one is closed as well."""


class Closer:
    """Closes descriptors in a thread of its own, which is started with the first."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def close(self, descriptors: Iterable[int]) -> bool:
        """Close them soon. False: it does not keep up, so nobody should send more."""
        for descriptor in descriptors:
            self._waiting.put(descriptor)
        if self._thread is None:
            self._start()
        return self._waiting.qsize() < MANY

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="close", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be had now: the next one tries again, or `end`
            return
        self._thread = thread

    def _run(self) -> None:
        while (descriptor := self._waiting.get()) is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def end(self) -> None:
        """No more will come."""
        if self._thread is not None:
            self._waiting.put(None)
