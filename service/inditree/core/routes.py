"""Routes: where the set* of a property go that come from a source. Looked up once, and kept until something changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inditree.core import providers
from inditree.counters import PeerCounters
from inditree.wire.elements import Head

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core

ROUTES_LIMIT = 1 << 16
"""Routes, and start tags that hold one, remembered; sources that invent more properties start over."""

IMAGE = "setBLOBVector+data"
"""The routing key of an image, beside that of a change of state."""


class Group:
    """Where elements with the same head go. `refused` is why they go nowhere, "" where they are welcome."""

    __slots__ = ("kinds", "refused", "targets")

    def __init__(self, targets: tuple[Peer, ...], refused: str = "") -> None:
        self.targets = targets
        self.refused = refused
        counts: dict[int, tuple[PeerCounters, int]] = {}
        for target in targets:
            known = counts.get(id(target.counters), (target.counters, 0))
            counts[id(target.counters)] = (target.counters, known[1] + 1)
        self.kinds = tuple(counts.values())


class Routes:
    """The groups of one core. Equal targets are one group, so that neighbours which go the same way become one run."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._heads: list[Head] = []  # those that hold a group
        self._groups: dict[tuple[Peer, ...], Group] = {}
        self._routes: dict[tuple[int, str, str, str], Group] = {}

    def of(self, peer: Peer) -> Callable[[Head], Group]:
        """The function that the peer's framer asks for the group of a head."""

        def group(head: Head) -> Group:
            if len(self._heads) >= ROUTES_LIMIT:
                self.forget()
            found = self.find(peer, head.tag, head.device, head.name)
            self._heads.append(head)
            return found

        return group

    def find(self, peer: Peer, tag: str, device: str, name: str) -> Group:
        """Where set* elements of a property go that come from `peer`; `tag` is IMAGE for those with data."""
        key = (peer.id, tag, device, name)
        group = self._routes.get(key)
        if group is None:
            if len(self._routes) >= ROUTES_LIMIT:
                self.forget()
            if tag == IMAGE:
                targets, refused = providers.blob_targets(self._core, peer, device, name)
            else:
                targets, refused = providers.targets(self._core, peer, tag, device, name)
            group = Group((), refused) if refused else self._groups.get(targets)
            if group is None:
                group = self._groups[targets] = Group(targets)
            self._routes[key] = group
        return group

    def forget(self) -> None:
        """Wishes, owners or peers have changed: every route is looked up anew."""
        for head in self._heads:
            head.group = None
        self._heads.clear()
        self._routes.clear()
        self._groups.clear()
