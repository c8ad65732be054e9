"""Listening sockets, and who may connect."""

from __future__ import annotations

import contextlib
import errno
import grp
import ipaddress
import logging
import os
import pwd
import resource
import socket
import ssl
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from inditree.config import Listen, Rule
from inditree.core import Policy
from inditree.early import take
from inditree.errors import StartError
from inditree.runtime.channel import Channel, LocalChannel, SocketChannel
from inditree.runtime.engine import Engine
from inditree.runtime.guard import guard
from inditree.runtime.stream import Stream
from inditree.runtime.tls import TlsChannel, handshake, server_context, subject_of

_logger = logging.getLogger("inditree.listener")

BACKLOG = 1024
ACCEPTS_AT_ONCE = 64
"""Connections taken in one turn of the loop: a thousand that come together must not hold up the others."""

SPARE_DESCRIPTORS = 32
"""Descriptors that connections leave to drivers, links and files: strangers must not keep a camera from starting."""

SEND_BUFFER = 512 << 10
"""Bytes of socket buffer toward a client: measured, larger ones lose the overlap of reading and writing."""

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 30, 10, 3
"""TCP keepalive (seconds, seconds, probes): a peer whose machine is gone is noticed within about a minute."""


def prepare(sock: socket.socket, user_timeout: float | None = None) -> None:
    """The options of every TCP connection; `user_timeout` is how long bytes may stay unacknowledged (seconds)."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
    if user_timeout is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(user_timeout * 1000))


def spell(address: Any) -> str:
    """HOST:PORT, with brackets for IPv6; a UNIX socket's client has no address."""
    if isinstance(address, tuple):
        host, port = address[:2]
        if host.startswith("::ffff:"):
            host = host[7:]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "unix"


