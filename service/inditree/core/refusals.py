"""Elements of those who may not provide what they try to provide."""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.wire.syntax import message as say


def refuse(state: State, peer: Peer, reason: str, size: int, number: int = 1) -> bool:
    """Count what goes nowhere. True: it is told, for the first time, that it may provide nothing at all here."""
    state.desk.drop(peer, reason, size, number)
    text = f"may not provide devices here (peers: {peer.policy.peers})"
    if peer.may_define or not state.notices.once(peer, "warning", "define_refused", text):
        return False
    state.desk.send(peer, say(f"This connection {text}", state.desk.settings.timestamp()), "message")
    return True
