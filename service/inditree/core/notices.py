"""Remembers who was told what, so that nobody is told twice: operators about a peer, peers about a missing device."""

from __future__ import annotations

from collections import Counter

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.wire.proof import NAME_LIMIT

SAID_EACH = 8
"""Different things of one kind (event) that are said of a peer; what comes after them is counted, as a stranger could
invent names for ever."""

TOLD_LIMIT = 4096
"""Devices that are not there and were asked for, remembered so that nobody is told twice."""


class _Said:
    """The remarks that were made about one peer."""

    __slots__ = ("keys", "kinds", "unsaid")

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.kinds: Counter[str] = Counter()
        self.unsaid: Counter[str] = Counter()


class Notices:
    """The warnings that were logged once for a peer, and who was told that a device is not there."""

    __slots__ = ("_desk", "_said", "_told_of", "_untold")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._said: dict[Peer, _Said] = {}
        self._untold: dict[str, set[Peer]] = {}
        self._told_of: dict[Peer, set[str]] = {}

    def once(self, peer: Peer, level: str, event: str, text: str, key: str = "", **fields: str) -> bool:
        """Say something about a peer to the operator, the first time only, which it is where this answers True.

        `key` stands for what is said where the text differs each time.
        """
        if peer.gone:
            return False
        said = self._said.get(peer)
        if said is None:
            said = self._said[peer] = _Said()
        key = key or text
        if key in said.keys:
            return False
        if said.kinds[event] >= SAID_EACH:
            said.unsaid[event] += 1
            return False
        said.keys.add(key)
        said.kinds[event] += 1
        if said.kinds[event] == SAID_EACH:
            text += " (what follows of this kind is only counted)"
        self._desk.log(level, event, f"{peer.name}: {text}", peer=peer.name, **fields)
        return True

    def first_missing(self, peer: Peer, device: str) -> bool:
        """Is this peer to be told that a device is not there? Once, until the device has an owner again."""
        if len(device) > NAME_LIMIT:
            return True
        told = self._untold.get(device)
        if told is None:
            if len(self._untold) >= TOLD_LIMIT:
                self.there(next(iter(self._untold)))
            told = self._untold[device] = set()
        if peer in told:
            return False
        told.add(peer)
        self._told_of.setdefault(peer, set()).add(device)
        return True

    def there(self, device: str) -> None:
        """A device has an owner: who asks for it when it is gone again is told again."""
        for peer in self._untold.pop(device, ()):
            devices = self._told_of[peer]
            devices.discard(device)
            if not devices:
                del self._told_of[peer]

    def forget(self, peer: Peer) -> None:
        """A peer is gone: nothing is to be told to it."""
        said = self._said.pop(peer, None)
        for event, number in said.unsaid.items() if said is not None else ():
            self._desk.log("warning", event, f"{peer.name}: {number} more of this kind ({event})", peer=peer.name)
        for device in self._told_of.pop(peer, ()):
            told = self._untold[device]
            told.discard(peer)
            if not told:
                del self._untold[device]

    @property
    def missing(self) -> int:
        """Counts the devices that were asked for and are not there, as far as they are remembered."""
        return len(self._untold)
