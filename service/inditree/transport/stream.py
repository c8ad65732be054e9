"""One peer's bytes, both ways: read, frame, hand to the core; take from its outbox, write."""

from __future__ import annotations

import select
from collections.abc import Callable
from time import monotonic

from inditree.core import Peer
from inditree.errors import PeerError
from inditree.flow.pauses import Pause
from inditree.images.intake import ImageIntake
from inditree.transport.channel import Channel, DriverChannel
from inditree.transport.engine import Engine
from inditree.transport.gathering import GATHER, Gathering
from inditree.transport.guard import guard
from inditree.transport.remarks import Remarks
from inditree.transport.rest import Rest
from inditree.transport.turns import TURN
from inditree.transport.visitors import Visitor, Web, turn_away
from inditree.transport.writer import Writer
from inditree.wire import trust
from inditree.wire.elements import Blob
from inditree.wire.first import SPACE, First, look
from inditree.wire.framer import Framer

ITEMS_AT_ONCE = 256
"""Runs and elements of one peer in one turn of the loop: some milliseconds. A flood of one starves no other."""

DROPS_AT_ONCE = 32
"""Pieces of garbage of one peer in one turn."""

SMALL_READ, LARGE_READ = 64 << 10, 256 << 10
"""Bytes asked for in one read, and after one that was full."""

_ENCODE, _EOF, _THREAD = Pause.ENCODE.value, Pause.EOF.value, Pause.THREAD.value  # looked at for each element
_NO_MORE = _ENCODE | _EOF


def _nothing() -> None:
    """Nobody is to be told."""


