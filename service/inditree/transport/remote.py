"""A link that we open, for ever: connect, run, wait, connect again."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import random
import socket
import ssl
import time
from collections import Counter
from typing import Literal

from inditree.config import Remote
from inditree.config.units import join
from inditree.core import Peer
from inditree.errors import ConfigError
from inditree.supervise import JITTER, grown
from inditree.transport import lookup
from inditree.transport.channel import Channel, SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.sockets import prepare
from inditree.transport.stream import Stream
from inditree.transport.tls import client_context, handshake
from inditree.tree.link import SILENCE, SILENCE_MAX, Link
from inditree.tree.names import names_of

_logger = logging.getLogger("inditree.link")

CONNECT_TIMEOUT = 10.0
"""Seconds for one address to answer."""

BACKOFF, BACKOFF_MAX = 0.25, 10.0
"""Seconds between two tries, doubled each time and shortened by JITTER."""

HELD_FAILURES, TIMEOUT_HELD = 3, 2.0
"""Failures that count, for a pause of a second, and seconds for one address to answer, while devices of the link are
held: they come back within `limits.link_hold` or not at all."""

HEALTHY_AFTER = 10.0
"""Seconds of a link after which the back-off begins anew."""

SELF_CHECK = 30.0
"""Seconds between two looks whether the name of a link that led back to us leads elsewhere now."""


class RemoteLink:
    """One entry of `remotes`."""

    def __init__(self, engine: Engine, config: Remote) -> None:
        self.config = config
        self.peer: Peer | None = None
        self.last_error = ""
        self.attempts: Counter[str] = Counter()  # by result: ok, refused, unreachable, timeout, tls, error
        self.since = time.monotonic()
        self._state: Literal["connecting", "backoff", "stopped"] = "stopped"
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._closed: asyncio.Future[tuple[str, str]] | None = None
        self._stream: Stream | None = None
        self._silence = SILENCE
        self._was_router = False
        self._failures = 0
        self._lost = float("-inf")

    @property
    def state(self) -> Literal["connecting", "up", "backoff", "stopped"]:
        """`up` once the other end is known and has been told what we have."""
        if self.peer is not None and self.peer.link is not None and self.peer.link.settled:
            return "up"
        return self._state

    @property
    def patience(self) -> float:
        """Seconds for which the other end may be silent before it is taken for plain INDI, or linked anew where it was
        inditree before."""
        return self._engine.core.settings.link_timeout if self._was_router else self._silence

    @property
    def address(self) -> str:
        return join(self.config.host, self.config.port)

    def start(self) -> None:
        """Link, and keep it linked."""
        if self._task is None or self._task.done():
            self._failures = 0
            self._task = self._engine.tasks.start(self._run(), f"link {self.config.name}")

    async def stop(self) -> None:
        """End the link and do not link again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        if self.peer is not None:
            self._engine.end(self.peer, "shutdown", "stopped")
        self._engine.end_hold(self.config.name)
        if task is not None:
            await asyncio.wait([task])  # what it died of, if it did, has been logged
        if self._task is None:  # not started anew meanwhile
            self._become("stopped")

    def _become(self, state: Literal["connecting", "backoff", "stopped"]) -> None:
        if state != self._state:
            self._state = state
            self.since = time.monotonic()

    async def _run(self) -> None:
        while True:
            self._become("connecting")
            try:
                reason = await self._try()
            except Exception as error:  # an internal error must not be the last try
                self._engine.mistake(self.peer, error)
                self._engine.flush()
                reason = "error"
            self._become("backoff")
            if reason == "loop":
                await self._until_elsewhere()
                self._failures = 0
                continue
            self._failures += 1
            if self._holds:
                self._failures = min(self._failures, HELD_FAILURES)
            await asyncio.sleep(grown(BACKOFF, BACKOFF_MAX, self._failures) * (1 - JITTER * random.random()))

    @property
    def _holds(self) -> bool:
        """May what this link has lost still be held?"""
        return time.monotonic() - self._lost < self._engine.core.state.holding.length

    async def _try(self) -> str:
        """One connection, until it ends; why it did."""
        try:
            channel, site = await self._connect()
        except (OSError, TimeoutError, ConfigError, ValueError) as error:  # ValueError: a name with an empty label
            result, text = _told(error)
            self.attempts[result] += 1
            self._fail(f"cannot connect: {text}")
            return result
        self.attempts["ok"] += 1
        began = time.monotonic()
        self._closed = asyncio.get_running_loop().create_future()
        link = self._join(channel, site)
        reason, text = await self._closed
        if link.settled:
            self._fail(text)
        elif reason == "loop":
            self.last_error = text
            _logger.warning("link %s: %s", self.config.name, text, extra=self._extra("loop"))
        elif reason == "malformed" or (self._stream is not None and self._stream.skipped):
            self._fail(f"what answers is not INDI ({text})")
        else:
            self._fail(f"{reason}: {text}")
        if link.settled:
            self._was_router = link.is_router or link.late
            if link.is_router:
                self._lost = time.monotonic()
        if link.late:
            self._silence = min(SILENCE_MAX, self._silence * 2)
        if time.monotonic() - began >= HEALTHY_AFTER:
            self._failures = 0
        return reason

    def _join(self, channel: Channel, site: str) -> Link:
        """Join the core, and say what is said first."""
        link = Link(
            opener=True,
            path_id=self.address,
            blobs=self.config.blobs,
            share=self.config.share == "both",
            devices=self.config.devices,
            device=self.config.device,
            site=site,
            silence=self._silence,
            awaited=self._was_router,
        )
        self._engine.begin()
        names = names_of(self.config.rename)
        self.peer = self._engine.core.join("link", self.config.name, link=link, names=names)
        self.peer.address = self.address
        log = self.config.name in self._engine.traffic
        self._stream = Stream(self._engine, self.peer, channel, self._ended, log=log)
        self._engine.flush()
        return link

    def _ended(self, reason: str, text: str) -> None:
        self.peer = None
        if self._closed is not None and not self._closed.done():
            self._closed.set_result((reason, text))

    def _fail(self, text: str) -> None:
        """Said at a first failure and when it changes: an observatory is off all day."""
        level = logging.WARNING if text != self.last_error or self._failures == 0 else logging.DEBUG
        self.last_error = text
        where = "" if self.config.name == self.address else f" ({self.address})"
        _logger.log(level, "link %s%s: %s", self.config.name, where, text, extra=self._extra("link_down"))

    def _extra(self, event: str) -> dict[str, str]:
        return {"event": event, "remote": self.config.name}

    async def _connect(self) -> tuple[Channel, str]:
        """The connection, and the address that it leads to."""
        loop = asyncio.get_running_loop()
        failed: OSError | TimeoutError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
        for family, address in await lookup.addresses(self.config.host, self.config.port):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                prepare(sock, self._engine.core.settings.link_timeout)
                async with asyncio.timeout(TIMEOUT_HELD if self._holds else CONNECT_TIMEOUT):
                    await loop.sock_connect(sock, address)
                if self.config.tls is None:
                    return SocketChannel(sock), site_of(address)
                context = client_context(self.config.tls)
                channel = await handshake(sock, context, server_side=False, host=self.config.host)
                return channel, site_of(address)
            except (OSError, TimeoutError) as error:
                sock.close()
                if not isinstance(failed, ssl.SSLError):  # it says more than what another address of the name does
                    failed = error
            except BaseException:
                sock.close()
                raise
        raise failed

    async def _hosts(self) -> set[str]:
        """The addresses that its name stands for now; empty where that cannot be told."""
        try:
            found = await lookup.addresses(self.config.host, self.config.port)
        except (OSError, ValueError):
            return set()
        return {address[0] for _, address in found}

    async def _until_elsewhere(self) -> None:
        """Wait until a name that leads back to this router leads elsewhere."""
        before = await self._hosts()
        while True:
            await asyncio.sleep(SELF_CHECK)
            now = await self._hosts()
            if now and now != before:
                return


def site_of(address: tuple[str, int]) -> str:
    """A resolved address as one text; this machine's own two loopback addresses are one."""
    host = ipaddress.ip_address(address[0].split("%")[0])
    host = getattr(host, "ipv4_mapped", None) or host
    return f"{'localhost' if str(host) in ('127.0.0.1', '::1') else host}:{address[1]}"


def _told(error: Exception) -> tuple[str, str]:
    """The result of a try as the metric names it, and in words."""
    if isinstance(error, TimeoutError):
        return "timeout", "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refused", "connection refused"
    if isinstance(error, (ssl.SSLError, ConfigError)):
        return "tls", str(error)
    if isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)
    ):
        return "unreachable", error.strerror or str(error)
    return "error", getattr(error, "strerror", None) or str(error)
