"""Knows who subscribes to what, by device: the one place where the `Subscription` of a peer is changed.

Peers are found by device, so that a definition, a value or a command costs a look at those who asked for its device,
however many others are connected.
"""

from __future__ import annotations

from collections.abc import Iterable

from inditree.core.peer import Peer
from inditree.core.subscription import Subscription


class Subscribers:
    """The peers that asked for all devices, and those that named one, by device.

    A peer found here has a subscription that touches the device; what exactly it hears `Peer.hears` says.
    """

    __slots__ = ("_all", "_named", "_sorted")

    def __init__(self) -> None:
        self._all: dict[Peer, None] = {}
        self._named: dict[str, dict[Peer, None]] = {}
        self._sorted: list[Peer] | None = None  # those of all, as they were asked for last

    def subscribe(self, peer: Peer, device: str | None, name: str | None) -> bool:
        """A peer asks to hear of all devices, of one, or of a property; True when it hears more from now on."""
        grown = peer.subscription.add(device, name)
        if grown:
            self._index(peer, device)
        return grown

    def show_interest(self, peer: Peer, device: str, name: str | None = None) -> bool:
        """A peer shows interest in a device or property without asking; True when it hears more from now on."""
        grown = peer.subscription.add_interest(device, name)
        if grown:
            self._index(peer, device)
        return grown

    def subscribe_all(self, peer: Peer) -> None:
        """A peer hears of all devices, whatever it has asked for."""
        peer.subscription.all = True
        self._index(peer, None)

    def set_blob(self, peer: Peer, mode: str, device: str | None, name: str | None) -> None:
        """Set what images a peer wants: of everything, of a device, or of one property. No interest comes with it."""
        peer.subscription.set_blob(mode, device, name)

    def restore(self, peer: Peer, subscription: Subscription) -> None:
        """A peer has the subscriptions of its last run."""
        self.forget(peer)
        peer.subscription = subscription
        if subscription.all:
            self._index(peer, None)
        for device in _named(peer):
            self._index(peer, device)

    def _index(self, peer: Peer, device: str | None) -> None:
        if device is None:
            self._all[peer] = self._sorted = None
        else:
            self._named.setdefault(device, {})[peer] = None

    def forget(self, peer: Peer) -> None:
        """A peer is gone."""
        self._all.pop(peer, None)
        self._sorted = None
        for device in _named(peer):
            known = self._named.get(device, {})
            known.pop(peer, None)
            if not known:
                self._named.pop(device, None)

    def of(self, device: str) -> list[Peer]:
        """List the peers that may want to hear of a device, in the order in which they joined. Not to be changed."""
        named = self._named.get(device)
        if named:
            return sorted({**self._all, **named}, key=_number)
        if self._sorted is None:
            self._sorted = sorted(self._all, key=_number)
        return self._sorted

    @property
    def empty(self) -> bool:
        """Nobody has asked for anything."""
        return not (self._all or self._named)


def _named(peer: Peer) -> Iterable[str]:
    return peer.subscription.devices | peer.subscription.property_devices


def _number(peer: Peer) -> int:
    return peer.id
