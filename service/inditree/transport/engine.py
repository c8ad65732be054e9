"""The core in an event loop: what came in is acted on, what is to go out is written, what is to be said is logged."""

from __future__ import annotations

import asyncio
import logging
import select
import time
from collections.abc import Callable
from typing import Protocol

from inditree.commands import Outcome
from inditree.core import Answered, Audit, Close, Core, Defined, Free, Hold, Log, Mistake, Peer, Settings, Wake
from inditree.core.effects import Effect
from inditree.counters import Counters
from inditree.images import heap
from inditree.images.resources import ImageResources
from inditree.tasks import Tasks
from inditree.transport.descriptor_closer import Closer
from inditree.transport.guard import ClientLimits
from inditree.transport.turns import Turns
from inditree.wire.elements import Element

_logger = logging.getLogger("inditree.router")

TICK = 1.0
"""Seconds between two looks at stalls, probes and buffers, at most."""


BLOB_TAGS = 64 << 10
"""Bytes that the tags of a BLOB may have beside its data."""


class Port(Protocol):
    """The port of one peer, which carries its bytes. `blocked`: the other end takes no more now."""

    @property
    def blocked(self) -> bool: ...
    def watched(self) -> tuple[int, int]:
        """The descriptor that may break unseen, and for what it is to be polled; -1 where there is none."""

    def broken(self) -> None:
        """Act on a descriptor that broke."""

    def write(self) -> None: ...
    def hold(self) -> None: ...
    def read_on(self) -> None: ...
    def defined(self) -> None: ...
    def close(self, reason: str, text: str) -> None: ...


class StreamLimits(ClientLimits, Protocol):
    """Bytes of one element, and of one BLOB; and what a client may not do."""

    @property
    def element(self) -> int: ...
    @property
    def blob(self) -> int: ...


