"""Elements that are not taken: of a peer that may provide no devices, or without a device or a name."""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.wire.elements import Element
from inditree.wire.syntax import message as say

SHOWN = 64
"""Characters of a name that a warning shows."""


def nameless(state: State, peer: Peer, element: Element, size: int) -> None:
    """Count an element without a device or without a name."""
    state.desk.count_dropped(peer, "unknown", size)
    say_nameless(state, peer, element)


def say_nameless(state: State, peer: Peer, element: Element) -> None:
    """Say whose element it is that has no device or no name, once for each."""
    lacks = f"a name (device {element.device[:SHOWN]!r})" if element.device else "a device"
    of = f" (property {element.name[:SHOWN]!r})" if element.name else ""
    state.notices.once(peer, "warning", "no_device", f"<{element.tag}> without {lacks}{of}: dropped")


def refuse(state: State, peer: Peer, reason: str, size: int, number: int = 1) -> bool:
    """Count what goes nowhere. True: it is told, for the first time, that it may provide nothing at all here."""
    state.desk.count_dropped(peer, reason, size, number)
    text = f"may not provide devices here (peers: {peer.policy.peers})"
    if peer.may_define or not state.notices.once(peer, "warning", "define_refused", text):
        return False
    state.desk.send(peer, say(f"This connection {text}", state.desk.settings.timestamp()), "message")
    return True