class Stream:
    """The connection of one peer: it reads, and has a writer and an intake for images.

    `on_closed` is told the reason and the text, once, when the peer has left the core; `on_defined` is called for each
    definition of a driver that was believed. With `log` what comes and goes is logged at DEBUG. With `gathers`, a
    source that sends many small reads is read every 2 ms while no client has spoken for 50 ms.
    """

    def __init__(
        self,
        engine: Engine,
        peer: Peer,
        channel: Channel,
        on_closed: Callable[[str, str], None],
        *,
        on_defined: Callable[[], None] = _nothing,
        log: bool = False,
        gathers: bool = False,
        web: Web = turn_away,
    ) -> None:
        log = log or engine.log_traffic
        self.peer = peer
        self.channel = channel
        self.closed = False
        self.writer = Writer(engine, peer, channel, log=log)
        self.write = self.writer.write
        self._engine = engine
        self._core = engine.core
        self._loop = engine.loop
        self._framer = Framer(engine.core.route(peer), engine.limits.element, engine.resources.limit)
        self._framer.drops_at_once = DROPS_AT_ONCE
        fds = channel.pop_fds if isinstance(channel, DriverChannel) else None
        self.images = ImageIntake(engine, peer, channel, self._framer, self, fds)
        self._on_closed = on_closed
        self._on_defined = on_defined
        self._gathering = Gathering() if gathers else None
        self._remarks = Remarks(engine, peer, self._framer, self.images, log=log)
        watch = guard(engine.limits, engine.core.now) if peer.kind == "client" else None
        self._rest = Rest(engine, peer, self, watch) if watch is not None else None
        self._size = SMALL_READ
        self._reading = False  # registered with the loop
        self._pauses = 0  # a Pause; that nobody takes its images the core keeps in the peer
        self._trust()
        self._paused_at: float | None = None
        self._finished: Callable[[], None] | None = None  # to be called when what is left of the driver has been read
        self._web = web
        self._early: bytes | None = b"" if peer.kind == "client" else None  # what was read before it was known for INDI
        engine.ports[peer] = self
        self.update()

    # Reading

    def update(self) -> None:
        """Read, or do not, as things stand now."""
        wanted = not (self.closed or self._pauses or self._holds())
        if wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            self._loop.add_reader(self.channel.read_fd(), self.read)
            if self.channel.pending():
                self._loop.call_soon(self.read)
        else:
            self._loop.remove_reader(self.channel.read_fd())

    def pause(self, why: Pause) -> None:
        """Do not read on, for this reason too."""
        self._pauses |= why.value
        if why is Pause.REST:
            self.peer.unread.setdefault("rest", self._core.now)
        self.update()

    def resume(self, why: Pause, *, ended: bool = False) -> None:
        """Take a reason away: act on what was read, and read on if nothing else is in the way.

        `ended`: there is no more.
        """
        self._end(why)
        if ended:
            self._pauses |= _EOF
        self._go_on()

    def _end(self, why: Pause) -> None:
        self._pauses &= ~why.value
        if why is Pause.REST:
            self.peer.unread.pop("rest", None)

    @property
    def pauses(self) -> Pause:
        """The stream's own reasons for not reading on."""
        return Pause(self._pauses)

    @property
    def blocked(self) -> bool:
        """The kernel takes no more now."""
        return self.writer.blocked

    def _holds(self) -> bool:
        return self.peer.held and self._finished is None

    @property
    def stands_still(self) -> bool:
        return not (self._reading or self.images.threaded)

    @property
    def finishing(self) -> bool:
        return self._finished is not None

    def watched(self) -> tuple[int, int]:
        """The descriptor that may break unseen, and for what it is to be polled; -1 where there is none."""
        if self._reading:
            return self.channel.read_fd(), 0
        if self._rest is not None and self._rest.on and not self._pauses & (_THREAD | _ENCODE):
            return self.channel.read_fd(), select.POLLRDHUP
        return -1, 0

    def broken(self) -> None:
        """Read once more: the connection is broken, or its peer has hung up in a rest."""
        if self._rest is None or not self._rest.on:
            self.read()
        else:
            self._rest.end()
            self._rest = None
            self._end(Pause.REST)
            self.update()
            if not Pause.TURN & self._pauses:
                self.read()
            if not self.closed:
                self._ended("eof", "hung up while it was rested")

    def read(self) -> None:
        """Take what is there and act on it."""
        if not self._reading:
            return
        try:
            self._read()
        except Exception as error:
            self._engine.mistake(self.peer, error)
            self._engine.flush()

    def _read(self) -> None:
        try:
            data = self.channel.recv(self._size)
        except (BlockingIOError, InterruptedError):
            self._read_pending()
            return
        except OSError as error:
            self._ended("error", error.strerror or str(error))
            return
        now = self._engine.begin()
        if not data:
            self.pause(Pause.EOF)
            self._pump()
            return
        size = len(data)
        self._size = LARGE_READ if size == self._size else SMALL_READ
        if self._gathering is not None:
            hurry = now - self._engine.client_spoke <= 0.05 or self._finished is not None
            if self._gathering.goes_on(size, now, hurry=hurry):
                self.pause(Pause.GATHER)
                self._loop.call_later(GATHER, self._gathered)
        if self.peer.link is not None:
            self._core.heard(self.peer, now)
        if self._early is None or (data := self._enter(self._early + data)):
            self._framer.feed(data)
            self._pump()
        self._read_pending()

    def _read_pending(self) -> None:
        if self._reading and self.channel.pending():
            self._loop.call_soon(self.read)

    def _trust(self) -> None:
        """Take what it writes as is right for what it is now."""
        self._stranger = self.peer.kind == "client"
        came_to_us = bool(self.peer.policy.listener)
        self._framer.trust = trust.of(self.peer.kind, skips_text=self._engine.skips_text, came_to_us=came_to_us)

    def _enter(self, data: bytes) -> bytes:
        """Return what of a client's first bytes is INDI: nothing while that cannot be said, and where it is HTTP."""
        text = data.lstrip(SPACE)
        first = look(text, whole_line=self._engine.skips_text)
        if first is First.MORE:
            self._early = text
            return b""
        self._early = None
        if first is not First.HTTP:
            return text
        self._visit(text)
        return b""

    def _visit(self, data: bytes) -> None:
        """Hand a client that speaks HTTP to whoever answers: it leaves the core."""
        self._detach()
        if self._web is turn_away:
            self.peer.counters.parse_errors["malformed"] += 1
        reason, text = ("malformed", "spoke HTTP: answered 400") if self._web is turn_away else ("web", "speaks HTTP")
        self._engine.end(self.peer, reason, text)
        self._web(Visitor(self.channel, data, self.peer.name, self.peer.policy, self._on_closed))

    def _detach(self) -> None:
        """Touch the connection no more."""
        if self._reading:
            self._loop.remove_reader(self.channel.read_fd())
            self._reading = False
        self.writer.stop()
        if self._rest is not None:
            self._rest.end()
        self.closed = True

    def _gathered(self) -> None:
        self._end(Pause.GATHER)
        if not self.closed:
            self.update()

    def _pump(self) -> None:
        """Act on everything complete that was read, then write what came of it. The core knows what time it is."""
        core, peer, framer, images = self._core, self.peer, self._framer, self.images
        remarks, rest = self._remarks, self._rest
        if peer.kind == "client":
            self._engine.client_spoke = core.desk.now
        left, end = ITEMS_AT_ONCE, core.desk.now + TURN
        try:
            while not ((peer.held and self._finished is None) or peer.gone or self._pauses & _ENCODE):
                item = framer.pull()
                if framer.faults:
                    remarks.faults()
                if item is None:
                    if framer.more:
                        framer.more, left = False, 0
                        self._go_on_later()
                    break
                if rest is not None:
                    rest.count(item)
                if remarks.looks:
                    remarks.look_at(item)
                if type(item) is Blob:
                    images.complete(item)
                else:
                    images.discard = False  # a change of state that was taken for an image
                    core.receive(peer, item)
                if self._stranger and peer.kind != "client":
                    self._trust()  # it has introduced itself
                left = left - 1 if monotonic() < end else 0
                if left == 0:
                    self._go_on_later()
                    break
            if framer.image is not None and left and not (self._holds() or peer.gone or self._pauses & _NO_MORE):
                images.go_on(framer.image)
        except PeerError as error:
            remarks.faults()
            self.bad(error)
        except Exception as error:
            self._engine.mistake(peer, error)
        if remarks.garbled or framer.text != remarks.text:
            remarks.pumped()
        if rest is not None:
            self._engine.attempt(peer, rest.mind, not framer.idle)
        self._engine.flush()
        if self._pauses & _EOF and left and not (self._holds() or self._pauses & (_ENCODE | _THREAD)):
            self._ended("eof", "hung up" if self._framer.idle else "hung up in the middle of an element")

    def _go_on_later(self) -> None:
        """Let the others have their turn first."""
        self.pause(Pause.TURN)
        self._engine.turns.wait(self._have_turn)

    def _have_turn(self) -> None:
        self.resume(Pause.TURN)

    def rested(self) -> None:
        """The rest is over: read on."""
        self._end(Pause.REST)
        if not self.closed:
            self.update()

    def check(self, now: float) -> None:
        """Now and then: has it kept us waiting for too long?"""
        if self._rest is not None:
            self._rest.check(now)

    @property
    def skipped(self) -> int:
        """Bytes between elements that were no XML."""
        return self._framer.text

    def bad(self, error: PeerError) -> None:
        """Close a peer that sent what is not INDI."""
        self.peer.counters.parse_errors[error.reason] += 1
        reason = "limit" if error.reason == "too_large" else "malformed"
        self._core.desk.close(self.peer, reason, error.text)

    # Flow

    def hold(self) -> None:
        """The core says: do not read on."""
        self._paused_at = self._core.now
        self.update()

    def read_on(self) -> None:
        """The core says: read on; what was read and not acted on comes first."""
        if self._paused_at is not None:
            self.peer.counters.read_paused_seconds += self._core.now - self._paused_at
            self._paused_at = None
        self._fed()
        self.pause(Pause.BEHIND)
        self._loop.call_soon(self._go_on)

    def _fed(self) -> None:
        self._end(Pause.MEMORY)
        self.images.fed()

    def defined(self) -> None:
        """The core says: it has defined something."""
        self._on_defined()

    def _go_on(self) -> None:
        self._end(Pause.BEHIND)
        if self.closed or self._pauses & (_THREAD | _ENCODE):
            return
        self._engine.begin()
        self._pump()
        if not self.closed:
            self.update()

    def finish(self, done: Callable[[], None]) -> None:
        """The driver is gone: read what is left of it whatever holds it, then leave, then call `done`."""
        if self.closed:
            done()
            return
        self._finished = done
        self._end(Pause.GATHER)
        self._fed()
        self._go_on()

    # The end

    def _ended(self, reason: str, text: str) -> None:
        """The stream has ended of itself; what waited for the peer gets one last chance."""
        if not self.closed and not self.writer.failed:
            self.write()
        self._engine.end(self.peer, reason, text)

    def close(self, reason: str, text: str) -> None:
        """The peer has left the core."""
        if self.closed:
            return
        self._detach()
        if self.images.end():
            self.channel.close()
        else:
            self.channel.hang_up()
        self._on_closed(reason, text)
        if self._finished is not None:
            self._finished()
