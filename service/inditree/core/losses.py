"""Counts images that an outbox has dropped, and tells the sender where the image was a command."""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.requests import Request, undelivered
from inditree.core.state import State
from inditree.flow.ticket import Lost


def count(state: State, peer: Peer, lost: Lost, reason: str) -> None:
    """An image that waited for `peer` was dropped for `reason`."""
    state.desk.count_dropped(peer, reason, lost.blob.size)
    if isinstance(lost.about, Request):
        slow = reason == "superseded"
        why = "takes too slowly what is sent to it" if slow else "was not sent it as memory is short"
        undelivered(state, lost.about, why)
    else:
        peer.lost += 1
    state.desk.dirty.add(peer)  # what was said behind it may have become free
