"""Routes: to whom the set* of a property go. Looked up once, and kept until something changes."""

from __future__ import annotations

from collections.abc import Callable

from inditree.core.desk import Desk
from inditree.core.ownership import Ownership
from inditree.core.peer import Peer
from inditree.core.subscribers import Subscribers
from inditree.counters import PeerCounters
from inditree.flow.acks import UNANSWERED
from inditree.flow.outbox import Outbox
from inditree.tree import paths
from inditree.view.properties import View
from inditree.wire.elements import Head, Run
from inditree.wire.runs import by_device

ROUTES_LIMIT = 1 << 16
"""Routes, and start tags that hold one, remembered; sources that invent more properties start over."""

ROUTES_BYTES = 16 << 20
"""Bytes of memory that the routes may take, past which they start over too: names and lists of targets can be long."""

HEAD_BYTES = 400
"""Memory that a start tag which holds a route takes beside its names."""

ROUTE_BYTES = 400
"""Memory that a route takes beside its names and targets."""

STATE = "setBLOBVector"
"""A change of an image property's state, without data."""

IMAGE = "setBLOBVector+data"
"""The routing key of an image, beside that of a change of state."""


def _put_apart(outbox: Outbox, run: Run) -> bool:
    """Offer a run to a peer for which images wait: what their devices say stays behind them."""
    devices = {head.device for head in run.heads}
    if not any(device in outbox.lanes for device in devices):
        return outbox.put(run.data)
    parts = by_device(run) if len(devices) > 1 else ((device, run.data) for device in devices)
    return all(outbox.put_behind(device, data) for device, data in parts)


def _put_renamed(target: Peer, run: Run) -> bool:
    """Offer a run to a peer that calls devices by other names."""
    assert target.names is not None
    outbox, outward = target.outbox, target.names.outward
    if not outbox.lanes.count:
        return outbox.put(outward(run.data))
    return all(outbox.put_behind(device, outward(data)) for device, data in by_device(run))


