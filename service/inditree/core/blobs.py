"""BLOBs: to whom, how many may wait, when a source may go on. Rules: docs/flow.md."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from inditree.core import clients, providers, strangers
from inditree.core.effects import Hold, Release
from inditree.core.routes import IMAGE
from inditree.flow.outbox import Lost
from inditree.flow.pacing import LATELY, may_read, may_read_lossless, somebody_ready, stragglers
from inditree.tree.acks import Key
from inditree.wire.elements import Blob
from inditree.wire.syntax import NEW_TAGS

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core

LIBINDI = b"<setBLOBVector\n"
"""How the images of libindi's drivers begin, and of no others."""


def receive(core: Core, peer: Peer, blob: Blob) -> None:
    """A whole BLOB has come in."""
    peer.counters.received[blob.tag] += 1
    peer.counters.blob_bytes_received += blob.size
    _count_memory(core, blob)
    blob.take()
    if blob.tag in NEW_TAGS:
        clients.command(core, peer, blob)
    else:
        _image(core, peer, blob)
    blob.drop()
    _enforce_memory(core, peer, blob)


def forms(core: Core, peer: Peer, blob: Blob) -> tuple[bool, bool]:
    """Images of `peer` have come as descriptors: does anybody get them as such, and does anybody as base64?"""
    if blob.tag in NEW_TAGS:
        return False, True
    targets = core.routes.find(peer, IMAGE, blob.device, blob.name).targets
    return any(target.takes_images for target in targets), not all(target.takes_images for target in targets)


def _count_memory(core: Core, blob: Blob) -> None:
    inner = blob.free
    size = blob.size
    if blob.attached is not None and blob.chunks:
        size += blob.attached.size  # it is there in both forms
    core.memory += size

    def free(gone: Blob) -> None:
        core.memory -= size
        core.progress = True
        inner(gone)

    blob.free = free


def _image(core: Core, peer: Peer, blob: Blob) -> None:
    device, name = blob.device, blob.name
    if not device or not name:
        core.drop(peer, "unknown", blob.size)
        return
    if not providers.may_define(peer):
        providers.refuse(core, peer, "access", blob.size)
        return
    # A libindi driver that does not ping is old: what follows its first image shows it.
    unknown = not peer.last_size and peer.is_driver and blob.element.data.startswith(LIBINDI)
    peer.last_size = blob.size
    peer.last_blob = (device, name)
    group = core.routes.find(peer, IMAGE, device, name)
    if group.refused:
        providers.refuse(core, peer, group.refused, blob.size)
        return
    if core.owners.get(device) is peer:
        _note(core, blob)
    for target in group.targets:
        put(core, target, blob)
    if not (peer.held or unknown or may_go_on(core, peer)):
        peer.held = True
        core.held.add(peer)
        core.effects.append(Hold(peer))
        core.wake(LATELY)


def _note(core: Core, blob: Blob) -> None:
    counters = core.counters.devices[blob.device]
    counters.last_message = core.now
    counters.blobs_received += len(blob.ones)
    counters.blob_bytes_received += blob.payload
    for one in blob.ones:
        core.counters.blob_size.observe(one.payload)
    known = core.view.find(blob.device, blob.name)
    if known is not None:
        state = blob.element.data[:-1].rstrip() + b"/>"
        known.note(state, 0, 0, len(state))


def put(core: Core, target: Peer, blob: Blob, request: clients.Request | None = None) -> None:
    """Offer a BLOB to a peer; what it puts out is counted. `request`: where it is one."""
    core.dirty.add(target)
    if target.is_router and blob.tag not in NEW_TAGS:
        _to_router(core, target, blob)
        return
    target.counters.sent[blob.tag] += 1
    attached = blob.attached if target.takes_images else None
    for lost in target.outbox.put_blob(blob, about=request, attached=attached):
        _count_lost(core, target, lost, "superseded")


def _count_lost(core: Core, peer: Peer, lost: Lost, reason: str) -> None:
    """A BLOB was put out of a peer's outbox."""
    core.drop(peer, reason, lost.blob.size)
    if isinstance(lost.about, clients.Request):
        clients.undelivered(core, lost.about)
        return
    peer.lost += 1
    if lost.uid and peer.link is not None:
        key = peer.link.acks.answered(lost.uid)
        if key is not None:
            unpark(core, peer, key)


# Between routers


def _to_router(core: Core, peer: Peer, blob: Blob) -> None:
    """At most two of a property are unanswered; further ones wait, the newest are kept."""
    assert peer.link is not None
    key = (blob.device, blob.name)
    while not peer.fits(blob.size):
        _put_out_oldest(core, peer, "superseded")
    if peer.link.acks.may_send(key) and not peer.parked.get(key):
        _send_to_router(core, peer, key, blob)
        return
    blob.take()
    peer.park(key, blob)


def _put_out_oldest(core: Core, peer: Peer, reason: str) -> None:
    blob, parked = peer.oldest_blob
    if blob is None or not parked:
        _count_lost(core, peer, peer.outbox.put_out(), reason)
        return
    peer.unpark((blob.device, blob.name))
    core.drop(peer, reason, blob.size)
    peer.lost += 1
    blob.drop()


