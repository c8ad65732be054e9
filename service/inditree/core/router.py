"""The router of the core: the door that each event comes in by, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from inditree.core import (
    backpressure,
    blips,
    blobs,
    clients,
    devices,
    links,
    memory,
    ownerless,
    providers,
    renaming,
    requests,
)
from inditree.core.desk import Settings
from inditree.core.effects import Effect
from inditree.core.gate import Gate
from inditree.core.intake import ImageCache
from inditree.core.peer import Peer, Policy
from inditree.core.routes import Group
from inditree.core.state import State
from inditree.core.subscription import Subscription
from inditree.counters import Counters
from inditree.flow.outbox import Outbox
from inditree.flow.whole import WholeOutbox
from inditree.tree.link import Link
from inditree.tree.names import Names
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.faults import Fault
from inditree.wire.syntax import DEF_TAGS, NEW_TAGS, SET_TAGS, message

Handler = Callable[[State, Peer, Element], None]

_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(DEF_TAGS, providers.define),
    **dict.fromkeys(SET_TAGS, providers.set_values),
    **dict.fromkeys(NEW_TAGS, clients.command),
    "delProperty": providers.delete,
    "message": providers.message,
    "getProperties": clients.get_properties,
    "enableBLOB": clients.enable_blob,
    "pingRequest": clients.ping,
    "pingReply": links.pong,
}

_FAREWELLS: tuple[Callable[[State, Peer], None], ...] = (
    lambda state, peer: state.ownership.withdraw_all(peer),
    requests.tell_undelivered,
    lambda state, peer: state.notices.forget(peer),
    lambda state, peer: state.refreshing.forget(peer),
    lambda state, peer: state.doubled.forget(peer),
    lambda state, peer: state.waking.forget(peer),
    lambda state, peer: state.demand.forget_peer(peer),
    lambda state, peer: state.holding.forget_peer(peer),
    links.leave,
    lambda state, peer: blobs.forget(peer),
)
"""The steps when a peer has gone. Each is taken, whatever becomes of the one before."""


class Core:
    """One router without I/O: events come in here, and what is to be done about them leaves by the desk.

    The caller sets `now` (seconds, monotonic) before each event. Afterwards it writes to all of `to_write` and does
    what `drain` says, until there is neither. The parts are for reading only: what changes them comes in as an event.
    """

    def __init__(self, settings: Settings, counters: Counters) -> None:
        state = self.state = State(settings, counters)
        self.desk = state.desk
        self.settings = settings
        self.counters = counters
        self.peers = state.desk.peers
        self.view = state.view
        self.ownership = state.ownership
        self.intake = state.intake
        self.notices = state.notices
        self._number = 0
        self._check_every = min(1.0, settings.stall_timeout / 4, settings.link_timeout / 6)
        self._next_check = 0.0
        self._wake_to_check()

    @property
    def now(self) -> float:
        """The time that the core goes by."""
        return self.desk.now

    @now.setter
    def now(self, now: float) -> None:
        self.desk.now = now

    # Events

    def join(
        self,
        kind: str,
        name: str,
        policy: Policy | None = None,
        link: Link | None = None,
        make: Callable[[int, Callable[[], float]], Outbox] | None = None,
        names: Names | None = None,
    ) -> Peer:
        """A peer is there. A link that we opened is introduced at once.

        `make`, unless None, makes its outbox, from its limit (bytes) and a clock (seconds). `names`, unless None, are
        those of its devices, which have others here.
        """
        self._number += 1
        box = make or (WholeOutbox if kind in ("inprocess", "observer") else Outbox)
        outbox = box(self.settings.queue, self.desk.clock)
        outbox.lanes.stream_limit = self.settings.streams
        peer = Peer(self._number, kind, name, policy or Policy(), outbox, self.now)
        peer.counters = self.counters.peers["inprocess" if kind == "observer" else kind]
        peer.counters.opened += 1
        peer.link = link
        peer.names = names
        if link is not None:
            link.names = names
        self.desk.enter(peer)
        if link is not None:
            links.introduce(self.state, peer)
        return peer

    def receive(self, peer: Peer, item: Run | Element | Blob) -> None:
        """One item of a peer's stream, in order."""
        if peer.gone:
            return
        state = self.state
        if state.unnoted:
            state.catch_up()
        if state.intake.reserved:
            state.intake.arrived(peer)  # the image has ended, if it was one
        if peer.names is not None:
            if isinstance(item, Run):
                for element in renaming.elements(peer, item):
                    self._receive_item(peer, element)
                return
            item = renaming.inward(state, peer, item)
        if isinstance(item, Run):
            providers.run(state, peer, item)
            state.intake.weigh(peer, len(item.data))
            return
        self._receive_item(peer, item)

    def _receive_item(self, peer: Peer, item: Element | Blob) -> None:
        state = self.state
        handler = _HANDLERS.get(item.tag)
        known = handler is not None or isinstance(item, Blob)  # what is no element of INDI says of a link nothing
        if known and peer in state.introducing and not links.first_item(state, peer, item):
            return
        if isinstance(item, Blob):
            self._receive_blob(peer, item)
            return
        peer.counters.control_bytes_received += len(item.data)
        if handler is None:
            peer.counters.received["_other"] += 1
            self.desk.count_dropped(peer, "unknown", len(item.data))
            self.notices.once(peer, "warning", "unknown_element", f"<{item.tag[:40]}> is not an INDI element: dropped")
            return
        peer.counters.received[item.tag] += 1
        handler(state, peer, item)
        state.intake.weigh(peer, len(item.data))

    def _receive_blob(self, peer: Peer, blob: Blob) -> None:
        blobs.arrive(self.state, peer, blob)
        try:
            if blob.tag in NEW_TAGS:
                clients.command(self.state, peer, blob)
            else:
                blobs.image(self.state, peer, blob)
        finally:
            blobs.release(self.state, peer, blob)

    def fault(self, peer: Peer, fault: Fault) -> None:
        """Something of a peer's stream was no XML: count it, and say it once for each reason."""
        done, table = ("dropped", peer.counters.parse_errors) if fault.dropped else ("repaired", peer.counters.repaired)
        for reason in fault.reasons:
            table[reason] += 1
            text = f"{fault.place or 'an element'}: {done} ({reason}), {fault.text} (logged once for each reason)"
            self.notices.once(peer, "warning", done, text, f"{done} {reason}")

    def leave(self, peer: Peer, reason: str) -> None:
        """A peer is gone, everything that it sent before has been received."""
        if peer.gone:
            return
        state = self.state
        state.catch_up()
        peer.gone = True
        if peer.link is not None and reason == "shutdown":
            peer.link.parted = True
        peer.counters.closed[reason] += 1
        self.desk.exit(peer)
        state.subscribers.forget(peer)
        state.introducing.discard(peer)
        state.intake.forget(peer)
        devices.lose_all(state, peer)
        for farewell in _FAREWELLS:
            try:
                farewell(state, peer)
            except Exception as error:
                self.desk.mistake(None, error)
        self.desk.dirty.discard(peer)
        state.routes.forget()
        state.intake.moved()

    def part(self, peer: Peer) -> None:
        """A link is about to end on purpose: the other end is told, so that it waits for nothing. `leave` is to follow,
        with the reason `shutdown`.
        """
        self.state.catch_up()
        self.desk.attempt(peer, partial(blips.part, self.state, peer))

    def end_hold(self, name: str) -> None:
        """A link that we open ends on purpose: it will not bring back what is held."""
        self.state.catch_up()
        self.state.holding.end_link(name)

    def ride_out(self, seconds: float) -> None:
        """Hold devices for so long from now on when their link is lost; 0: not at all."""
        self.state.holding.length = seconds

    def tick(self) -> None:
        """Time has passed: pauses, introductions, probes, stalls."""
        self.state.catch_up()
        self.desk.attempt(None, partial(devices.lose_some, self.state))
        self.desk.attempt(None, partial(devices.end_pauses, self.state))
        self.desk.attempt(None, partial(blips.expire, self.state))
        self.state.once.expire(self.now)
        self.desk.attempt(None, self.state.commands.expire)
        self.desk.attempt(None, self.state.waking.check)
        self.desk.attempt(None, partial(links.end_silence, self.state))
        if self.now >= self._next_check:
            self._check_peers()
        self._wake_to_check()
        blobs.look_at_waiting(self.state)
        self.intake.moved()  # how fast a client is also changes by the passing of time

    def _wake_to_check(self) -> None:
        """Ask for a tick in less than a second, where the settings need it."""
        if self._check_every < 1.0:
            self.desk.wake(max(0.0, self._next_check - self.now))

    def _check_peers(self) -> None:
        self._next_check = self.now + self._check_every
        for peer in list(self.peers.values()):
            self.desk.attempt(peer, partial(self._check_stall, peer))
            if peer.outbox.lanes.properties:
                peer.outbox.lanes.sweep(self.now)
            if peer.promises:
                backpressure.sweep(self.state, peer)
            if peer.link is not None:
                self.desk.attempt(peer, partial(links.check, self.state, peer))

    def may_begin(self, peer: Peer, size: int, element: Element | None = None) -> bool:
        """May a source's next BLOB, of about `size` bytes, be taken in? False: a ReadOn says when to ask again."""
        if element is not None and peer.names is not None:
            renamed = renaming.inward(self.state, peer, element)
            element = renamed if isinstance(renamed, Element) else None
        return memory.may_begin(self.state, peer, size, element)

    def forms(self, peer: Peer, blob: Blob) -> tuple[bool, bool]:
        """An image has come as a descriptor: is it wanted as such, and as base64? Holds for this step only."""
        if peer.names is not None and blob.device:
            device = renaming.name_here(self.state, peer, peer.names, blob.tag, blob.device)
            return blobs.forms(self.state, peer, blob, device)
        return blobs.forms(self.state, peer, blob, blob.device)

    def add_cache(self, cache: ImageCache) -> None:
        """Have this cache give up images from now on where memory is short."""
        self.intake.caches[cache] = None

    def remove_cache(self, cache: ImageCache) -> None:
        """Ask this cache for no memory any more; again is harmless."""
        self.intake.caches.pop(cache, None)

    def discard(self, peer: Peer) -> None:
        """A source that was to wait for memory is read on all the same, and its next BLOB is not kept."""
        self.intake.give_up(peer)

    def heard(self, peer: Peer, at: float) -> None:
        """Bytes came from a peer at this time, whether or not they were a whole element."""
        if peer.link is not None:
            peer.link.heard = max(peer.link.heard, at)

    # The way out

    def to_write(self) -> list[Peer]:
        """The peers whose outboxes got something since this was asked last."""
        dirty = self.desk.dirty
        if not dirty:
            return []
        peers = list(dirty)
        dirty.clear()
        return peers

    def drain(self) -> list[Effect]:
        """The effects to be carried out, in order. To be called when the outboxes have been written.

        Only now is the view brought up to date, so that nobody waits for it, and is looked at who may go on.
        """
        state, desk = self.state, self.desk
        if state.unnoted:
            state.catch_up()
        if state.intake.stirred():
            desk.attempt(None, state.demand.settle)
            desk.attempt(None, partial(backpressure.reconsider, state))
        effects, desk.effects = desk.effects, []
        return effects

    def _check_stall(self, peer: Peer) -> None:
        timeout = self.settings.stall_timeout
        if self.intake.waits(peer):
            peer.pace.stand_still(peer.outbox, self.now)
        elif peer.pace.stalled(peer.outbox, self.now, timeout):
            text = f"took too little for {timeout:g} s, {peer.outbox.size} bytes waiting"
            self.desk.close(peer, "stalled", text)

    def moved(self, peer: Peer, delivered: Iterable[Blob] = ()) -> None:
        """A peer's outbox has `moved`, and the last byte of these BLOBs is with the kernel."""
        blobs.moved(self.state, peer, delivered)

    def unheard(self, peer: Peer) -> None:
        """Nothing can be written to a peer any more: what it has asked still is acted on, and not answered."""
        peer.deaf = True

    def fetched(self, device: str, size: int) -> None:
        """A client has fetched an image by its address: `size` bytes of a file, the last of them is with the kernel."""
        blobs.fetched(self.state, device, size)

    def broadcast(self, text: str, timestamp: str | None = None) -> None:
        """A message of the router's own, to every client of the whole tree."""
        data = message(text, timestamp or self.settings.timestamp())
        ownerless.pass_on(self.state, None, Element("message", {}, data))

    def definition(self, device: str, name: str) -> bytes:
        """Give the definition of a property with the newest of all that was passed on; empty where there is none."""
        self.state.catch_up()
        known = self.view.find(device, name) or self.view.stale(device, name)
        return known.current() if known is not None else b""

    def refresh(self, device: str) -> bool:
        """Ask the provider of a device for all its definitions anew; everybody hears what differs.

        False: nobody here provides it, or another router does, whose answer would be what it knows already.
        """
        owner = self.ownership.owners.get(device)
        if owner is None or owner.is_router:
            return False
        self.state.refreshing.ask(owner, device)
        return True

    def use_gate(self, gate: Gate | None) -> None:
        """Ask this gate from now on before a command is delivered. None: deliver without asking."""
        self.desk.gate = gate

    def route(self, peer: Peer) -> Callable[[Head], Group]:
        """The function that the peer's framer asks for the group of a head."""
        if peer.names is not None:
            return lambda head: renaming.ANYWHERE  # where they go is looked up when they have their names
        return self.state.routes.of(peer)

    def restore(self, peer: Peer, subscription: Subscription) -> None:
        """A driver is back: its subscription and BLOB modes hold again."""
        self.state.subscribers.restore(peer, subscription)
        self.state.routes.forget()
        self.state.demand.changed(peer)
        self.intake.moved()
