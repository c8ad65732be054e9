"""BLOBs as they come in and go out: to whom, in which form, counted. Rules: docs/flow.md."""

from __future__ import annotations

from collections.abc import Iterable

from inditree.core import backpressure, losses, memory
from inditree.core.peer import Peer
from inditree.core.requests import Request
from inditree.core.routes import IMAGE
from inditree.core.state import State
from inditree.core.unwelcome import nameless, refuse
from inditree.flow.image_queue import PATIENCE
from inditree.wire.elements import Blob, OneBlob
from inditree.wire.syntax import NEW_TAGS

LIBINDI = b"<setBLOBVector\n"
"""The first bytes of an image from a libindi driver, and of no others."""


def arrive(state: State, peer: Peer, blob: Blob) -> None:
    """A whole BLOB has come in: it is counted, and kept while it is handed on; `release` is to follow."""
    peer.counters.received[blob.tag] += 1
    peer.counters.blob_bytes_received += blob.size
    state.intake.track(blob)
    blob.retain()


def release(state: State, peer: Peer, blob: Blob) -> None:
    """A BLOB that came in has been handed on. Where it was larger than expected, older ones go."""
    blob.release()
    memory.enforce(state, peer, blob)


def forms(state: State, peer: Peer, blob: Blob, device: str) -> tuple[bool, bool]:
    """Images of `peer` have come as descriptors: does anybody get them as such, and does anybody as base64?"""
    if blob.tag in NEW_TAGS:
        return False, True
    targets = state.routes.find(peer, IMAGE, device, blob.name).targets
    return any(target.gets_fds for target in targets), not all(target.gets_fds for target in targets)


def image(state: State, peer: Peer, blob: Blob) -> None:
    """An image has come in: it goes to those who want it, and its source waits where there is no room for the next."""
    device, name = blob.device, blob.name
    if not device or not name:
        nameless(state, peer, blob.element, blob.size)
        return
    if not peer.may_define:
        refuse(state, peer, "access", blob.size)
        return
    # A libindi driver that does not ping is old: what follows its first image shows it.
    unknown = not peer.last_size and peer.is_driver and blob.element.data.startswith(LIBINDI)
    backpressure.came(state, peer, blob.key, blob.size)
    group = state.routes.find(peer, IMAGE, device, name)
    if group.refused:
        refuse(state, peer, group.refused, blob.size)
        return
    if state.ownership.owners.get(device) is peer:
        _count(state, peer, blob)
    unheld = peer.pings or state.desk.now < peer.free.get(blob.key, 0.0)
    for target in group.targets:
        put(state, target, blob, unheld=unheld and not target.lossless)
    if not unknown:
        backpressure.judge(state, peer)


def _count(state: State, peer: Peer, blob: Blob) -> None:
    counters = state.desk.counters.devices[blob.device]
    counters.last_message = counters.last_image = state.desk.now
    counters.last_image_bytes = sum(map(_file_size, blob.ones))
    counters.blobs_received += len(blob.ones)
    counters.blob_bytes_received += blob.payload
    for one in blob.ones:
        state.desk.counters.blob_size.observe(one.payload)
    known = state.view.find(blob.device, blob.name)
    if known is not None:
        change = blob.element.data[:-1].rstrip() + b"/>"
        state.view.hear(known, change, 0, len(change), state.desk.now)
        known.store_image(change, blob.element.attributes)
        if state.commands.open and (command := state.commands.to(known)) is not None:
            state.commands.heard(command, known, (change,))
        if known.lacks(one.attributes.get("name", "") for one in blob.ones):
            state.refreshing.notice(peer, known)


def _file_size(one: OneBlob) -> int:
    """Bytes of the image as its driver says, else by its base64."""
    said = one.attributes.get("size", "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else one.payload * 3 // 4


def put(state: State, target: Peer, blob: Blob, request: Request | None = None, *, unheld: bool = False) -> None:
    """Offer a BLOB to a peer; what it puts out is counted. `request`: where it is one; `unheld`: as of `put_blob`."""
    gate = state.desk.gate
    if gate is not None and request is None and state.desk.hides(gate, target, blob, blob.tag):
        return
    spelt = blob if target.names is None else target.names.blob_outward(blob)
    spelt = spelt if target.latin is None else target.latin.spell_blob(spelt)
    if spelt is blob:
        _offer(state, target, blob, request, unheld)
        return
    spelt.began = blob.began
    state.intake.track(spelt)
    spelt.retain()
    _offer(state, target, spelt, request, unheld)
    spelt.release()


def _offer(state: State, target: Peer, blob: Blob, request: Request | None, unheld: bool) -> None:
    state.desk.dirty.add(target)
    target.counters.sent[blob.tag] += 1
    attached = blob.attached if target.gets_fds else None
    outbox = target.outbox
    for lost in outbox.put_blob(blob, request, attached, unheld=unheld):
        losses.count(state, target, lost, "superseded")
    if outbox.moved:
        moved(state, target)
    if outbox.lanes.window is not None:
        state.desk.wake(PATIENCE)  # what is said behind it may have to go ahead of it


def moved(state: State, peer: Peer, delivered: Iterable[Blob] = ()) -> None:
    """An outbox has moved: an image no longer waits, or the last byte of these is with the kernel."""
    peer.outbox.moved = False
    state.intake.moved()
    for blob in delivered:
        _delivered(state, peer, blob)
        blob.release()


def _delivered(state: State, peer: Peer, blob: Blob) -> None:
    counters = state.desk.counters
    device = counters.devices.get(blob.device)
    if device is not None:  # else it is gone, and was forgotten
        device.blobs_delivered += len(blob.ones)
        device.blob_bytes_delivered += blob.payload
    peer.counters.blob_bytes_sent += blob.size
    if blob.began:
        counters.blob_forward.observe(max(0.0, state.desk.now - blob.began))


def fetched(state: State, device: str, size: int) -> None:
    """A client has fetched an image by its address. When it does so is its own affair: no time is observed."""
    known = state.desk.counters.devices.get(device)
    if known is not None:
        known.blobs_delivered += 1
        known.blob_bytes_delivered += size
    state.desk.counters.peers["client"].blob_bytes_sent += size


# Between routers


def acknowledge(state: State, peer: Peer, uid: str) -> None:
    """The other end has room for more of a property."""
    if peer.outbox.answered(uid) is not None:
        state.desk.dirty.add(peer)
        state.intake.moved()


def send_waiting(state: State, device: str, name: str | None) -> None:
    """A device (one property, unless None) is about to go: what waits for an answer goes ahead of its delProperty.

    Behind it the other end would refuse it, or take it for the images of the next definition.
    """
    for peer in state.desk.links:
        if peer.outbox.lanes.window is not None and device in peer.outbox.lanes:
            peer.outbox.lanes.force(device, name)
            state.desk.dirty.add(peer)


def look_at_waiting(state: State) -> None:
    """Time has passed: what was said behind images that have waited for too long goes ahead of them."""
    now = state.desk.now
    for peer in state.desk.links:
        lanes = peer.outbox.lanes
        if lanes.window is None or not lanes.count:
            continue
        if lanes.stuck_until <= now:
            state.desk.dirty.add(peer)
        elif lanes.stuck_until < now + PATIENCE:
            state.desk.wake(lanes.stuck_until - now)


def forget(peer: Peer) -> None:
    """The peer is gone: nobody waits for what it was owed."""
    peer.outbox.clear()
    backpressure.forget(peer)