class Group:
    """The targets of elements with the same head. `refused` is why they go nowhere, "" where they are welcome."""

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

    __slots__ = ("_bytes", "_desk", "_groups", "_heads", "_images", "_ownership", "_routes", "_subscribers", "_view")

    def __init__(self, desk: Desk, ownership: Ownership, view: View, subscribers: Subscribers) -> None:
        self._desk = desk
        self._ownership = ownership
        self._view = view
        self._subscribers = subscribers
        self._heads: list[Head] = []  # those that hold a group
        self._images: dict[Peer, dict[tuple[str, str], int]] = {}
        self._groups: dict[tuple[Peer, ...], Group] = {}
        self._routes: dict[tuple[int, str, str, str], Group] = {}
        self._bytes = 0  # of memory that they take

    def of(self, peer: Peer) -> Callable[[Head], Group]:
        """The function that the peer's framer asks for the group of a head."""

        def group(head: Head) -> Group:
            if len(self._heads) >= ROUTES_LIMIT or self._bytes >= ROUTES_BYTES:
                self.forget()
            found = self.find(peer, head.tag, head.device, head.name)
            self._heads.append(head)
            self._bytes += HEAD_BYTES + len(head.device) + len(head.name)
            return found

        return group

    def find(self, peer: Peer, tag: str, device: str, name: str) -> Group:
        """The group of the set* elements of a property that come from `peer`; `tag` is IMAGE for those with data."""
        key = (peer.id, tag, device, name)
        group = self._routes.get(key)
        if group is None:
            if len(self._routes) >= ROUTES_LIMIT or self._bytes >= ROUTES_BYTES:
                self.forget()
            if tag == IMAGE:
                targets, refused = self._image_targets(peer, device, name)
            else:
                targets, refused = self._targets(peer, tag, device, name)
            group = Group((), refused) if refused else self._groups.get(targets)
            if group is None:
                group = self._groups[targets] = Group(targets)
                self._bytes += 8 * len(targets)
            self._routes[key] = group
            self._bytes += ROUTE_BYTES + len(device) + len(name)
        return group

    def images(self, target: Peer) -> dict[tuple[str, str], int]:
        """The properties whose images go to a peer, and how many of each may come without being asked for."""
        found = self._images.get(target)
        if found is None:
            owners = self._ownership.owners
            found = self._images[target] = {
                (device, name): UNANSWERED if owner.is_router else 1
                for device, name in self._view.images
                if (owner := owners.get(device)) is not None and owner is not target and target.hears_blob(device, name)
            }
        return found

    def forget(self) -> None:
        """Subscribers, owners or peers have changed: every route is looked up anew."""
        for head in self._heads:
            head.group = None
        self._images.clear()
        self._heads.clear()
        self._routes.clear()
        self._groups.clear()
        self._bytes = 0

    def send(self, group: Group, run: Run) -> None:
        """Offer a run to its targets: once to each, whatever it holds."""
        dirty = self._desk.dirty
        data = run.data
        for target in group.targets:
            outbox = target.outbox
            if target.names is not None:
                fits = _put_renamed(target, run)
            else:
                fits = _put_apart(outbox, run) if outbox.lanes.count else outbox.put(data)
            if not fits:
                self._desk.overflow(target)
            dirty.add(target)
        for counters, number in group.kinds:
            counters.control_bytes_sent += len(data) * number
            for head in run.heads:
                counters.sent[head.tag] += head.count * number

    def hearers(self, peer: Peer, tag: str, device: str, name: str | None) -> list[Peer]:
        """The peers that are to hear a control element which `peer` says of a device of its own."""
        return [p for p in self._listeners(peer, device, name) if p.hears(tag, device, name)]

    def _listeners(self, peer: Peer, device: str, name: str | None) -> list[Peer]:
        """The peers that may hear what `peer` says of a device of its own; itself only if it asked for that by name."""
        listeners = self._subscribers.of(device)
        if peer.hears_itself(device, name):
            return listeners
        return [p for p in listeners if p is not peer]

    def unannounced(self, peer: Peer, device: str, name: str) -> bool:
        """Is a set* of an older order? A router defines before it sets, and the answer to come says it all."""
        return peer.is_router and self._view.find(device, name) is None

    def _targets(self, peer: Peer, tag: str, device: str, name: str) -> tuple[tuple[Peer, ...], str]:
        """The peers that hear a set* of `peer`, and why nobody does ("" where it is welcome)."""
        owner = self._ownership.owners.get(device)
        if not peer.may_define:
            return (), "access"
        if owner is not None and owner is not peer:
            return (), "duplicate"
        if owner is None and peer.link is not None:
            # A chained indiserver passes on what its own drivers say to ours that snoop before it has defined anything.
            if not peer.link.plain or not peer.link.accepts(device):
                return (), "duplicate"
            return tuple(p for p in self.hearers(peer, tag, device, name) if p.is_driver), ""
        if owner is peer and self.unannounced(peer, device, name):
            return (), "duplicate"
        known = self._view.find(device, name)
        if known is None and not self._desk.settings.forwarded:
            return self._undefined_targets(peer, tag, device, name)
        hearers = self._image_hearers(peer, device, name) if tag == STATE else self.hearers(peer, tag, device, name)
        return tuple(without(hearers, known.via if known else "")), ""

    def _undefined_targets(self, peer: Peer, tag: str, device: str, name: str) -> tuple[tuple[Peer, ...], str]:
        """The hearers of a set* of what is not defined: drivers that snoop need no definition, no client can use it."""
        hearers = self._image_hearers(peer, device, name) if tag == STATE else self.hearers(peer, tag, device, name)
        drivers = tuple(p for p in hearers if p.is_driver)
        return drivers, "" if drivers else "duplicate"

    def _image_hearers(self, peer: Peer, device: str, name: str) -> list[Peer]:
        """The peers that get the images of a property, and hear of its state."""
        return [p for p in self._listeners(peer, device, name) if p.hears_blob(device, name)]

    def _image_targets(self, peer: Peer, device: str, name: str) -> tuple[tuple[Peer, ...], str]:
        """The peers that get the images of a property of `peer`, and why nobody does."""
        owner = self._ownership.owners.get(device)
        if not peer.may_define:
            return (), "access"
        if owner is not peer and (owner is not None or peer.link is not None):
            return (), "duplicate"
        if peer.link is not None and not peer.link.blobs:
            return (), "access"
        if self.unannounced(peer, device, name):
            return (), "duplicate"
        # A wish may be older than the path: a router that stands in it has no use for the images.
        known = self._view.find(device, name)
        return tuple(without(self._image_hearers(peer, device, name), known.via if known else "")), ""


def without(peers: list[Peer], via: str) -> list[Peer]:
    """Leave out the links whose far end a device has passed: they were not told its definitions either."""
    passed = paths.ids(via)
    return [p for p in peers if p.link is None or p.link.identity not in passed]
