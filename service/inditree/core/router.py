"""The core itself: who is there, who owns what, and the door that each element goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from inditree.core import blobs, clients, links, ownership, providers, strangers
from inditree.core.effects import Audit, Close, Effect, Log, Mistake, Wake
from inditree.core.peer import Peer, Policy
from inditree.core.routes import Group, Routes
from inditree.counters import Counters
from inditree.flow.outbox import Outbox
from inditree.flow.whole import WholeOutbox
from inditree.routing.wishes import Wishes
from inditree.tree.link import Link
from inditree.tree.paths import Once
from inditree.view.properties import Property, View
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.syntax import DEF_TAGS, NEW_TAGS, SET_TAGS, message, ping_reply

AUDITED = 256
"""Characters of a name that are written down."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits (bytes, seconds) and modes that the core decides by; `timestamp` gives INDI's UTC time."""

    identity: str
    timestamp: Callable[[], str]
    queue: int = 128 << 20
    memory: int = 512 << 20
    stall_timeout: float = 10.0
    link_timeout: float = 30.0
    forwarded: bool = False


Handler = Callable[["Core", Peer, Element], None]

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

_FAREWELLS: tuple[Callable[[Core, Peer], None], ...] = (
    ownership.withdraw_all,
    clients.tell_undelivered,
    clients.forget_peer,
    blobs.forget,
)
"""What is done when a peer has gone: each, whatever becomes of the one before."""


