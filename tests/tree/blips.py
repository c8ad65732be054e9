"""Blips in a quiet tree, shorter than `link_hold`: no client is to hear a delProperty for one."""

from __future__ import annotations

from random import Random

from tree.actors import PlainServer, Viewer
from tree.grove import Grove
from tree.node import Node
from tree.truth import chain

LONG = 30.0
"""A `link_hold` in which any tree of these has healed, however slow its links are."""


class Ride:
    """Some blips at once, and who is to hear nothing of them."""

    def __init__(self, grove: Grove, random: Random) -> None:
        self.grove = grove
        self._random = random
        self._killed: set[Node] = set()
        plain = {name for each in grove.places if isinstance(each, PlainServer) for name in each.devices}
        self._watched = [(viewer, node, self._seen(viewer, node, plain)) for viewer, node in grove.viewers]
        for viewer, _, _ in self._watched:
            viewer.deleted.clear()

    def _seen(self, viewer: Viewer, node: Node, plain: set[str]) -> set[str]:
        """What it sees of drivers: not what two drivers provide, of which either may be seen afterwards.

        Where ways lead round, a name that a link has made is there only while the device comes by ways around here.
        """
        if viewer.chained or isinstance(viewer, PlainServer):
            return set()
        found = set()
        for device in viewer.view:
            hops, provider = chain(self.grove, node, device)
            if provider is None or (self.grove.many_names and device != hops[-1][2]):
                continue
            if sum(hops[-1][2] in each.devices for each, _ in self.grove.providers) == 1:
                found |= {device} if hops[-1][2] not in plain else set()
        return found

    def cut(self) -> None:
        """A link is down for a second at most, of which each end hears in its own time."""
        up = [each for each in self.grove.wirings if each.up and isinstance(each.target, Node)]
        if up:
            wiring = self._random.choice(up)
            self.grove.cut(wiring)
            self.grove.world.after(self._random.random(), lambda: self.grove.mend(wiring))

    def kill(self) -> Node | None:
        """A router is killed; it is to be started soon, by who knows its drivers."""
        slow = {each.opener for each in self.grove.wirings if each.slow > 0.2}  # it may take routers for plain INDI
        alive = [node for node in self.grove.nodes if node.alive and node not in slow]
        if not alive:
            return None
        node = self._random.choice(alive)
        self._killed.add(node)
        self.grove.stop(node)
        return node

    def check(self) -> None:
        """Nobody has heard that a device or property is gone."""
        for viewer, node, seen in self._watched:
            if node in self._killed or viewer not in self.grove.places:
                continue
            heard = [each for each in viewer.deleted if each[0] in seen]
            assert not heard, f"{viewer} at {node} heard that {heard} are gone, by blips shorter than link_hold"