def _send_to_router(core: Core, peer: Peer, key: Key, blob: Blob) -> None:
    assert peer.link is not None
    peer.counters.sent[blob.tag] += 1
    for lost in peer.outbox.put_blob(blob, peer.link.acks.sending(key)):
        _count_lost(core, peer, lost, "superseded")


def unpark(core: Core, peer: Peer, key: Key) -> None:
    """The other end has room for more of a property."""
    assert peer.link is not None
    while peer.link.acks.may_send(key):
        blob = peer.unpark(key)
        if blob is None:
            return
        core.dirty.add(peer)
        _send_to_router(core, peer, key, blob)
        blob.drop()


def send_parked(core: Core, device: str, name: str | None) -> None:
    """A device (one property, unless None) is about to go: what waits for an answer goes ahead of its delProperty.

    Behind it the other end would refuse it, or take it for the images of the next definition.
    """
    for peer in list(core.peers.values()):
        for key in [key for key in peer.parked if key[0] == device and name in (None, key[1])]:
            while (blob := peer.unpark(key)) is not None:
                core.dirty.add(peer)
                _send_to_router(core, peer, key, blob)
                blob.drop()


def pay(core: Core, peer: Peer) -> None:
    """Answer the pings behind those BLOBs for whose next there is room."""
    assert peer.link is not None
    acks = peer.link.acks
    promised = 0  # bytes that other properties were given room for just now
    for key in acks.owed():
        targets = core.routes.find(peer, IMAGE, *key).targets
        given = 0
        while key in acks.owed():
            size, beside = acks.coming(key)
            beside += promised
            if not may_read(targets, size, core.now, beside):
                if somebody_ready(targets, size, beside):
                    core.wake(LATELY)  # the others' pace decides
                break
            core.pong(peer, acks.pay(key))
            given = size + beside
        promised = max(promised, given)


# Pacing and memory


def may_go_on(core: Core, peer: Peer) -> bool:
    """May this source be read on?"""
    if peer.is_router:
        return True  # its own acknowledgements pace it
    targets = core.routes.find(peer, IMAGE, *peer.last_blob).targets
    if peer.pings:
        return may_read_lossless(targets, peer.last_size)
    if peer.kind == "inprocess" and not _has_memory(core, peer, peer.last_size):
        return False  # nobody asks before it makes the next one
    return may_read(targets, peer.last_size, core.now)


def reconsider(core: Core) -> None:
    """Outboxes have moved: who may go on, who is answered?"""
    for peer in list(core.held):
        core.attempt(peer, partial(_reconsider, core, peer))
    for peer in core.peers.values():
        if peer.link is not None and peer.link.acks.owed():
            core.attempt(peer, partial(pay, core, peer))
    for peer in list(core.starved):
        core.starved.discard(peer)
        core.effects.append(Release(peer))
    if core.held:
        core.wake(LATELY)


def _reconsider(core: Core, peer: Peer) -> None:
    if may_go_on(core, peer):
        core.held.discard(peer)
        peer.held = False
        core.effects.append(Release(peer))


def may_begin(core: Core, peer: Peer, size: int) -> bool:
    """May the next BLOB, of about so many bytes, be taken into memory? False: wait for Release and ask again.

    One is let in whenever none is in memory. What connects to us may promise a part of the memory only, or a
    stranger who announces much and sends nothing would hold up every camera.
    """
    fits = True
    if peer.policy.listener:
        part = core.settings.memory // strangers.PART
        taken = sum(known for each, known in core.reserved.items() if each is not peer and each.policy.listener)
        fits = not taken or taken + size <= part
        size = min(size, part)
    if not (fits and _has_memory(core, peer, size)):
        core.starved.add(peer)
        core.wake(LATELY)
        return False
    core.reserved[peer] = size
    return True


def _has_memory(core: Core, peer: Peer, size: int) -> bool:
    """Is there room in memory, or can it be made?"""
    others = {each: known for each, known in core.reserved.items() if each is not peer}
    room = core.settings.memory - sum(others.values()) - size
    while core.memory > max(room, 0) and _put_out_largest(core, peer):
        pass
    return core.memory <= room or not (
        core.memory or any(peer.policy.listener or not p.policy.listener for p in others)
    )


def _enforce_memory(core: Core, peer: Peer, newest: Blob) -> None:
    """A BLOB was larger than expected: past the limit older ones go."""
    while core.memory > core.settings.memory and _put_out_largest(core, peer, newest):
        pass


def _put_out_largest(core: Core, source: Peer, newest: Blob | None = None) -> bool:
    """Put out the oldest waiting BLOB of the straggler for whom most wait; False: there is none.

    Never of a lossless client, and never `newest`. Who keeps up loses one only where the source cannot be held.
    """
    peers = list(core.peers.values())
    if not source.pings:
        peers = stragglers(peers, core.now)
    candidates = [p for p in peers if p.blobs_waiting and not p.lossless and p.oldest_blob[0] is not newest]
    if not candidates:
        return False
    _put_out_oldest(core, max(candidates, key=lambda p: p.blob_bytes), "memory")
    return True


def forget(core: Core, peer: Peer) -> None:
    """The peer is gone: nobody waits for what it was owed."""
    while (blob := peer.unpark_oldest()) is not None:
        blob.drop()
    peer.outbox.clear()
    core.starved.discard(peer)
