"""Buffers of 1 MiB for images, recycled: a fresh one costs more in page faults than the copy into it."""

from __future__ import annotations

from collections import deque

SIZE = 1 << 20
"""Bytes of one buffer: what one read of an image asks for at most."""

KEEP = 64
"""Free buffers that are kept (64 MiB): an image of 24 MiB on its way to clients while the next one is read."""


class Buffers:
    """The free buffers. `get` may be called by any thread: a deque's append and pop are atomic.

    `used`: one was asked for, or came back, since this was set to False last.
    """

    def __init__(self) -> None:
        self.used = False
        self._free: deque[bytearray] = deque()
        self._least = 0

    def get(self) -> bytearray:
        """A buffer of SIZE bytes with anything in it."""
        self.used = True
        try:
            buffer = self._free.pop()
        except IndexError:
            return bytearray(SIZE)
        self._least = min(self._least, len(self._free))
        return buffer

    def recycle(self, buffer: bytearray) -> None:
        """Nobody looks at this buffer any more."""
        self.used = True
        if len(self._free) < KEEP:
            self._free.append(buffer)

    def trim(self) -> None:
        """Let go of what was not needed since the last call (some seconds)."""
        for _ in range(min(self._least, len(self._free))):
            self._free.popleft()
        self._least = len(self._free)

    def clear(self) -> None:
        """Let go of all."""
        self._free.clear()
        self._least = 0