class Listener:
    """One entry of `listen`."""

    def __init__(self, engine: Engine, config: Listen, per_address: int | None = None) -> None:
        self.config = config
        self.streams: set[Stream] = set()
        self._engine = engine
        self._loop = engine.loop
        self._per_address = per_address
        self._hosts: Counter[str] = Counter()
        self._sockets: list[socket.socket] = []
        self._networks = [ipaddress.ip_network(each, strict=False) for each in config.allow]
        self._handshakes = 0
        self._number = 0
        self._said_at = -10.0
        self._context: ssl.SSLContext | None = None
        self.load_certificates()
        if guard(engine.limits, 0.0) is not None:
            engine.checks.append(self._check)

    @property
    def address(self) -> str:
        """Where it listens."""
        if self._sockets and self._sockets[0].family != socket.AF_UNIX:
            return ", ".join(spell(sock.getsockname()) for sock in self._sockets)
        return self.config.unix or self.config.tcp or ""

    @property
    def port(self) -> int:
        """Of a TCP listener that listens."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def count(self) -> int:
        """Connections, links included."""
        return len(self.streams) + self._handshakes

    def load_certificates(self) -> None:
        """Read the certificate files, again where they were read before. Raises ConfigError."""
        if self.config.tls is not None:
            self._context = server_context(self.config.tls)

    # Binding

    def bind(self) -> None:
        """Raises StartError, which names the address."""
        try:
            self._sockets = [self._bind_unix(self.config.unix)] if self.config.unix else self._bind_tcp()
        except OSError as error:
            where = self.config.unix or self.config.tcp
            hint = ": another server runs there?" if error.errno == errno.EADDRINUSE else ""
            raise StartError(f"cannot listen on {where}: {error.strerror or error}{hint}") from None

    def _bind_tcp(self) -> list[socket.socket]:
        host, port = self.config.address
        if early := take(host, port):
            return early
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        bound: list[socket.socket] = []
        failed: OSError | None = None
        for family, kind, protocol, _, address in dict.fromkeys(found):
            if port == 0 and bound:
                address = (address[0], bound[0].getsockname()[1], *address[2:])
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(address)
            except OSError as error:
                sock.close()
                # A machine without IPv6 still has `localhost` twice in its hosts file.
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    failed = error
                    continue
                for other in bound:
                    other.close()
                raise
            bound.append(sock)
        if not bound:
            raise failed or OSError(errno.EADDRNOTAVAIL, "no such address")
        return bound

    def _bind_unix(self, path: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            if path.startswith("@"):
                sock.bind("\0" + path[1:])
                return sock
            self._remove_stale(Path(path))
            sock.bind(path)
            if self.config.mode is not None:
                Path(path).chmod(self.config.mode)
            if self.config.owner:
                self._give_to(path, self.config.owner)
        except OSError:
            sock.close()
            raise
        return sock

    @staticmethod
    def _remove_stale(path: Path) -> None:
        """A socket that nobody listens on any more is left over from a run that was killed."""
        if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
            return
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()

    @staticmethod
    def _give_to(path: str, owner: str) -> None:
        user, _, group = owner.partition(":")
        try:
            uid = -1 if not user else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
            gid = -1 if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        except KeyError as error:
            raise OSError(errno.EINVAL, f"owner {owner!r}: {error.args[0]}") from None
        os.chown(path, uid, gid)

    def start(self) -> None:
        """Take connections."""
        for sock in self._sockets:
            sock.listen(BACKLOG)
            sock.setblocking(False)
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def _check(self, now: float) -> None:
        for stream in list(self.streams):
            stream.check(now)

    def stop(self) -> None:
        """Take no more connections; those that are there stay."""
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        if self.config.unix and not self.config.unix.startswith("@"):
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
            if client.fileno() >= _descriptors():
                client.close()
                self._cannot_accept(sock, OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
                return
            reason = self._refuses(address)
            if reason:
                client.close()
                self._engine.core.counters.rejected[reason[0]] += 1
                self._say(f"refused {spell(address)}: {reason[1]}")
            else:
                self._take(client, address)

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

    def _refuses(self, address: Any) -> tuple[str, str] | None:
        most = self.config.max_connections
        if most is not None and self.count >= most:
            return "limit", f"{most} connections are open (max_connections)"
        if not isinstance(address, tuple):
            return None
        host = ipaddress.ip_address(address[0].split("%")[0])
        host = getattr(host, "ipv4_mapped", None) or host
        if self._networks and not any(host in network for network in self._networks):
            return "access", "the address is not in `allow`"
        if self._per_address is not None and self._hosts[address[0]] >= self._per_address:
            return "limit", f"{self._per_address} connections from this address (limits.connections_per_address)"
        return None

    def _take(self, client: socket.socket, address: Any) -> None:
        prepare(client)
        self._number += 1
        name = spell(address) if isinstance(address, tuple) else f"{self.config.name}#{self._number}"
        host = address[0] if isinstance(address, tuple) else ""
        self._hosts[host] += 1
        if self._context is None:
            channel = LocalChannel(client) if client.family == socket.AF_UNIX else SocketChannel(client)
            self._join(channel, name, host, self._policy(None))
        else:
            self._handshakes += 1
            self._engine.tasks.start(self._shake_hands(client, name, host, self._context), f"tls {name}")

    async def _shake_hands(self, client: socket.socket, name: str, host: str, context: ssl.SSLContext) -> None:
        try:
            sock = await handshake(client, context, server_side=True)
        except (OSError, TimeoutError) as error:
            self._engine.core.counters.rejected["tls"] += 1
            self._say(f"refused {name}: TLS: {getattr(error, 'reason', None) or str(error) or 'timed out'}")
            self._left(host)
            client.close()
            return
        finally:
            self._handshakes -= 1
        if self._sockets:
            self._join(TlsChannel(sock), name, host, self._policy(subject_of(sock)))
        else:  # it has stopped, or has other rules now
            self._left(host)
            sock.close()

    def _left(self, host: str) -> None:
        """A connection from there is gone."""
        self._hosts[host] -= 1
        if self._hosts[host] <= 0:
            del self._hosts[host]

    def _policy(self, subject: str | None) -> Policy:
        config = self.config
        access, devices = config.access, config.devices
        rule = self._rule(subject)
        if rule is not None:
            access, devices = rule.access, rule.devices
        return Policy(
            listener=config.name,
            read_only=access == "read-only",
            devices=devices,
            lossless=config.delivery == "lossless",
            peers=config.peers,
        )

    def _rule(self, subject: str | None) -> Rule | None:
        from fnmatch import fnmatchcase

        if subject is None:
            return None
        return next((rule for rule in self.config.rules if fnmatchcase(subject, rule.subject)), None)

    def _join(self, channel: Channel, name: str, host: str, policy: Policy) -> None:
        peer = self._engine.join("client", name, policy)
        peer.takes_fds = isinstance(channel, LocalChannel)

        def closed(reason: str, text: str) -> None:
            self.streams.discard(stream)
            self._left(host)

        stream = Stream(self._engine, peer, channel, closed, log=self.config.name in self._engine.traffic)
        self.streams.add(stream)
        extra = {"event": "opened", "peer": name}
        _logger.info("client %s connected to %s", name, self.config.name, extra=extra)


def _descriptors() -> int:
    """How many descriptors connections may fill."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft - min(SPARE_DESCRIPTORS, soft // 8)


def check_descriptors(wanted: int) -> str | None:
    """Raise the limit of open descriptors as far as it goes; a warning where that is less than `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft >= wanted:
        return None
    return (
        f"only {soft} descriptors may be open (RLIMIT_NOFILE), but the connections allowed need {wanted}:"
        " raise it (ulimit -n) or lower max_connections"
    )
