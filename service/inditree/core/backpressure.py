"""Back-pressure: which sources of images are read on, and which pings of other routers are answered.

Rules: docs/flow.md.
"""

from __future__ import annotations

from functools import partial

from inditree.core import memory
from inditree.core.peer import Peer
from inditree.core.routes import IMAGE
from inditree.core.state import State
from inditree.flow.image_queue import PATIENCE, Promise
from inditree.flow.pacing import LATELY, Need, may_read, may_read_lossless, ready, somebody_ready
from inditree.wire.elements import Key

HELD, MEMORY = "held", "memory"
"""Why a source is not read: nobody takes its images, or there is no memory for the next one."""

FREE = 20.0
"""Seconds for which a property does not hold a source of several devices, once it has held it for PATIENCE."""


def came(state: State, peer: Peer, key: Key, size: int) -> None:
    """An image has come: what its source was promised for it is used up."""
    peer.last_key, peer.last_size = key, size
    now = state.desk.now
    for each, promise in peer.promises.items():
        if each == key:
            promise.size = max(0, promise.size - size)
            promise.at = now
        else:
            promise.others_come(len(peer.promises), now, coming=False)


def judge(state: State, peer: Peer) -> None:
    """An image of a source has been handed on: it may send the next one, or is held."""
    if peer.owed is not None:  # a router's own acknowledgements pace it; the ping behind this image is still to come
        targets = state.routes.find(peer, IMAGE, peer.last_key[0], peer.last_key[1]).targets
        number = max(0, peer.owed.coming(peer.last_key) - 1)
        _promise(peer, peer.last_key, targets, peer.last_size * number, state.desk.now, waits=False)
        return
    if peer.held:
        return
    why = _reason(state, peer)
    if why:
        state.intake.hold(peer, why)
        state.desk.wake(LATELY)


def reconsider(state: State) -> None:
    """Outboxes have moved: who may go on, who is answered? Who has waited for longest is first."""
    intake = state.intake
    for peer in list(intake.held):
        state.desk.attempt(peer, partial(_reconsider, state, peer))
    for peer in list(state.desk.links):
        if peer.owed:
            state.desk.attempt(peer, partial(pay, state, peer))
    intake.feed()
    if intake.held:
        state.desk.wake(LATELY)


def _reconsider(state: State, peer: Peer) -> None:
    if not _reason(state, peer):
        state.intake.read_on(peer)


def _reason(state: State, peer: Peer) -> str:
    """Says why a source may not be read on; "" where it may, which it is then promised."""
    key, size, now = peer.last_key, peer.last_size, state.desk.now
    targets = state.routes.find(peer, IMAGE, key[0], key[1]).targets
    need = Need(key, size, now, unseen=partial(_unseen, state, key))
    why = ""
    if peer.pings:
        why = "" if may_read_lossless(targets, need) else HELD
    elif peer.kind == "inprocess" and not memory.has(state, peer, size):
        why = MEMORY  # nobody asks before it makes the next one
    elif not (may_read(targets, need) or _newcomer(peer, targets, need) or _is_free(peer, targets, need)):
        why = HELD
    _promise(peer, key, targets, size, now, waits=bool(why))
    if not (why or peer.pings):
        _mark_who_is_behind(targets, key, size, now)
    return why


def pay(state: State, peer: Peer) -> None:
    """Answer the pings of a router behind those images for whose next there is room."""
    owed, now = peer.owed, state.desk.now
    assert owed is not None
    for key in owed.properties():
        targets = state.routes.find(peer, IMAGE, key[0], key[1]).targets
        size = owed.size(key)
        unread = bool(targets) and all(target.outbox.unread(key) for target in targets)
        while key in owed and not unread:  # else another would cross the link only to be dropped too
            number = owed.coming(key) + 1
            need = Need(key, size, now, number, partial(_unseen, state, key))
            if not (may_read(targets, need) or (number == 1 and _newcomer(peer, targets, need))):
                if somebody_ready(targets, need):
                    state.desk.wake(LATELY)  # the others' pace decides
                break
            _mark_who_is_behind(targets, key, size * number, now)
            state.desk.pong(peer, owed.pay(key))
        coming = owed.coming(key)
        _promise(peer, key, targets, size * max(coming, 1), now, waits=not coming)


