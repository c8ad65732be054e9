"""Images on demand: a link is asked for the images that somebody behind us wants, and for no others."""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.core.subscribers import Subscribers
from inditree.tree import paths
from inditree.wire.syntax import enable_blob

KEPT = 256
"""Properties of one link that are not defined now and are asked for all the same: a stranger could go on for ever."""


class ImageProperty:
    """One image property behind a link: `source` provides it, `wanted` are those who want its images now.

    `passed` are the IDs in its path: a router that stands there has no use for the images, however old its wish is.
    `there`: it is defined now. Where it is not, somebody wants it, and the link stays asked for it.
    """

    __slots__ = ("device", "name", "passed", "source", "there", "wanted")

    def __init__(self, source: Peer, device: str, name: str, passed: list[str]) -> None:
        self.source = source
        self.device = device
        self.name = name
        self.passed = passed
        self.there = True
        self.wanted: set[Peer] = set()

    def is_for(self, peer: Peer) -> bool:
        """Says whether its images go to this peer."""
        if peer is self.source or (peer.link is not None and peer.link.identity in self.passed):
            return False
        return peer.hears_blob(self.device, self.name)


class Demand:
    """Knows which images there are behind which link, by device, and who wants them.

    A link is asked when the first wants a property and told when the last does not any more. It stays asked
    while the property, or its device, is not there for a moment: cameras delete and define themselves between frames,
    and the first image behind the new definition is to come. Subscribers that are not about one device are looked
    at in `settle`, once however many of them came.
    """

    __slots__ = ("_changed", "_desk", "_kept", "_sources", "_subscribers", "_wants")

    def __init__(self, desk: Desk, subscribers: Subscribers) -> None:
        self._desk = desk
        self._subscribers = subscribers
        self._sources: dict[str, dict[str, ImageProperty]] = {}  # device, property
        self._wants: dict[Peer, set[ImageProperty]] = {}
        self._kept: dict[Peer, set[ImageProperty]] = {}  # by source: what is not there now
        self._changed: set[Peer] = set()

    @property
    def empty(self) -> bool:
        """Says whether there are no images behind any link, and nobody wants any."""
        return not (self._sources or self._wants or self._changed)

    def provide(self, source: Peer, device: str, name: str, via: str) -> None:
        """A link has defined an image property, which came by this path."""
        assert source.link is not None
        if not source.link.blobs:
            return
        known = self._sources.get(device, {}).get(name)
        if known is not None:
            if known.source is source:
                self._back(known, paths.ids(via))
                return
            self._end(known)
        images = self._sources.setdefault(device, {})[name] = ImageProperty(source, device, name, paths.ids(via))
        for peer in self._subscribers.of(device):
            self._look(peer, images)

    def changed(self, peer: Peer, device: str | None = None) -> None:
        """Note that the images which a peer wants of a device (None: of any) may have changed."""
        if not peer.subscription.wants_blobs:
            return
        if device is None:
            self._changed.add(peer)
            return
        for images in list(self._sources.get(device, {}).values()):
            self._look(peer, images)

    def settle(self) -> None:
        """Look at the peers of whom anything may have changed."""
        changed, self._changed = self._changed, set()
        for peer in changed:
            for names in list(self._sources.values()):
                for images in list(names.values()):
                    self._look(peer, images)

    def _look(self, peer: Peer, images: ImageProperty) -> None:
        wants = images.is_for(peer)
        if wants != (peer in images.wanted):
            (self._add if wants else self._remove)(peer, images)

    def _add(self, peer: Peer, images: ImageProperty) -> None:
        if not images.wanted:
            self._ask("Also", images)
        images.wanted.add(peer)
        self._wants.setdefault(peer, set()).add(images)

    def _remove(self, peer: Peer, images: ImageProperty) -> None:
        self._drop(peer, images)
        images.wanted.discard(peer)
        if not images.wanted:
            self._ask("Never", images)
            if not images.there:
                self._discard(images)

    def _drop(self, peer: Peer, images: ImageProperty) -> None:
        wants = self._wants[peer]
        wants.discard(images)
        if not wants:
            del self._wants[peer]

    def _ask(self, mode: str, images: ImageProperty) -> None:
        if not images.source.gone:
            self._desk.send(images.source, enable_blob(mode, images.device, images.name), "enableBLOB")

    def forget_peer(self, peer: Peer) -> None:
        """A peer is gone, and wants nothing any more."""
        self._changed.discard(peer)
        for images in list(self._wants.get(peer, ())):
            self._remove(peer, images)
        for images in list(self._kept.get(peer, ())):
            self._end(images)

    def forget(self, device: str, name: str | None) -> None:
        """A property (None: a device) is not there any more; its link stays asked for what is wanted of it."""
        names = self._sources.get(device, {})
        for each in [name] if name is not None else list(names):
            images = names.get(each)
            if images is not None and images.there:
                self._leave(images)

    def _leave(self, images: ImageProperty) -> None:
        kept = self._kept.setdefault(images.source, set())
        if images.wanted and not images.source.gone and len(kept) < KEPT:
            images.there = False
            kept.add(images)
            return
        if not kept:
            del self._kept[images.source]
        self._end(images)

    def owned(self, device: str, owner: Peer) -> None:
        """A device has an owner: no other link stays asked for it, or its images would come by two ways."""
        for images in list(self._sources.get(device, {}).values()):
            if images.source is not owner:
                self._end(images)

    def _back(self, images: ImageProperty, passed: list[str]) -> None:
        images.there = True
        self._discard_kept(images)
        if passed != images.passed:
            images.passed = passed
            for peer in self._subscribers.of(images.device):
                self._look(peer, images)

    def _end(self, images: ImageProperty) -> None:
        """The link is told that nobody wants a property of it any more."""
        if images.wanted:
            self._ask("Never", images)
        for peer in images.wanted:
            self._drop(peer, images)
        self._discard(images)

    def _discard(self, images: ImageProperty) -> None:
        self._discard_kept(images)
        names = self._sources[images.device]
        del names[images.name]
        if not names:
            del self._sources[images.device]

    def _discard_kept(self, images: ImageProperty) -> None:
        kept = self._kept.get(images.source)
        if kept is not None:
            kept.discard(images)
            if not kept:
                del self._kept[images.source]
