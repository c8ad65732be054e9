"""Decides whether what a source says is gathered into one read every few milliseconds."""

from __future__ import annotations

GATHER = 0.002
"""Seconds for which a source is not read, so that what it says meanwhile is one read. A read alone costs some 30 us."""

OFTEN = 0.001
"""Seconds between two reads of a source that says something often."""

SMALL, ENOUGH = 8 << 10, 32 << 10
"""Bytes of a read of a source that writes small pieces; bytes of a gathered one past which reading cannot wait."""

WORTH = 3
"""How many times as much as a read alone a gathered one has to bring, or gathering ends."""


class Gathering:
    """One source's reads, as they come. It begins with two small ones in a row and goes on while it is worth it."""

    __slots__ = ("_alone", "_last")

    def __init__(self) -> None:
        self._alone = 0  # bytes of a read before they were gathered; 0: they are not
        self._last = 0.0

    def goes_on(self, size: int, now: float, *, hurry: bool) -> bool:
        """Tell whether the next GATHER seconds are to be gathered: a read brought `size` bytes at `now` (seconds).

        With `hurry` somebody waits for what the source says.
        """
        since, self._last = now - self._last, now
        if hurry or size >= ENOUGH:
            self._alone = 0
        elif self._alone == 0:
            self._alone = size if since < OFTEN and size < SMALL else 0
        elif size < WORTH * self._alone:
            self._alone = 0
        return self._alone > 0
