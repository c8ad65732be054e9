"""The kernel's buffer toward a client that does not keep up: what is in it can be put in no other order any more."""

from __future__ import annotations

from inditree.transport.channel import Channel

UNSENT = 64 << 10
"""Bytes that the kernel may hold unsent then: with a whole buffer a mount's number is 5.4 s old instead of 3.1 s,
behind images of 1 MB at 0.4 MB/s."""

SLOW, FAST = 2 << 20, 8 << 20
"""Bytes a second: who takes less is slow until it takes more than the second. A small buffer costs a fast one."""

SHORTEST = 0.1
"""Seconds over which it is judged, at least."""


class Unsent:
    """How much of what was written to one peer the kernel may hold, by how fast it goes."""

    __slots__ = ("_channel", "_mark", "_since", "small")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._mark = 0
        self._since = 0.0
        self.small = False

    def blocked(self, taken: int, now: float) -> None:
        """The kernel takes no more; it has taken `taken` bytes in all."""
        self._mark, self._since = taken, now

    def went_on(self, taken: int, now: float) -> None:
        """The kernel has taken more, having been full in between."""
        seconds = now - self._since
        if seconds < SHORTEST:
            return
        speed = (taken - self._mark) / seconds
        if speed < SLOW and not self.small:
            self.small = True
            self._channel.bound_unsent(UNSENT)
        elif speed > FAST and self.small:
            self.small = False
            self._channel.bound_unsent(0)
        self.blocked(taken, now)
