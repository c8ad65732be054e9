"""Drivers of libindi that may have missed the reply to the ping behind an image are woken.

Two threads of such a driver read its stdin (seen with 1.9.9). The one that sent the image looks whether the reply has
come, and waits for more input if it has not, without a bound. Where the main thread reads the reply between these two
steps, the image's thread waits until something else comes, holding the camera's lock: no image more. So a line's end,
which means nothing between elements, follows the reply.
"""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.peer import Peer

AFTER = 1.0
"""Seconds between a reply and the first line's end, and between two of them: nobody sees an image so late as lost."""

TIMES = 5
"""Line's ends after the last reply: either thread may read one, and the other one is left waiting for the next."""


class Waking:
    """Knows which drivers were answered lately, and how often they are still to be woken."""

    __slots__ = ("_answered", "_desk")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._answered: dict[Peer, tuple[float, int]] = {}  # when, or woken when; how often still

    def answered(self, peer: Peer) -> None:
        """The ping of a driver of libindi was answered."""
        self._answered[peer] = self._desk.now, TIMES

    def forget(self, peer: Peer) -> None:
        """A driver is gone."""
        self._answered.pop(peer, None)

    def check(self) -> None:
        """Now and then: wake those whose time has come."""
        now = self._desk.now
        for peer, (since, left) in list(self._answered.items()):
            if now - since < AFTER:
                continue
            if left > 1:
                self._answered[peer] = now, left - 1
            else:
                del self._answered[peer]
            peer.counters.control_bytes_sent += 1
            peer.outbox.put_urgent(b"\n")
            self._desk.dirty.add(peer)
