"""Decides whether the next image may enter memory, and what is dropped when memory is short. Rules: docs/flow.md."""

from __future__ import annotations

from inditree.core import losses
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.flow.pacing import LATELY, stragglers
from inditree.wire.elements import Blob, Element


def may_begin(state: State, peer: Peer, size: int, element: Element | None) -> bool:
    """May the next BLOB, of about so many bytes, be taken into memory? False: wait for ReadOn and ask again.

    `element` is its start tag, as far as it is known.

    One is let in whenever none is in memory. What connects to us may promise a part of the memory only, or a
    stranger who announces much and sends nothing would hold up every camera.
    """
    part = state.intake.part(peer, size)
    if part is None or not has(state, peer, part):
        state.intake.starve(peer)
        state.desk.wake(LATELY)
        return False
    state.intake.reserve(peer, part)
    for key, promise in peer.promises.items():
        if element is not None and key[:2] == (element.device, element.name):
            promise.coming = True
        else:
            promise.others_come(len(peer.promises), state.desk.now, coming=True)
    return True


def has(state: State, peer: Peer, size: int) -> bool:
    """Is there room in memory, or can it be made?"""
    intake = state.intake
    room = intake.room(peer, size)
    while intake.memory > max(room, 0) and _drop_largest(state, peer):
        pass
    return intake.memory <= room or intake.alone(peer)


def enforce(state: State, peer: Peer, newest: Blob) -> None:
    """A BLOB may have been larger than expected: past the limit older ones go."""
    while state.intake.memory > state.desk.settings.memory and _drop_largest(state, peer, newest):
        pass


def _drop_largest(state: State, source: Peer, newest: Blob | None = None) -> bool:
    """Drop a waiting BLOB of the straggler for whom most wait; False: there is none.

    Never of a lossless client, and never `newest`. Who keeps up loses one only where the source cannot be held.
    """
    if state.intake.evict():
        return True
    peers = list(state.desk.peers.values())
    if not source.pings:
        peers = stragglers(peers, state.desk.now)
    for peer in sorted(peers, key=lambda each: each.outbox.lanes.bytes, reverse=True):
        if peer.lossless or not peer.outbox.lanes.count:
            continue
        ticket = peer.outbox.lanes.largest(newest)
        if ticket is not None:
            losses.count(state, peer, peer.outbox.drop(ticket), "memory")
            return True
    return False