class Core:
    """All routing state of one router.

    `now` (seconds, monotonic) is set by the caller before each event. `dirty` are the peers whose outboxes got
    something, `effects` what else is to be done; the caller empties both.
    """

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.settings = settings
        self.counters = counters
        self.now = 0.0
        self.peers: dict[int, Peer] = {}
        self.owners: dict[str, Peer] = {}
        self.view = View()
        self.routes = Routes(self)
        self.unnoted: list[tuple[Peer, Property, bytes, int, int, int]] = []  # what the view has not taken in yet
        self.audited = True  # somebody wants to know what became of each new*
        self.once = Once()
        self.dirty: set[Peer] = set()
        self.effects: list[Effect] = []
        self.held: set[Peer] = set()  # sources that are not read because their images are not taken
        self.starved: set[Peer] = set()  # sources whose next BLOB waits for memory
        self.memory = 0  # bytes of all BLOBs that somebody is still owed
        self.unweighed = 0  # bytes of control elements from those who connected to us since their devices were weighed
        self.reserved: dict[Peer, int] = {}  # bytes of those that are being received
        self.pauses: dict[str, float] = {}  # until when no link is believed about a device
        self.untold: dict[str, set[int]] = {}  # who was told that a device is not there
        self.conflicts: dict[str, tuple[str, str]] = {}  # device: places of its owner and of the refused one
        self.remote_blobs: dict[tuple[str, str], Peer] = {}  # BLOB properties behind links
        self.introducing: set[Peer] = set()
        self.progress = False
        self._number = 0
        self._check_every = min(1.0, settings.stall_timeout / 4, settings.link_timeout / 6)
        self._next_check = 0.0
        self._wake_to_check()

    # Events

    def join(self, kind: str, name: str, policy: Policy | None = None, link: Link | None = None) -> Peer:
        """A peer is there. A link that we opened is introduced at once."""
        self._number += 1
        outbox = WholeOutbox(self.settings.queue) if kind == "inprocess" else Outbox(self.settings.queue)
        peer = Peer(self._number, kind, name, policy or Policy(), outbox, self.now)
        peer.outbox.delivered = partial(self._delivered, peer)
        peer.outbox.begun = self._begun
        peer.counters = self.counters.peers[kind]
        peer.counters.opened += 1
        peer.link = link
        self.peers[peer.id] = peer
        if link is not None:
            links.introduce(self, peer)
        return peer

    def receive(self, peer: Peer, item: Run | Element | Blob) -> None:
        """One item of a peer's stream, in order."""
        if peer.gone:
            return
        if self.unnoted:
            self.note()
        if self.reserved:
            self.reserved.pop(peer, None)  # the image has ended, if it was one
        if isinstance(item, Run):
            providers.run(self, peer, item)
            strangers.note(self, peer, len(item.data))
            return
        if peer in self.introducing and not links.first_item(self, peer, item):
            return
        if isinstance(item, Blob):
            blobs.receive(self, peer, item)
            return
        peer.counters.control_bytes_received += len(item.data)
        handler = _HANDLERS.get(item.tag)
        if handler is None:
            peer.counters.received["_other"] += 1
            self.drop(peer, "unknown", len(item.data))
            self.once_per_peer(peer, "warning", "unknown_element", f"<{item.tag[:40]}> is no INDI element: dropped")
            return
        peer.counters.received[item.tag] += 1
        handler(self, peer, item)
        strangers.note(self, peer, len(item.data))

    def note(self) -> None:
        """Take into the view what the last run said.

        To be called when the outboxes have been written, so that nobody waits for it, and before anything else.
        """
        unnoted, self.unnoted = self.unnoted, []
        for peer, known, data, first, last, end in unnoted:
            try:
                known.note(data, first, last, end)
            except Exception as error:
                self.effects.append(Mistake(peer, error))

    def attempt(self, peer: Peer | None, act: Callable[[], object]) -> None:
        """Do something for `peer` that others must not miss theirs by: an exception costs that peer alone."""
        try:
            act()
        except Exception as error:
            self.effects.append(Mistake(peer, error))

    def leave(self, peer: Peer, reason: str) -> None:
        """A peer is gone, everything that it sent before has been received."""
        if peer.gone:
            return
        self.note()
        peer.gone = True
        peer.counters.closed[reason] += 1
        del self.peers[peer.id]
        self.introducing.discard(peer)
        self.reserved.pop(peer, None)
        self.held.discard(peer)
        for device in sorted(peer.owns):
            self.attempt(None, partial(ownership.lose, self, device))
        for farewell in _FAREWELLS:
            self.attempt(None, partial(farewell, self, peer))
        self.dirty.discard(peer)
        self.routes.forget()
        self.attempt(None, partial(links.sync_for, self, peer))
        self.progress = True

    def tick(self) -> None:
        """Time has passed: pauses, introductions, probes, stalls."""
        self.note()
        self.attempt(None, partial(ownership.end_pauses, self))
        self.once.expire(self.now)
        self.attempt(None, partial(links.end_silence, self))
        if self.now >= self._next_check:
            self._check_peers()
        self._wake_to_check()
        self.progress = True  # how fast a client is also changes by the passing of time
        self.settle()

    def _wake_to_check(self) -> None:
        """Whoever runs us ticks each second; we may need it sooner."""
        if self._check_every < 1.0:
            self.wake(max(0.0, self._next_check - self.now))

    def _check_peers(self) -> None:
        self._next_check = self.now + self._check_every
        for peer in list(self.peers.values()):
            self.attempt(peer, partial(self._check_stall, peer))
            if peer.link is not None:
                self.attempt(peer, partial(links.check, self, peer))

    def may_begin(self, peer: Peer, size: int) -> bool:
        """May a source's next BLOB, of about `size` bytes, be taken in? False: a Release says when to ask again."""
        return blobs.may_begin(self, peer, size)

    def forms(self, peer: Peer, blob: Blob) -> tuple[bool, bool]:
        """An image has come as a descriptor: is it wanted as such, and as base64? Holds for this step only."""
        return blobs.forms(self, peer, blob)

    def settle(self) -> None:
        """After outboxes were written: sources that may go on, acknowledgements that are due."""
        if self.progress:
            self.progress = False
            blobs.reconsider(self)

    def _check_stall(self, peer: Peer) -> None:
        if peer.held or peer in self.starved:
            peer.pace.stand_still(peer.outbox, self.now)
        elif peer.pace.stalled(peer.outbox, self.now, self.settings.stall_timeout):
            waits = peer.outbox.size
            self.close(peer, "stalled", f"took too little for {self.settings.stall_timeout:g} s, {waits} bytes waiting")

    def _begun(self) -> None:
        """A BLOB no longer waits: there is room for one more."""
        self.progress = True

    def _delivered(self, peer: Peer, blob: Blob) -> None:
        """The last byte of a BLOB is with the kernel."""
        self.progress = True
        device = self.counters.devices.get(blob.device)
        if device is not None:  # else it is gone, and was forgotten
            device.blobs_delivered += len(blob.ones)
            device.blob_bytes_delivered += blob.payload
        peer.counters.blob_bytes_sent += blob.size
        if blob.began:
            self.counters.blob_forward.observe(max(0.0, self.now - blob.began))

    def broadcast(self, text: str, timestamp: str | None = None) -> None:
        """A message of the router's own, to every client of the whole tree."""
        data = message(text, timestamp or self.settings.timestamp())
        providers.pass_ownerless(self, None, Element("message", {}, data))

    # What the parts use

    def send(self, peer: Peer, data: bytes, tag: str) -> None:
        """One control element (or several of a tag) into a peer's outbox."""
        peer.counters.sent[tag] += 1
        peer.counters.control_bytes_sent += len(data)
        if not peer.outbox.put(data):
            self._overflow(peer)
        self.dirty.add(peer)

    def send_all(self, peers: Iterable[Peer], data: bytes, tag: str) -> None:
        """The same element to several peers."""
        for peer in peers:
            self.send(peer, data, tag)

    def send_run(self, group: Group, run: Run) -> None:
        """A run to its targets: one offer each, whatever it holds."""
        dirty = self.dirty
        data = run.data
        for target in group.targets:
            if not target.outbox.put(data):
                self._overflow(target)
            dirty.add(target)
        for counters, number in group.kinds:
            counters.control_bytes_sent += len(data) * number
            for head in run.heads:
                counters.sent[head.tag] += head.count * number

    def _overflow(self, peer: Peer) -> None:
        self.close(peer, "overflow", f"{peer.outbox.control} bytes of control elements wait, over limits.queue")

    def close(self, peer: Peer, reason: str, text: str) -> None:
        """Ask for a peer to be closed."""
        self.effects.append(Close(peer, reason, text))

    def drop(self, peer: Peer, reason: str, size: int, number: int = 1) -> None:
        """Count elements that go nowhere; `peer` is who sent them, or for whom they waited."""
        peer.counters.dropped_messages[reason] += number
        peer.counters.dropped_bytes[reason] += size

    def log(self, level: str, event: str, text: str, **fields: str) -> None:
        """Say something to the operator."""
        self.effects.append(Log(level, event, text, fields))

    def once_per_peer(self, peer: Peer, level: str, event: str, text: str, **fields: str) -> bool:
        """Say something about a peer the first time only, which it is where it answers True."""
        if text in peer.said or len(peer.said) >= 256:
            return False
        peer.said.add(text)
        self.log(level, event, f"{peer.name}: {text}", peer=peer.name, **fields)
        return True

    def wake(self, after: float) -> None:
        """Ask for a tick after this many seconds."""
        self.effects.append(Wake(self.now + after))

    def audit(self, peer: Peer, element: Element | Blob, result: str) -> None:
        """Tell what became of a new*."""
        if not self.audited:
            return
        data = element.data if isinstance(element, Element) else b""
        device, name = (element.device or "")[:AUDITED], (element.name or "")[:AUDITED]
        self.effects.append(Audit(peer, element.tag, device, name, data, result))

    def route(self, peer: Peer) -> Callable[[Head], Group]:
        """The function that the peer's framer asks for the group of a head."""
        return self.routes.of(peer)

    def restore(self, peer: Peer, wishes: Wishes) -> None:
        """A driver is back: its snoops and BLOB wishes hold again."""
        peer.wishes = wishes
        self.routes.forget()
        links.sync_for(self, peer)

    def pong(self, peer: Peer, uid: str) -> None:
        """Answer a ping: for a driver ahead of what waits for it, else in order."""
        data = ping_reply(uid)
        if peer.is_driver:
            peer.counters.sent["pingReply"] += 1
            peer.counters.control_bytes_sent += len(data)
            if not peer.outbox.put_urgent(data):
                self._overflow(peer)
            self.dirty.add(peer)
        else:
            self.send(peer, data, "pingReply")

    def place(self, peer: Peer) -> str:
        """Where a peer is, for people."""
        return f"{peer.kind} {peer.name}"