class Engine:
    """Runs one core. Must be made in a running loop."""

    def __init__(self, settings: Settings, limits: StreamLimits, counters: Counters) -> None:
        self.core = Core(settings, counters)
        self.limits = limits
        # `limits.blob` is of the image; as base64, in lines of 72 characters, with its tags it is larger.
        self.resources = ImageResources(limits.blob * 4 // 3 * 73 // 72 + BLOB_TAGS)
        self.loop = asyncio.get_running_loop()
        self.tasks = Tasks()
        self.closer = Closer()
        self.turns = Turns(self.loop)
        self.ports: dict[Peer, Port] = {}
        self.tap: Callable[[Peer, bytes], None] | None = None  # is shown what drivers send
        self.skips_text = False  # text between a client's elements does not close it
        self.log_traffic = False  # of every peer
        self.traffic: frozenset[str] = frozenset()  # of these drivers, remotes and listeners
        self.client_spoke = 0.0
        self.checks: list[Callable[[float], None]] = []  # called at each tick
        self.audits: list[Callable[[Audit], None]] = []  # told what became of each new*
        self.askers: dict[Peer, Callable[[Element, Outcome], None]] = {}  # observers: how a command of theirs ended
        self._wake_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        heap.keep_freed()
        self.begin()
        self._wake(self.core.now + TICK)

    def begin(self) -> float:
        """Tell the core what time it is, and return it."""
        now = self.core.desk.now = time.monotonic()
        return now

    def flush(self) -> None:
        """Write to all who got something, and do what the core asks for, until nothing is left to do."""
        core, ports = self.core, self.ports
        while True:
            for peer in core.to_write():
                port = ports.get(peer)
                if port is not None and not port.blocked:
                    try:
                        port.write()
                    except Exception as error:
                        self.mistake(peer, error)
            effects = core.drain()
            for effect in effects:
                self.attempt(getattr(effect, "peer", None), self._apply, effect)
            if not (effects or core.desk.dirty):
                return

    def attempt(self, peer: Peer | None, act: Callable[..., object], *args: object) -> None:
        """Do something for `peer` that others must not miss theirs by: an exception costs that peer alone."""
        try:
            act(*args)
        except Exception as error:
            self.mistake(peer, error)

    def mistake(self, peer: Peer | None, error: Exception) -> None:
        """An exception that nobody expected, of ours: log it, and have the peer closed that it was about, if one.

        `flush` is to follow, or the peer lives until the next one.
        """
        name = "no single peer" if peer is None else peer.name
        _logger.error("%s: internal error", name, exc_info=error, extra={"event": "bug", "peer": name})
        if peer is not None and not peer.gone:
            self.core.desk.close(peer, "error", f"internal error: {error!r}")

    def _apply(self, effect: Effect) -> None:
        if isinstance(effect, Log):
            level = logging.getLevelNamesMapping()[effect.level.upper()]
            _logger.log(level, "%s", effect.text, extra={"event": effect.event, **effect.fields})
        elif isinstance(effect, Wake):
            self._wake(effect.at)
        elif isinstance(effect, Audit):
            for told in self.audits:
                told(effect)
        elif isinstance(effect, Answered):
            if (asker := self.askers.get(effect.peer)) is not None:
                asker(effect.element, effect.outcome)
        elif isinstance(effect, Free):
            self.resources.free(effect.blob)
        elif isinstance(effect, Mistake):
            self.mistake(effect.peer, effect.error)
        elif isinstance(effect, Close):
            self._close(effect.peer, effect.reason, effect.text)
        elif (port := self.ports.get(effect.peer)) is not None:
            if isinstance(effect, Hold):
                port.hold()
            elif isinstance(effect, Defined):
                port.defined()
            else:
                port.read_on()

    def end(self, peer: Peer, reason: str, text: str) -> None:
        """A peer's stream has ended."""
        self.begin()
        if reason == "shutdown":
            self.part(peer)
        self.attempt(peer, self._close, peer, reason, text)
        self.flush()

    def end_hold(self, name: str) -> None:
        """A link that we open ends on purpose, up or not."""
        self.begin()
        self.core.end_hold(name)
        self.flush()

    def part(self, peer: Peer) -> None:
        """A link's other end is told that the link ends on purpose."""
        self.begin()
        self.core.part(peer)
        self.flush()

    def _close(self, peer: Peer, reason: str, text: str) -> None:
        port = self.ports.pop(peer, None)
        if peer.gone:
            return
        level = logging.INFO if reason in ("eof", "shutdown") or peer.kind == "client" else logging.WARNING
        extra = {"event": "closed", "peer": peer.name, "reason": reason}
        _logger.log(level, "%s %s closed (%s): %s", peer.kind, peer.name, reason, text, extra=extra)
        try:
            self.core.leave(peer, reason)
        finally:
            if port is not None:
                port.close(reason, text)

    def _wake(self, at: float) -> None:
        if self._timer is not None:
            if self._wake_at <= at:
                return
            self._timer.cancel()
        self._wake_at = at
        self._timer = self.loop.call_later(max(0.0, at - time.monotonic()) + 0.001, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.begin()
        try:
            self._look(now)
        finally:
            self._wake(now + TICK)

    def _look(self, now: float) -> None:
        self.resources.tidy(now)
        for check in list(self.checks):
            self.attempt(None, check, now)
        for upload in list(self.resources.uploads):
            self.attempt(upload.peer, upload.check, now)
        self.resources.untie(self.core)
        self.attempt(None, self._read_broken)
        self.attempt(None, self.core.tick)
        self.flush()

    def _read_broken(self) -> None:
        """Read those whose connection is broken: uvloop (0.23) tells of an error once, with the data before it.

        A client that sent its request and reset the connection would keep its place for ever.
        """
        poll = select.poll()
        ports = {}
        for peer, port in self.ports.items():
            fd, events = port.watched()
            if fd >= 0:
                ports[fd] = peer, port
                poll.register(fd, events)
        for fd, _ in poll.poll(0):
            peer, port = ports[fd]
            self.attempt(peer, port.broken)

    async def close(self) -> None:
        """Let go of everything: no peer is left."""
        if self._timer is not None:
            self._timer.cancel()
        await self.tasks.close()
        self.closer.end()
        self.resources.close()
