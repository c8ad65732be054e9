"""Listening sockets, and the connections that they bring."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from inditree.config import Listen
from inditree.core import Policy
from inditree.errors import StartError
from inditree.transport import binding, descriptors
from inditree.transport.admission import Admission
from inditree.transport.channel import Channel, LocalChannel, SocketChannel
from inditree.transport.early import claim
from inditree.transport.engine import Engine
from inditree.transport.guard import guard
from inditree.transport.sockets import prepare, spell
from inditree.transport.stream import Stream
from inditree.transport.tls import handshake, server_context, subject_of
from inditree.transport.visitors import Visitor, Web, turn_away
from inditree.transport.waiting import WaitingRoom, begins_tls, first, may_be_http

_logger = logging.getLogger("inditree.listener")

ACCEPTS_AT_ONCE = 64
"""Connections taken in one turn of the loop: a thousand that come together must not hold up the others."""

IN_USE = {
    "tcp": ": does another server run there? Choose another with --port (indiserver: -p) or `listen` in the file",
    "unix": ": does another server run there? Choose another name with `unix` of `listen` in the file (indiserver: -u)",
}
"""The hint in the error for an address that is taken: the port and the local name have options of their own."""


class Listener:
    """One entry of `listen`."""

    def __init__(self, engine: Engine, config: Listen, per_address: int | None = None) -> None:
        self.config = config
        self.streams: set[Stream] = set()
        self.waiting = WaitingRoom(engine.loop)
        self.web: Web = turn_away  # takes the connections that speak HTTP
        self._engine = engine
        self._loop = engine.loop
        self._admission = Admission(config, per_address)
        self._sockets: list[socket.socket] = []
        self._handshakes = 0
        self._number = 0
        self._said_at = -10.0
        self._context: ssl.SSLContext | None = None
        self._bare: os.stat_result | None = None  # of a UNIX path, before it got our mode and owner
        self.load_certificates()

    @property
    def address(self) -> str:
        """Says where it listens."""
        if self._sockets and self._sockets[0].family != socket.AF_UNIX:
            return ", ".join(spell(sock.getsockname()) for sock in self._sockets)
        return self.config.unix or self.config.tcp or ""

    @property
    def port(self) -> int:
        """The port of a TCP listener that listens."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def count(self) -> int:
        """Connections, links included."""
        return len(self.streams) + self._handshakes

    @property
    def full(self) -> bool:
        """Says whether as many connections are open as may be."""
        most = self.config.max_connections
        return most is not None and self.count >= most

    def load_certificates(self) -> None:
        """Read the certificate files, again where they were read before. Raises ConfigError."""
        if self.config.tls is not None:
            self._context = server_context(self.config.tls)

    # Binding

    def bind(self, going: Iterable[Listener] = ()) -> None:
        """Raises StartError, which names the address. It may overlap those of listeners that are `going`."""
        with self._names_its_address():
            if self.config.unix:
                self._bind_unix(self.config.unix)
            else:
                self._bind_tcp([sock for each in going for sock in each._sockets])

    def _bind_tcp(self, going: list[socket.socket]) -> None:
        host, port = self.config.address
        if early := claim((host, port)):
            self._sockets = early
            return
        with binding.shared(going, port) as shared:
            self._sockets = binding.bind_tcp(host, port, shared=shared)

    def _bind_unix(self, path: str) -> None:
        self._sockets = claim(path) or [binding.bind_unix(path)]
        try:
            if not path.startswith("@"):
                self._bare = Path(path).stat()
            self._dress()
            self._sockets[0].listen(binding.BACKLOG)
        except OSError:
            self.stop()
            raise

    def _dress(self) -> None:
        if self._bare is not None:
            assert self.config.unix is not None
            binding.dress(self.config.unix, self._bare, self.config.mode, self.config.owner)

    @contextlib.contextmanager
    def _names_its_address(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = self.config.unix or self.config.tcp
            hint = IN_USE["unix" if self.config.unix else "tcp"] if error.errno == errno.EADDRINUSE else ""
            raise StartError(f"cannot listen on {where}: {error.strerror or error}{hint}") from None

    def adopt(self, old: Listener) -> None:
        """Have the sockets of another at the same address, instead of `bind`. Raises StartError.

        Both have them until the old one lets go of them with `pass_on`, or this one with `give_back`.
        """
        self._sockets, self._bare = list(old._sockets), old._bare
        try:
            with self._names_its_address():
                self._dress()
        except StartError:
            self.give_back(old)
            raise

    def pass_on(self) -> None:
        """Take no more connections: another listener has the sockets."""
        self._stand_down()
        self.waiting.close()
        self._sockets.clear()

    def give_back(self, old: Listener) -> None:
        """Undo `adopt`."""
        self._sockets.clear()
        with contextlib.suppress(OSError):
            old._dress()

    def start(self) -> None:
        """Take connections."""
        for sock in self._sockets:
            sock.setblocking(False)
            prepare(sock)  # Linux gives them to each connection that it accepts: six calls less for each
            self._loop.add_reader(sock.fileno(), self._accept, sock)
        if guard(self._engine.limits, 0.0) is not None:
            self._engine.checks.append(self._check)

    def _check(self, now: float) -> None:
        for stream in list(self.streams):
            self._engine.attempt(stream.peer, stream.check, now)

    def _stand_down(self) -> None:
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
        if self._check in self._engine.checks:
            self._engine.checks.remove(self._check)

    def stop(self) -> None:
        """Take no more connections; those that are there stay."""
        self._stand_down()
        self.waiting.close()
        bound = bool(self._sockets)
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        # Once: the path may be another server's by now.
        if bound and self.config.unix and not self.config.unix.startswith("@"):
            with contextlib.suppress(OSError):
                Path(self.config.unix).unlink()

    # Connections

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                client, address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._cannot_accept(sock, error)
                return
            if client.fileno() >= descriptors.for_connections():
                client.close()
                self._cannot_accept(sock, OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
                return
            reason = self._admission.refuses(address, self.count)
            if reason and self._may_be_a_browser(address):
                refuse = partial(self._refused, address, reason)
                if self._context is None:
                    self.waiting.wait(client, may_be_http, partial(self._take, client, address), refuse)
                else:
                    self.waiting.wait(client, begins_tls, partial(self._take, client, address, refuse), refuse)
            elif reason:
                client.close()
                self._refused(address, reason)
            else:
                self._engine.attempt(None, self._take, client, address)

    def _refused(self, address: Any, reason: tuple[str, str]) -> None:
        self._engine.core.counters.rejected[reason[0]] += 1
        self._say(f"refused {spell(address)}: {reason[1]}")

    def _may_be_a_browser(self, address: Any) -> bool:
        """Says, where one more client would be too many, whether a plain request may come: it does not count."""
        if self.web is turn_away or self.waiting.full:
            return False
        return self._admission.refuses(address, 0) is None

    def _cannot_accept(self, sock: socket.socket, error: OSError) -> None:
        """Out of descriptors: the connection stays in the backlog, so look again in a while, not at once."""
        self._say(f"cannot accept: {error.strerror}")
        self._loop.remove_reader(sock.fileno())

        def again() -> None:
            if sock in self._sockets:
                self._loop.add_reader(sock.fileno(), self._accept, sock)

        self._loop.call_later(0.1, again)

    def _say(self, text: str) -> None:
        """A warning, once a second at most."""
        now = self._loop.time()
        if now - self._said_at >= 1.0:
            self._said_at = now
            _logger.warning("listener %s %s", self.config.name, text, extra={"event": "rejected"})

    def _take(self, client: socket.socket, address: Any, late: Callable[[], None] | None = None) -> None:
        """Take a connection. `late`: it came past the limit by TLS; called where it turns out to be no request."""
        self._number += 1
        name = spell(address) if isinstance(address, tuple) else f"{self.config.name}#{self._number}"
        host = address[0] if isinstance(address, tuple) else ""
        self._admission.came(host)
        if self._context is None:
            channel = (
                LocalChannel(client, self._engine.closer) if client.family == socket.AF_UNIX else SocketChannel(client)
            )
            self._join(channel, name, host, self._admission.policy(None))
        elif late is None:
            self._handshakes += 1
            self._engine.tasks.start(self._shake_hands(client, name, host, self._context), f"tls {name}")
        else:
            self.waiting.late += 1
            self._engine.tasks.start(self._look_first(client, name, host, self._context, late), f"tls {name}")

    async def _look_first(
        self, client: socket.socket, name: str, host: str, context: ssl.SSLContext, refuse: Callable[[], None]
    ) -> None:
        """Have the handshake of one that came past the limit, and let it in where a request begins."""
        try:
            channel = await handshake(client, context, server_side=True)
            try:
                data = await first(channel)
            except BaseException:  # the router stops
                channel.close()
                raise
        except (OSError, TimeoutError) as error:
            self._failed(client, name, host, error)
            return
        finally:
            self.waiting.late -= 1
        if self._sockets and may_be_http(data):
            channel.push_back(data)
            self._join(channel, name, host, self._admission.policy(subject_of(channel)))
        else:
            self._admission.left(host)
            channel.close()
            refuse()

    def _failed(self, client: socket.socket, name: str, host: str, error: Exception) -> None:
        self._engine.core.counters.rejected["tls"] += 1
        self._say(f"refused {name}: TLS: {getattr(error, 'reason', None) or str(error) or 'timed out'}")
        self._admission.left(host)
        client.close()

    async def _shake_hands(self, client: socket.socket, name: str, host: str, context: ssl.SSLContext) -> None:
        try:
            channel = await handshake(client, context, server_side=True)
        except (OSError, TimeoutError) as error:
            self._failed(client, name, host, error)
            return
        finally:
            self._handshakes -= 1
        if self._sockets:
            self._join(channel, name, host, self._admission.policy(subject_of(channel)))
        else:  # it has stopped, or has other rules now
            self._admission.left(host)
            channel.close()

    def _join(self, channel: Channel, name: str, host: str, policy: Policy) -> None:
        self._engine.begin()
        peer = self._engine.core.join("client", name, policy)
        peer.takes_fds = isinstance(channel, LocalChannel)

        def closed(reason: str, text: str) -> None:
            self.streams.discard(stream)
            self._admission.left(host)

        def visit(visitor: Visitor) -> None:
            self.streams.discard(stream)  # a plain request does not count in max_connections
            self.web(visitor)

        web = self.web if self.web is turn_away else visit
        stream = Stream(self._engine, peer, channel, closed, log=self.config.name in self._engine.traffic, web=web)
        self.streams.add(stream)
        extra = {"event": "opened", "peer": name}
        _logger.info("client %s connected to %s", name, self.config.name, extra=extra)
