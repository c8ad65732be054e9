"""Memory of images, room that is reserved for sources, and the sources that are not read.

Those who connected to us may hold a part of the memory only, all together, however many they are. Drivers and links
that we opened are the operator's own choice and are not bounded so.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.wire.elements import Blob

PART = 4
"""The part of `limits.memory`, 1/4, that strangers may take for images on their way, and once more for devices."""

WEIGHED_EVERY = 64 << 10
"""Bytes of control elements from strangers after which their devices are weighed: what they can pass the bound by."""


class ImageCache(Protocol):
    """Images that somebody keeps for who may fetch them: they count as memory, and go first where it is short."""

    def evict(self) -> bool:
        """Let go of the oldest one. False: there is none."""


class Intake:
    """The memory of all images, and the sources that wait.

    `held` are sources that are not read because their images are not taken, `starved` those whose next image waits for
    memory.
    """

    __slots__ = ("_desk", "_freed", "_memory", "_stirred", "_unweighed", "caches", "held", "reserved", "starved")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.caches: dict[ImageCache, None] = {}
        self._memory = 0
        self._freed: deque[Blob] = deque()  # images that nobody holds any more, and that are counted still
        self.held: dict[Peer, float] = {}  # since when; who has waited for longest is first
        self.starved: set[Peer] = set()
        self.reserved: dict[Peer, int] = {}  # bytes of those that are being received
        self._stirred = False  # outboxes or memory have moved: some that wait may go on
        self._unweighed = 0  # bytes of control elements from strangers since their devices were weighed

    def moved(self) -> None:
        """Something has moved: those who wait are to be looked at."""
        self._stirred = True

    def stirred(self) -> bool:
        """Has something moved since this was asked last?"""
        if self._freed:
            self._collect()
        stirred, self._stirred = self._stirred, False
        return stirred

    # Memory

    def track(self, blob: Blob) -> None:
        """Count an image until nobody holds it any more."""
        blob.freed = self._freed
        self._memory += _size(blob)

    @property
    def memory(self) -> int:
        """Bytes of all images that somebody is still owed."""
        self._collect()
        return self._memory

    def _collect(self) -> None:
        """Let go of the images that nobody holds any more."""
        while self._freed:
            blob = self._freed.popleft()
            self._memory -= _size(blob)
            self._stirred = True
            self._desk.free(blob)

    def part(self, peer: Peer, size: int) -> int | None:
        """The bytes that are to be found for an image of about `size`; None: strangers have too many on their way."""
        if not peer.policy.listener:
            return size
        part = self._desk.settings.memory // PART
        taken = sum(known for each, known in self.reserved.items() if each is not peer and each.policy.listener)
        return None if taken and taken + size > part else min(size, part)

    def room(self, peer: Peer, size: int) -> int:
        """Bytes that images in memory may have, with `size` more for this source and what others were promised."""
        others = sum(known for each, known in self.reserved.items() if each is not peer)
        return self._desk.settings.memory - others - size

    def alone(self, peer: Peer) -> bool:
        """True where no image is in memory, and none on its way that counts for this source: one is always let in."""
        others = (each for each in self.reserved if each is not peer)
        return not self.memory and not any(peer.policy.listener or not each.policy.listener for each in others)

    def reserve(self, peer: Peer, size: int) -> None:
        """Promise a source this many bytes."""
        self.reserved[peer] = size
        peer.unread.pop("memory", None)

    def arrived(self, peer: Peer) -> None:
        """End a reservation: the image has come, or will not come."""
        if self.reserved.pop(peer, None) is not None:
            for promise in peer.promises.values():
                promise.coming = False

    def evict(self) -> bool:
        """Let go of an image that a cache keeps. False: there is none."""
        return any(cache.evict() for cache in self.caches)

    # Sources that wait

    def hold(self, peer: Peer, why: str) -> None:
        """Do not read a source on, which `why` says."""
        peer.held = True
        self.held[peer] = peer.unread[why] = self._desk.now
        self._desk.hold(peer)

    def read_on(self, peer: Peer) -> None:
        """Read a held source again."""
        self.held.pop(peer, None)
        peer.held = False
        peer.unread.pop("held", None)
        peer.unread.pop("memory", None)
        self._desk.read_on(peer)

    def starve(self, peer: Peer) -> None:
        """Let a source wait for memory."""
        self.starved.add(peer)
        peer.unread.setdefault("memory", self._desk.now)

    def feed(self) -> None:
        """Let all that wait for memory ask again."""
        for peer in list(self.starved):
            self.starved.discard(peer)
            self._desk.read_on(peer)

    def give_up(self, peer: Peer) -> None:
        """A source is read on all the same, and its next image is not kept."""
        self.starved.discard(peer)
        peer.unread.pop("memory", None)

    def waits(self, peer: Peer) -> bool:
        """Is this peer not read because of its images?"""
        return peer.held or peer in self.starved

    def forget(self, peer: Peer) -> None:
        """The peer is gone."""
        self.arrived(peer)
        self.held.pop(peer, None)
        self.starved.discard(peer)

    # Strangers

    def weigh(self, peer: Peer, size: int) -> None:
        """`peer` has sent `size` bytes of control elements; the largest stranger is closed when all weigh too much."""
        if peer.link is None or peer.link.opener:
            return
        self._unweighed += size
        part = self._desk.settings.memory // PART
        if self._unweighed < min(WEIGHED_EVERY, part):
            return
        self._unweighed = 0
        strangers = [each for each in self._desk.peers.values() if each.link and not each.link.opener]
        weights = {each: each.weight.bytes for each in strangers}
        if sum(weights.values()) > part:
            heaviest = max(weights, key=weights.__getitem__)
            text = f"its devices take {weights[heaviest]} bytes, too much of limits.memory"
            self._desk.close(heaviest, "limit", text)


def _size(blob: Blob) -> int:
    """Bytes that an image takes; one that is there in both forms takes both."""
    return blob.size + blob.attached.size if blob.attached is not None and blob.chunks else blob.size
