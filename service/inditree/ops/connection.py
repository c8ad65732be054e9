"""A connection to HTTP, and how many of them there may be at once.

Who asks for health and metrics is answered whatever the rest of HTTP does, and who says nothing takes nobody's place.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from inditree.ops.model import Error
from inditree.ops.places import own_user, peer_user, user_name
from inditree.transport.descriptors import for_connections

HEALTH = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that are always answered, to everybody."""

MAX_REQUESTS = 64
"""Other requests under way at once; who watches is a handful. Past it the answer is 503."""

MAX_HEALTH = 64
"""Requests for HEALTH under way at once. Past it the oldest is cut: it does not read what it is told."""

MAX_SILENT = 256
"""Connections without a whole head of a request. Past it the oldest is cut."""

REQUEST_TIMEOUT = 10.0
"""Seconds in which the next head must have come, and in which an answer must have been read."""

_logger = logging.getLogger("inditree.http")


class ConnectionLimits:
    """The connections of one entry to HTTP (the TCP port, or the control socket), and bounds for each kind of them."""

    def __init__(self) -> None:
        self._silent: dict[Connection, None] = {}
        self._health: dict[Connection, None] = {}
        self._requests: set[Connection] = set()

    def wait(self, connection: Connection) -> None:
        """Count a connection that has asked nothing yet, or has its answer."""
        self._silent[connection] = None
        full = connection.descriptor >= for_connections()
        most = 1 if full else MAX_SILENT  # one has room always: INDI's clients alone must not shut HTTP
        if len(self._silent) > most:
            next(iter(self._silent)).transport.abort()

    def ask(self, connection: Connection) -> None:
        """The head of a request is there."""
        self._silent.pop(connection, None)

    def admit(self, connection: Connection, health: bool) -> bool:
        """Says whether the request may be answered now."""
        if health:
            self._health[connection] = None
            if len(self._health) > MAX_HEALTH:
                next(iter(self._health)).transport.abort()
            return True
        if len(self._requests) >= MAX_REQUESTS:
            return False
        self._requests.add(connection)
        return True

    def done(self, connection: Connection) -> None:
        """The answer has been read."""
        self._health.pop(connection, None)
        self._requests.discard(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is gone; what it asked for may still be under way."""
        self._silent.pop(connection, None)
        self._health.pop(connection, None)


class Connection(H11Protocol):
    """An HTTP connection with a clock, for clients that send a byte an hour or never read the answer."""

    _deadline: asyncio.TimerHandle | None = None
    descriptor = -1

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._application, self.app = self.app, self._answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.descriptor = transport.get_extra_info("socket").fileno()
        transport.set_write_buffer_limits(high=0)  # an answer is over when it has been read
        self._arm()
        self._limits.wait(self)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        self._arm()
        self._limits.wait(self)
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._limits.leave(self)
        super().connection_lost(exc)

    def _look(self) -> None:
        """Looks whether a request has begun."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()
            self._limits.ask(self)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_wait(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._arm()
                await send({**message, "more_body": True})
                message = {"type": "http.response.body", "body": b""}  # sent when the rest has been read
            await send(message)

        admitted = self._limits.admit(self, scope["path"] in HEALTH)
        try:
            await (self._application if admitted else _full)(scope, receive, send_and_wait)
        finally:
            self._limits.done(self)

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ControlConnection(Connection):
    """A connection of the control socket, by the router's own user or root. What it asks for has that in its state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        uid = peer_user(transport.get_extra_info("socket"))
        if uid in (0, own_user()):
            self.app_state = {**self.app_state, "user": uid}
            return
        _logger.warning("control socket: %s refused", user_name(uid), extra={"event": "control_refused"})
        transport.abort()


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    text = f"{MAX_REQUESTS} requests are under way; try again"
    response = Response(msgspec.json.encode(Error(text)), 503, {"connection": "close"}, "application/json")
    await response(scope, receive, send)
