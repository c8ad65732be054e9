"""BLOBs: to whom, how many may wait, when a source may go on. Rules: docs/flow.md."""

from __future__ import annotations

from functools import partial

from inditree.core.peer import Peer
from inditree.core.refusals import refuse
from inditree.core.requests import Request, undelivered
from inditree.core.routes import IMAGE
from inditree.core.state import State
from inditree.flow.outbox import Lost
from inditree.flow.pacing import LATELY, may_read, may_read_lossless, somebody_ready, stragglers
from inditree.tree.acks import Key
from inditree.wire.elements import Blob
from inditree.wire.syntax import NEW_TAGS

LIBINDI = b"<setBLOBVector\n"
"""How the images of libindi's drivers begin, and of no others."""


def arrive(state: State, peer: Peer, blob: Blob) -> None:
    """A whole BLOB has come in: it is counted, and kept while it is handed on; `release` is to follow."""
    peer.counters.received[blob.tag] += 1
    peer.counters.blob_bytes_received += blob.size
    state.intake.keep(blob)
    blob.take()


def release(state: State, peer: Peer, blob: Blob) -> None:
    """A BLOB that came in has been handed on. Where it was larger than expected, older ones go."""
    blob.drop()
    while state.intake.memory > state.desk.settings.memory and _put_out_largest(state, peer, blob):
        pass


def forms(state: State, peer: Peer, blob: Blob) -> tuple[bool, bool]:
    """Images of `peer` have come as descriptors: does anybody get them as such, and does anybody as base64?"""
    if blob.tag in NEW_TAGS:
        return False, True
    targets = state.routes.find(peer, IMAGE, blob.device, blob.name).targets
    return any(target.takes_images for target in targets), not all(target.takes_images for target in targets)


def image(state: State, peer: Peer, blob: Blob) -> None:
    """An image has come in: it goes to those who want it, and its source waits where there is no room for the next."""
    device, name = blob.device, blob.name
    if not device or not name:
        state.desk.drop(peer, "unknown", blob.size)
        return
    if not peer.may_define:
        refuse(state, peer, "access", blob.size)
        return
    # A libindi driver that does not ping is old: what follows its first image shows it.
    unknown = not peer.last_size and peer.is_driver and blob.element.data.startswith(LIBINDI)
    peer.last_size = blob.size
    peer.last_blob = (device, name)
    group = state.routes.find(peer, IMAGE, device, name)
    if group.refused:
        refuse(state, peer, group.refused, blob.size)
        return
    if state.ownership.owners.get(device) is peer:
        _note(state, blob)
    for target in group.targets:
        put(state, target, blob)
    if not (peer.held or unknown or may_go_on(state, peer)):
        state.intake.hold(peer)
        state.desk.wake(LATELY)


def _note(state: State, blob: Blob) -> None:
    counters = state.desk.counters.devices[blob.device]
    counters.last_message = state.desk.now
    counters.blobs_received += len(blob.ones)
    counters.blob_bytes_received += blob.payload
    for one in blob.ones:
        state.desk.counters.blob_size.observe(one.payload)
    known = state.view.find(blob.device, blob.name)
    if known is not None:
        change = blob.element.data[:-1].rstrip() + b"/>"
        known.note(change, 0, 0, len(change))


def put(state: State, target: Peer, blob: Blob, request: Request | None = None) -> None:
    """Offer a BLOB to a peer; what it puts out is counted. `request`: where it is one."""
    state.desk.dirty.add(target)
    if target.is_router and blob.tag not in NEW_TAGS:
        _to_router(state, target, blob)
        return
    target.counters.sent[blob.tag] += 1
    attached = blob.attached if target.takes_images else None
    for lost in target.outbox.put_blob(blob, about=request, attached=attached):
        _count_lost(state, target, lost, "superseded")


def _count_lost(state: State, peer: Peer, lost: Lost, reason: str) -> None:
    """A BLOB was put out of a peer's outbox."""
    state.desk.drop(peer, reason, lost.blob.size)
    if isinstance(lost.about, Request):
        undelivered(state, lost.about)
        return
    peer.lost += 1
    if lost.uid and peer.link is not None:
        key = peer.link.acks.answered(lost.uid)
        if key is not None:
            unpark(state, peer, key)


# Between routers


def _to_router(state: State, peer: Peer, blob: Blob) -> None:
    """At most two of a property are unanswered; further ones wait, the newest are kept."""
    assert peer.link is not None
    key = (blob.device, blob.name)
    while not peer.fits(blob.size):
        _put_out_oldest(state, peer, "superseded")
    if peer.link.acks.may_send(key) and not peer.parked.get(key):
        _send_to_router(state, peer, key, blob)
        return
    blob.take()
    peer.park(key, blob)


