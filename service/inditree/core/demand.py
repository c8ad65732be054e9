"""Images on demand: a link is asked for the images that somebody behind us wants, and for no others."""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.wire.syntax import enable_blob


class Demand:
    """Which images there are behind which link, by device, and which of them that link was asked for."""

    __slots__ = ("_desk", "_sources", "_wanted")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sources: dict[str, dict[str, Peer]] = {}  # device, property: the link that provides it
        self._wanted: set[tuple[Peer, str, str]] = set()

    @property
    def empty(self) -> bool:
        """There are no images behind any link."""
        return not (self._sources or self._wanted)

    def provide(self, source: Peer, device: str, name: str) -> None:
        """A link has defined an image property."""
        self._sources.setdefault(device, {})[name] = source
        self._sync(source, device, name)

    def sync(self) -> None:
        """Subscriptions or BLOB modes have changed: ask each link for what is wanted now."""
        for device, names in self._sources.items():
            for name, source in names.items():
                self._sync(source, device, name)

    def sync_for(self, peer: Peer) -> None:
        """The subscription of `peer` has changed, or it is gone."""
        if peer.wishes.wants_blobs:
            self.sync()

    def _sync(self, source: Peer, device: str, name: str) -> None:
        assert source.link is not None
        if not source.link.blobs:
            return
        wanted = any(peer is not source and peer.hears_blob(device, name) for peer in self._desk.peers.values())
        key = source, device, name
        if wanted == (key in self._wanted):
            return
        if wanted:
            self._wanted.add(key)
        else:
            self._wanted.discard(key)
        self._ask("Also" if wanted else "Never", *key)

    def _ask(self, mode: str, source: Peer, device: str, name: str) -> None:
        self._desk.send(source, enable_blob(mode, device, name), "enableBLOB")

    def forget(self, device: str, name: str | None) -> None:
        """A property (None: a device) is gone: the wish is taken back, or it would hold for what is defined next."""
        names = self._sources.get(device, {})
        for each in [name] if name is not None else list(names):
            source = names.pop(each, None)
            if source is None:
                continue
            if (key := (source, device, each)) in self._wanted:
                self._wanted.discard(key)
                if not source.gone:
                    self._ask("Never", *key)
        if not names:
            self._sources.pop(device, None)