def _newcomer(peer: Peer, targets: tuple[Peer, ...], need: Need) -> bool:
    """Has somebody come while the source waited, and it has waited for too long? Nothing is known of a pace yet.

    A client that was sent nothing would wait for those who hold the source, however slow they are.
    """
    promise = peer.promises.get(need.key)
    if promise is None or promise.waits_since is None or need.now - promise.waits_since < PATIENCE:
        return False
    if targets == promise.targets or not may_read_lossless(targets, need):
        return False
    before = set(promise.targets)
    return any(target not in before and ready(target, need) for target in targets)


def _is_free(peer: Peer, targets: tuple[Peer, ...], need: Need) -> bool:
    """May a source of several devices be read on though this property would hold it? Its other devices would wait."""
    if len(peer.owns) < 2 or not may_read_lossless(targets, need):
        return False
    if need.now - peer.unread.get(HELD, need.now) >= PATIENCE:
        peer.free = {key: until for key, until in peer.free.items() if need.now < until}
        peer.free[need.key] = need.now + FREE
    return need.now < peer.free.get(need.key, 0.0)


def _unseen(state: State, key: Key, target: Peer) -> int:
    """Counts the images of other properties that may come to `target` without room for them being counted."""
    lanes, now = target.outbox.lanes, state.desk.now
    number = 0
    for (device, name), unasked in state.routes.images(target).items():
        if (device, name) != key[:2] and not any(lanes.counts((device, name, kind), now) for kind in (False, True)):
            number += unasked
    return number


def _mark_who_is_behind(targets: tuple[Peer, ...], key: Key, size: int, now: float) -> None:
    """A source goes on: who has no room loses images of it, so that nobody else has to stand back for them there."""
    for target in targets:
        fits = target.outbox.fits(key, size, now)
        target.outbox.lanes.mind(key, 0.0 if fits else now + PATIENCE)


def _promise(peer: Peer, key: Key, targets: tuple[Peer, ...], size: int, now: float, *, waits: bool) -> None:
    """Keep room for what a source may send; for what it waits to send only where there is none yet."""
    before = peer.promises.get(key)
    waits_since: float | None = None
    wanted: tuple[object, ...] = ()
    if waits:
        waits_since, wanted = now, targets
        if before is not None and before.waits_since is not None:
            waits_since, wanted = before.waits_since, before.targets
        targets = tuple(target for target in targets if not target.outbox.fits(key, size, now))
    promise = Promise(size, now, waits_since, wanted)
    if before is not None:
        if not waits and before.waits_since is None and size <= before.size:
            promise.at, promise.coming, promise.others = before.at, before.coming, before.others  # nothing was allowed
        before.size = 0
    peer.promises[key] = promise
    for target in targets:
        target.outbox.lanes.promise(key, promise)


def _void(peer: Peer, key: Key) -> None:
    promise = peer.promises.pop(key, None)
    if promise is not None:
        promise.size = 0


def sweep(state: State, peer: Peer) -> None:
    """Now and then: what a source was promised and did not send is forgotten; not since when one waits.

    Nor that it has lapsed, where an answer is owed: `pay` would promise the same anew, again and again.
    """
    now, owed = state.desk.now, peer.owed or ()
    for key, each in list(peer.promises.items()):
        if each.waits_since is None and each.lapsed(now) and key not in owed:
            _void(peer, key)


def forget(peer: Peer) -> None:
    """A source is gone: nothing is kept for it any more."""
    for key in list(peer.promises):
        _void(peer, key)
