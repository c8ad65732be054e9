"""The desk of the core: who is there, what time it is, and the one place through which anything leaves.

Everything else in the core stands above it: it knows nothing of devices, subscriptions or images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from inditree.core.effects import Answered, Audit, Close, Defined, Effect, Free, Hold, Log, Mistake, ReadOn, Wake
from inditree.core.gate import Gate
from inditree.core.peer import Peer
from inditree.counters import Counters
from inditree.flow.outbox import Traced
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import NEW_TAGS, ping_reply

COUNTED_DEVICES = 1024
"""Devices whose counters outlive them: past it one that goes is forgotten, as names can be made up without end."""

AUDITED = 256
"""Characters of a name that are written down."""


class Settings(Struct, frozen=True):
    """Limits (bytes, seconds) and modes that the core decides by; `timestamp` gives INDI's UTC time.

    `audited`: somebody wants to know what became of each `new*`. `streams`: stream frames go first, and beyond so many
    bytes that wait for a peer in any case; None: as other images.
    """

    identity: str
    timestamp: Callable[[], str]
    queue: int = 128 << 20
    streams: int | None = None
    memory: int = 512 << 20
    stall_timeout: float = 10.0
    link_timeout: float = 30.0
    link_hold: float = 0.0
    forwarded: bool = False
    audited: bool = True


class Desk:
    """The base of the core, which all parts of it share: peers, clock, counters, and the way out.

    `now` is seconds of a monotonic clock. `dirty` are the peers whose outboxes got something, `effects` what else is to
    be done: `Core.to_write` and `Core.drain` hand both over.
    """

    __slots__ = ("counters", "dirty", "drivers", "effects", "gate", "links", "now", "peers", "settings")

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.settings = settings
        self.counters = counters
        self.now = 0.0
        self.peers: dict[int, Peer] = {}
        self.links: dict[Peer, None] = {}  # those of them that are links, and that are drivers
        self.drivers: dict[Peer, None] = {}
        self.dirty: set[Peer] = set()
        self.effects: list[Effect] = []
        self.gate: Gate | None = None  # None: everything may be told to everybody

    def clock(self) -> float:
        """The time (seconds)."""
        return self.now

    # Peers

    def enter(self, peer: Peer) -> None:
        """A peer is there."""
        self.peers[peer.id] = peer
        if peer.link is not None:
            self.links[peer] = None
        elif peer.is_driver:
            self.drivers[peer] = None

    def exit(self, peer: Peer) -> None:
        """A peer is gone."""
        del self.peers[peer.id]
        self.links.pop(peer, None)
        self.drivers.pop(peer, None)

    # Into outboxes

    def send(self, peer: Peer, data: bytes, tag: str, device: str | None = None) -> None:
        """Put one control element (or several of a tag) into a peer's outbox: of a device behind its images."""
        if self.gate is not None and tag not in NEW_TAGS and self.hides(self.gate, peer, data, tag):
            return
        if peer.names is not None:
            data = _as_before(data, peer.names.element_outward(data, tag))
        if peer.latin is not None and not data.isascii():
            data = _as_before(data, peer.latin.spell(data))
        peer.counters.sent[tag] += 1
        peer.counters.control_bytes_sent += len(data)
        outbox = peer.outbox
        if not (outbox.put_behind(device, data) if outbox.lanes.count and device is not None else outbox.put(data)):
            self.overflow(peer)
        self.dirty.add(peer)

    def send_all(self, peers: Iterable[Peer], data: bytes, tag: str, device: str | None = None) -> None:
        """Put one control element into the outboxes of several peers."""
        for peer in peers:
            self.send(peer, data, tag, device)

    def pong(self, peer: Peer, uid: str) -> None:
        """Answer a ping: for a driver ahead of what waits for it, else in order."""
        data = ping_reply(uid)
        if peer.is_driver:
            peer.counters.sent["pingReply"] += 1
            peer.counters.control_bytes_sent += len(data)
            if not peer.outbox.put_urgent(data):
                self.overflow(peer)
            self.dirty.add(peer)
        else:
            self.send(peer, data, "pingReply")

    def hides(self, gate: Gate, peer: Peer, item: bytes | Blob, tag: str) -> bool:
        """Says whether an interlock keeps from a driver or a link what its reader may take for a command.

        Commands were judged when they came. Of images only who may have the device is kept from them: they are long.
        """
        if not (peer.is_driver or peer.link is not None):
            return False
        if isinstance(item, Blob) and peer.is_router and not peer.owns:
            return False
        refusal = gate.hiding(item, peer.owns)
        if refusal is None:
            return False
        self.count_dropped(peer, "access", len(item) if isinstance(item, bytes) else item.size)
        text = f"{peer.name}: not told a {tag}: interlock {refusal.interlock}: {refusal.why}"
        self.log("warning", "interlock", text, interlock=refusal.interlock, peer=peer.name)
        return True

    def overflow(self, peer: Peer) -> None:
        """Close a peer whose outbox has refused a control element."""
        self.close(peer, "overflow", f"{peer.outbox.control} bytes of control elements wait, more than limits.queue")

    # Effects

    def close(self, peer: Peer, reason: str, text: str) -> None:
        """Ask for a peer to be closed."""
        self.effects.append(Close(peer, reason, text))

    def hold(self, peer: Peer) -> None:
        """Ask that a source is not read on."""
        self.effects.append(Hold(peer))

    def read_on(self, peer: Peer) -> None:
        """Ask that a source is read again."""
        self.effects.append(ReadOn(peer))

    def wake(self, after: float) -> None:
        """Ask for a tick after this many seconds."""
        self.effects.append(Wake(self.now + after))

    def defined(self, peer: Peer) -> None:
        """Tell that a driver has defined something."""
        self.effects.append(Defined(peer))

    def free(self, blob: Blob) -> None:
        """Give back what an image held that nobody holds any more."""
        self.effects.append(Free(blob))

    def log(self, level: str, event: str, text: str, **fields: str) -> None:
        """Say something to the operator."""
        self.effects.append(Log(level, event, text, fields))

    def audit(self, peer: Peer, element: Element | Blob, result: str) -> None:
        """Tell what became of a `new*`."""
        if self.settings.audited:
            data = element.data if isinstance(element, Element) else b""
            device, name = (element.device or "")[:AUDITED], (element.name or "")[:AUDITED]
            who = peer.kind, peer.address, peer.policy.listener
            self.effects.append(Audit(*who, element.tag, device, name, data, result))

    def answered(self, effect: Audit | Answered) -> None:
        """Tell how a command ended that was sent."""
        self.effects.append(effect)

    def mistake(self, peer: Peer | None, error: Exception) -> None:
        """Tell of an exception that nobody expected; it costs `peer` its place, where it was about a single one."""
        self.effects.append(Mistake(peer, error))

    def attempt(self, peer: Peer | None, act: Callable[[], object]) -> None:
        """Do something for `peer` that others must not miss theirs by: an exception costs that peer alone."""
        try:
            act()
        except Exception as error:
            self.mistake(peer, error)

    # Counting

    def forget_device(self, device: str) -> None:
        """A device is gone: its counters stay, unless there are many."""
        if len(self.counters.devices) > COUNTED_DEVICES:
            self.counters.devices.pop(device, None)

    def count_dropped(self, peer: Peer, reason: str, size: int, number: int = 1) -> None:
        """Count elements that go nowhere; `peer` is who sent them, or for whom they waited."""
        peer.counters.dropped_messages[reason] += number
        peer.counters.dropped_bytes[reason] += size


def _as_before(data: bytes, spelt: bytes) -> bytes:
    """An element with other names in it; what it is about stays with it."""
    if spelt is data or not isinstance(data, Traced):
        return spelt
    traced = Traced(spelt)
    traced.about = data.about
    return traced
