"""Images on demand: a link is asked for the images that somebody behind us wants, and for no others."""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.core.subscriptions import Subscriptions
from inditree.wire.syntax import enable_blob


class Images:
    """One image property behind a link: `source` provides it, `wanted` are those who want its images now."""

    __slots__ = ("device", "name", "source", "wanted")

    def __init__(self, source: Peer, device: str, name: str) -> None:
        self.source = source
        self.device = device
        self.name = name
        self.wanted: set[Peer] = set()


class Demand:
    """Which images there are behind which link, by device, and who wants them.

    A link is asked when the first wants a property and told when the last does not any more. Subscriptions that
    are not about one device are looked at in `settle`, once however many of them came.
    """

    __slots__ = ("_changed", "_desk", "_sources", "_subscriptions", "_wants")

    def __init__(self, desk: Desk, subscriptions: Subscriptions) -> None:
        self._desk = desk
        self._subscriptions = subscriptions
        self._sources: dict[str, dict[str, Images]] = {}  # device, property
        self._wants: dict[Peer, set[Images]] = {}
        self._changed: set[Peer] = set()

    @property
    def empty(self) -> bool:
        """There are no images behind any link, and nobody wants any."""
        return not (self._sources or self._wants or self._changed)

    def provide(self, source: Peer, device: str, name: str) -> None:
        """A link has defined an image property."""
        assert source.link is not None
        names = self._sources.setdefault(device, {})
        if name in names or not source.link.blobs:
            return
        images = names[name] = Images(source, device, name)
        for peer in self._subscriptions.of(device):
            self._look(peer, images)

    def changed(self, peer: Peer, device: str | None = None) -> None:
        """What a peer wants of a device (None: of any) may have changed."""
        if not peer.subscription.wants_blobs:
            return
        if device is None:
            self._changed.add(peer)
            return
        for images in self._sources.get(device, {}).values():
            self._look(peer, images)

    def settle(self) -> None:
        """Look at the peers of whom anything may have changed."""
        changed, self._changed = self._changed, set()
        for peer in changed:
            for names in self._sources.values():
                for images in names.values():
                    self._look(peer, images)

    def _look(self, peer: Peer, images: Images) -> None:
        wants = peer is not images.source and peer.hears_blob(images.device, images.name)
        if wants != (peer in images.wanted):
            (self._add if wants else self._remove)(peer, images)

    def _add(self, peer: Peer, images: Images) -> None:
        if not images.wanted:
            self._ask("Also", images)
        images.wanted.add(peer)
        self._wants.setdefault(peer, set()).add(images)

    def _remove(self, peer: Peer, images: Images) -> None:
        self._drop(peer, images)
        images.wanted.discard(peer)
        if not images.wanted:
            self._ask("Never", images)

    def _drop(self, peer: Peer, images: Images) -> None:
        wants = self._wants[peer]
        wants.discard(images)
        if not wants:
            del self._wants[peer]

    def _ask(self, mode: str, images: Images) -> None:
        if not images.source.gone:
            self._desk.send(images.source, enable_blob(mode, images.device, images.name), "enableBLOB")

    def forget_peer(self, peer: Peer) -> None:
        """A peer is gone, and wants nothing any more."""
        self._changed.discard(peer)
        for images in list(self._wants.get(peer, ())):
            self._remove(peer, images)

    def forget(self, device: str, name: str | None) -> None:
        """A property (None: a device) is gone: a link is told so, or its images would come for what is defined next."""
        names = self._sources.get(device)
        if names is None:
            return
        for each in [name] if name is not None else list(names):
            images = names.pop(each, None)
            if images is not None and images.wanted:
                self._ask("Never", images)
                for peer in images.wanted:
                    self._drop(peer, images)
        if not names:
            del self._sources[device]
