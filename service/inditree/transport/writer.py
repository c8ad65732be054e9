"""The writing half of a stream: gives the kernel what it takes of one peer's outbox."""

from __future__ import annotations

import asyncio

from inditree.core import Peer
from inditree.flow.outbox import Handed, Outbox
from inditree.transport import traffic
from inditree.transport.channel import Channel, LocalChannel
from inditree.transport.engine import Engine
from inditree.transport.unsent import Unsent

LOGGED_WHOLE = 256 << 10
"""Bytes of one write that are logged whole; of a larger one the beginning of its first buffer."""

READER_POLL = 0.002
"""Seconds between two looks at whether a client on a UNIX socket has read the last descriptors."""


DEAF = 1.0
"""Seconds that a driver has to end after it closed its stdin: what it still writes is delivered."""


class Writer:
    """The writing half of a stream. With `log` what goes is logged at DEBUG.

    `blocked`: the kernel takes no more now. `failed`: it never will again.
    """

    def __init__(self, engine: Engine, peer: Peer, channel: Channel, *, log: bool) -> None:
        self.blocked = False
        self.failed = False
        self._engine = engine
        self._peer = peer
        self._channel = channel
        self._loop = engine.loop
        self._log = log
        self._stopped = False
        self._unsent = Unsent(channel)
        self._retry: asyncio.TimerHandle | None = None  # looks again whether descriptors were read

    def write(self) -> None:
        """Give the kernel what it takes of the outbox."""
        outbox = self._peer.outbox
        buffers = outbox.next_write()
        if outbox.moved:
            self._engine.core.moved(self._peer)
        if not buffers:
            self._unblock()
            return
        if self.failed:
            outbox.clear()
            return
        first, channel = buffers[0], self._channel
        try:
            if type(first) is Handed and isinstance(channel, LocalChannel):
                sent = channel.send_fds(buffers, first.fds)
            else:
                sent = channel.send(buffers)
        except (BlockingIOError, InterruptedError):
            if type(first) is Handed:
                self._wait_for_reader()
            else:
                self._block()
            return
        except OSError:
            self._gave_up(outbox)
            return
        if self._log:
            traffic.log(
                "TX", b"".join(buffers)[:sent] if sent < LOGGED_WHOLE else bytes(buffers[0][:1024]), self._peer.name
            )
        delivered = outbox.sent(sent)
        if delivered:
            self._engine.core.moved(self._peer, delivered)
        if self.blocked:
            self._unsent.went_on(outbox.taken, self._engine.core.now)
        if outbox.empty:
            self._unblock()
        else:
            self._block()

    def _gave_up(self, outbox: Outbox) -> None:
        """Nothing can be written any more. Its requests may still wait to be read: it leaves when they have been."""
        self.failed = True
        self._engine.core.unheard(self._peer)
        outbox.clear()
        self._unblock()
        if self._peer.kind == "driver":
            self._loop.call_later(DEAF, self._deaf)

    def _deaf(self) -> None:
        """A driver that closed its stdin, and did not end, hears nothing any more."""
        if not self._stopped:
            self._engine.begin()
            self._engine.core.desk.close(self._peer, "stalled", "closed its stdin")
            self._engine.flush()

    def _block(self) -> None:
        if not self.blocked and not self._stopped:
            self.blocked = True
            self._unsent.blocked(self._peer.outbox.taken, self._engine.core.now)
            self._loop.add_writer(self._channel.write_fd(), self._writable)

    def _unblock(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        elif self.blocked:
            self._loop.remove_writer(self._channel.write_fd())
        self.blocked = False

    def stop(self) -> None:
        """Write no more."""
        self._unblock()
        self._stopped = True

    def _wait_for_reader(self) -> None:
        """Look again later: the reader has not read the last descriptors, and the kernel tells nobody when it does."""
        self._unblock()
        if not self._stopped:
            self.blocked = True
            self._retry = self._loop.call_later(READER_POLL, self._writable)

    def _writable(self) -> None:
        if self._retry is not None:
            self._unblock()
        self._engine.begin()
        self._engine.attempt(self._peer, self.write)
        self._engine.flush()
