"""Bounds the unsent bytes that the kernel holds for one client: few until the client has shown to be fast.

What is in the kernel's buffer keeps its order, so a mount's number waits behind all of it. Whether a client is too slow
to keep up with others, and loses images, is decided in `flow/pacing.py`.
"""

from __future__ import annotations

from inditree.transport.channel import Channel

UNSENT = 64 << 10
"""Bytes that the kernel may hold for a slow client. With a whole buffer a mount's number is 5.4 s old instead of 3.1 s,
behind images of 1 MB at 0.4 MB/s."""

SLOW, FAST = 2 << 20, 8 << 20
"""Bytes a second: a client is taken for slow until it takes more than FAST, and again when it takes less than SLOW. A
fast client would lose speed with a small buffer; a whole one takes all of the first image for a slow one."""

SHORTEST = 0.1
"""Seconds over which the speed is measured, at least, unless so much is taken before that it must be FAST."""


class Unsent:
    """Bounds the unsent bytes of one peer by how fast the peer takes them."""

    __slots__ = ("_channel", "_mark", "_since", "small")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._mark = 0
        self._since = 0.0
        self.small = True
        channel.bound_unsent(UNSENT)

    def blocked(self, taken: int, now: float) -> None:
        """The kernel takes no more; it has taken `taken` bytes in all."""
        self._mark, self._since = taken, now

    def went_on(self, taken: int, now: float) -> None:
        """The kernel has taken more, having been full in between."""
        seconds, more = now - self._since, taken - self._mark
        if seconds < SHORTEST and (not self.small or more < FAST * SHORTEST):
            return
        speed = more / max(seconds, SHORTEST)
        if speed < SLOW and not self.small:
            self.small = True
            self._channel.bound_unsent(UNSENT)
        elif speed >= FAST and self.small:
            self.small = False
            self._channel.bound_unsent(0)
        self.blocked(taken, now)