def _put_out_oldest(state: State, peer: Peer, reason: str) -> None:
    blob, parked = peer.oldest_blob
    if blob is None or not parked:
        _count_lost(state, peer, peer.outbox.put_out(), reason)
        return
    peer.unpark((blob.device, blob.name))
    state.desk.drop(peer, reason, blob.size)
    peer.lost += 1
    blob.drop()


def _send_to_router(state: State, peer: Peer, key: Key, blob: Blob) -> None:
    assert peer.link is not None
    peer.counters.sent[blob.tag] += 1
    for lost in peer.outbox.put_blob(blob, peer.link.acks.sending(key)):
        _count_lost(state, peer, lost, "superseded")


def unpark(state: State, peer: Peer, key: Key) -> None:
    """The other end has room for more of a property."""
    assert peer.link is not None
    while peer.link.acks.may_send(key):
        blob = peer.unpark(key)
        if blob is None:
            return
        state.desk.dirty.add(peer)
        _send_to_router(state, peer, key, blob)
        blob.drop()


def send_parked(state: State, device: str, name: str | None) -> None:
    """A device (one property, unless None) is about to go: what waits for an answer goes ahead of its delProperty.

    Behind it the other end would refuse it, or take it for the images of the next definition.
    """
    for peer in list(state.desk.peers.values()):
        for key in [key for key in peer.parked if key[0] == device and name in (None, key[1])]:
            while (blob := peer.unpark(key)) is not None:
                state.desk.dirty.add(peer)
                _send_to_router(state, peer, key, blob)
                blob.drop()


def pay(state: State, peer: Peer) -> None:
    """Answer the pings behind those BLOBs for whose next there is room."""
    assert peer.link is not None
    acks = peer.link.acks
    promised = 0  # bytes that other properties were given room for just now
    for key in acks.owed():
        targets = state.routes.find(peer, IMAGE, *key).targets
        given = 0
        while key in acks.owed():
            size, beside = acks.coming(key)
            beside += promised
            if not may_read(targets, size, state.desk.now, beside):
                if somebody_ready(targets, size, beside):
                    state.desk.wake(LATELY)  # the others' pace decides
                break
            state.desk.pong(peer, acks.pay(key))
            given = size + beside
        promised = max(promised, given)


# Pacing and memory


def may_go_on(state: State, peer: Peer) -> bool:
    """May this source be read on?"""
    if peer.is_router:
        return True  # its own acknowledgements pace it
    targets = state.routes.find(peer, IMAGE, *peer.last_blob).targets
    if peer.pings:
        return may_read_lossless(targets, peer.last_size)
    if peer.kind == "inprocess" and not _has_memory(state, peer, peer.last_size):
        return False  # nobody asks before it makes the next one
    return may_read(targets, peer.last_size, state.desk.now)


def reconsider(state: State) -> None:
    """Outboxes have moved: who may go on, who is answered?"""
    intake = state.intake
    for peer in list(intake.held):
        state.desk.attempt(peer, partial(_reconsider, state, peer))
    for peer in state.desk.peers.values():
        if peer.link is not None and peer.link.acks.owed():
            state.desk.attempt(peer, partial(pay, state, peer))
    intake.feed()
    if intake.held:
        state.desk.wake(LATELY)


def _reconsider(state: State, peer: Peer) -> None:
    if may_go_on(state, peer):
        state.intake.release(peer)


def may_begin(state: State, peer: Peer, size: int) -> bool:
    """May the next BLOB, of about so many bytes, be taken into memory? False: wait for Release and ask again.

    One is let in whenever none is in memory. What connects to us may promise a part of the memory only, or a
    stranger who announces much and sends nothing would hold up every camera.
    """
    part = state.intake.part(peer, size)
    if part is None or not _has_memory(state, peer, part):
        state.intake.starve(peer)
        state.desk.wake(LATELY)
        return False
    state.intake.reserve(peer, part)
    return True


def _has_memory(state: State, peer: Peer, size: int) -> bool:
    """Is there room in memory, or can it be made?"""
    intake = state.intake
    room = intake.room(peer, size)
    while intake.memory > max(room, 0) and _put_out_largest(state, peer):
        pass
    return intake.memory <= room or intake.alone(peer)


def _put_out_largest(state: State, source: Peer, newest: Blob | None = None) -> bool:
    """Put out the oldest waiting BLOB of the straggler for whom most wait; False: there is none.

    Never of a lossless client, and never `newest`. Who keeps up loses one only where the source cannot be held.
    """
    peers = list(state.desk.peers.values())
    if not source.pings:
        peers = stragglers(peers, state.desk.now)
    candidates = [p for p in peers if p.blobs_waiting and not p.lossless and p.oldest_blob[0] is not newest]
    if not candidates:
        return False
    _put_out_oldest(state, max(candidates, key=lambda p: p.blob_bytes), "memory")
    return True


def forget(peer: Peer) -> None:
    """The peer is gone: nobody waits for what it was owed."""
    while (blob := peer.unpark_oldest()) is not None:
        blob.drop()
    peer.outbox.clear()
