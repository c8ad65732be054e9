"""One router: a Core with the real framer on each stream, as the engine runs it but in virtual time."""

from __future__ import annotations

import re
from collections.abc import Callable

from inditree.core import Close, Core, Log, Mistake, Peer, Policy, ReadOn, Settings, Wake
from inditree.counters import Counters
from inditree.tree.link import Link
from inditree.tree.names import Names
from inditree.wire.framer import Framer
from tree.world import NOT_DELIVERED, Pipe, World

PATIENCE = 60.0
"""Seconds: what is to be done later than that (a command without an answer is given up) is no part of a run."""

STAMP = "2026-01-01T00:00:00.0"


class RouterPort:
    """A peer's place at a router."""

    out: Pipe

    def __init__(self, node: Node, peer: Peer) -> None:
        self.node = node
        self.peer = peer
        self.closed: str | None = None  # why
        self.other: object = None  # the port or actor at the other end
        self.on_closed: Callable[[], None] = lambda: None
        self._framer = Framer(node.core.route(peer), 1 << 20, 1 << 30)
        self._came: list[bytes] = []
        self._latest = b""  # of which a part may belong to an element that has not ended
        self._ended = False

    def take(self, data: bytes) -> None:
        before, self._latest = self._latest, data
        if NOT_DELIVERED in data and self._is_welcome(data):
            self.node.answers.append(data)
        if self.closed is not None:
            self.node.world.lose(before + data)
            return
        self._came.append(data)
        if self.peer.link is not None:
            self.node.core.heard(self.peer, self.node.world.now)
        if not self.peer.held:
            self.pump()

    def _is_welcome(self, data: bytes) -> bool:
        """Is something in it about a device that is taken from this link? Of others nothing gets through."""
        link, devices = self.peer.link, re.findall(rb'<message device="([^"]*)"', data)
        return link is None or not devices or any(link.accepts(device.decode()) for device in devices)

    def end(self) -> None:
        self._ended = True
        if not self.peer.held:
            self.pump()

    def shut(self, why: str) -> None:
        """Its stream ends here; what was not acted on is lost."""
        self.closed = why
        self.node.world.lose(b"".join(self._came))
        self.out.close()
        self.on_closed()

    def pump(self) -> None:
        """Act on what came, until the core says hold."""
        core = self.node.core
        core.now = self.node.world.now
        while not self.peer.held and self.closed is None:
            item = self._framer.pull()
            if item is not None:
                core.receive(self.peer, item)
            elif self._came:
                self._framer.feed(self._came.pop(0))
            else:
                break
        if self._ended and not self.peer.held and self.closed is None:
            self.node.close(self.peer, "eof")
        self.node.flush()

    def write(self) -> None:
        outbox = self.peer.outbox
        while buffers := outbox.next_write():
            data = b"".join(buffers)
            delivered = outbox.sent(len(data))
            if delivered or outbox.moved:
                self.node.core.moved(self.peer, delivered)
            self.out.write(data)


class Node:
    """A router that can die and come back, with a new ID."""

    def __init__(
        self,
        world: World,
        number: int,
        *,
        forwarded: bool = False,
        link_timeout: float = 1e9,
        link_hold: float = 0.0,
    ) -> None:
        self.world = world
        self.number = number
        self.alive = False
        self.runs = 0
        self.logs: list[Log] = []
        self.answers: list[bytes] = []  # what has come about commands that were not delivered
        self.ports: dict[Peer, RouterPort] = {}
        self._forwarded = forwarded
        self._link_timeout = link_timeout
        self.link_hold = link_hold
        self.start()

    def __repr__(self) -> str:
        return f"R{self.number}"

    def start(self) -> None:
        """A new run."""
        self.runs += 1
        self.alive = True
        settings = Settings(
            identity=f"R{self.number}.{self.runs}",
            timestamp=lambda: STAMP,
            link_timeout=self._link_timeout,
            link_hold=self.link_hold,
            forwarded=self._forwarded,
        )
        self.core = Core(settings, Counters())
        self._wake_at: float | None = None

    def stop(self) -> None:
        """The process is killed: the kernel hangs up for it."""
        self.alive = False
        for port in list(self.ports.values()):
            port.shut("killed")
        self.ports.clear()

    def part(self) -> None:
        """It is told to stop: its drivers end, then all links hear that it goes."""
        for kinds in (("driver",), ("link",)):
            for peer in [each for each in self.ports if each.kind in kinds]:
                self.close(peer, "shutdown")
                self.flush()

    def attach(
        self,
        kind: str,
        name: str,
        policy: Policy | None = None,
        link: Link | None = None,
        names: Names | None = None,
    ) -> RouterPort:
        """A peer is there; `flush` once its stream is joined."""
        self.core.now = self.world.now
        peer = self.core.join(kind, name, policy, link, names=names)
        port = self.ports[peer] = RouterPort(self, peer)
        return port

    def _wake(self, at: float) -> None:
        """One timer, as the engine has it: who needs a later one says so again at the tick."""
        if (self._wake_at is not None and self._wake_at <= at) or at > self.world.now + PATIENCE:
            return
        core, self._wake_at = self.core, at
        self.world.at(at + 0.001, lambda: self.tick() if (self.core, self._wake_at) == (core, at) else None)

    def tick(self) -> None:
        self._wake_at = None
        if not self.alive:
            return
        self.core.now = self.world.now
        self.core.tick()
        self.flush()

    def close(self, peer: Peer, reason: str) -> None:
        port = self.ports.pop(peer, None)
        if port is not None:
            self.core.now = self.world.now
            if reason == "shutdown":
                self.core.part(peer)
            port.write()
            port.closed = reason
            self.core.leave(peer, reason)
            port.shut(reason)

    def flush(self) -> None:
        core = self.core
        if not self.alive:
            return
        while True:
            dirty = sorted(core.to_write(), key=lambda peer: peer.id)
            for peer in dirty:
                if peer in self.ports:
                    self.ports[peer].write()
            effects = core.drain()
            if not (dirty or effects or core.desk.dirty):
                return
            for effect in effects:
                self._apply(effect)

    def _apply(self, effect: object) -> None:
        if isinstance(effect, Log):
            self.logs.append(effect)
        elif isinstance(effect, Wake):
            self._wake(effect.at)
        elif isinstance(effect, Close):
            self.close(effect.peer, effect.reason)
        elif isinstance(effect, Mistake):
            raise effect.error
        elif isinstance(effect, ReadOn) and (port := self.ports.get(effect.peer)) is not None:
            self.world.after(0.0, port.pump)
