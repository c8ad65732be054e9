"""Definitions that are asked for anew: of whom, and whose answer is compared with what is known.

Rules: docs/wire.md, "A definition that is old".
"""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.view.properties import Property
from inditree.wire.syntax import get_properties

ANSWER = 10.0
"""Seconds within which a definition is taken for the answer to a question: libindi's drivers say all that they have."""

ASKED = 1024
"""Properties of one peer that are asked for: what comes after them is not, as a stranger could go on for ever."""


class Refreshing:
    """The devices for which each provider was asked again, and until when its definitions are answers."""

    __slots__ = ("_asked", "_desk", "_until")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: dict[Peer, dict[tuple[str, str], frozenset[bytes]]] = {}  # and the members that it had then
        self._until: dict[Peer, dict[str, float]] = {}

    def notice(self, peer: Peer, known: Property) -> None:
        """A definition is old: its provider is asked for it, once until its members change.

        Another router is not: it notices itself, and what it answers is what it knows.
        """
        if peer.gone or peer.is_router:
            return
        asked = self._asked.setdefault(peer, {})
        key = known.device, known.name
        if asked.get(key) == known.members or len(asked) >= ASKED:
            return
        asked[key] = known.members
        self.ask(peer, known.device, known.name)
        text = f"{known.device}.{known.name}: has members that are not defined, asked for its definition"
        self._desk.log("info", "old_definition", text, device=known.device, peer=peer.name)

    def ask(self, peer: Peer, device: str, name: str | None = None) -> None:
        """Ask the provider of a device for all of it, or for one property."""
        self._until.setdefault(peer, {})[device] = self._desk.now + ANSWER
        self._desk.send(peer, get_properties(device, name), "getProperties")

    def answers(self, peer: Peer, device: str) -> bool:
        """Is a definition of this device by `peer` an answer?"""
        until = self._until.get(peer)
        if until is None or device not in until:
            return False
        if until[device] >= self._desk.now:
            return True
        del until[device]
        return False

    def forget(self, peer: Peer) -> None:
        """A peer is gone."""
        self._asked.pop(peer, None)
        self._until.pop(peer, None)
