"""The HTTP server: uvicorn on the router's own loop, without signal handlers, access log or process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from inditree.config import Http, units
from inditree.errors import StartError
from inditree.ops.api import Api
from inditree.ops.audit import Audit
from inditree.ops.gate import Gate
from inditree.ops.metrics import Metrics
from inditree.ops.model import Control
from inditree.tasks import Tasks
from inditree.transport.binding import bind_tcp

MAX_CONNECTIONS = 64
"""Who scrapes, probes and watches is a handful; past it the answer is 503."""

MAX_HEAD = 16 * 1024
"""Bytes of a request's line and headers."""

KEEP_ALIVE = 5
"""Seconds for which a connection may be silent between requests."""

REQUEST_TIMEOUT = 10.0
"""Seconds from one answer (or the connection) to the next complete head; then the connection is cut."""

STOP_TIMEOUT = 0.5
"""Seconds that answers under way are given at the end: the router has to stop within one."""


class _Connection(H11Protocol):
    """With a clock for clients that send their request a byte an hour, or never read the answer."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()

    def on_response_complete(self) -> None:
        self._arm()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Uvicorn(uvicorn.Server):
    """Leaves the signals alone, says when it is up, and looks at the clock once a second instead of ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.end = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self.on_tick(0)  # sets the headers of answers
        self.up.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.end.wait(), 1.0)


class HttpServer:
    """Health, metrics and control at `http.listen`. To be made, started and stopped on the loop.

    Raises ConfigError where the token file gives none. `addresses` are those in use, once it has started.
    """

    def __init__(
        self, http: Http, control: Control, tasks: Tasks, metrics: Metrics, audit: Audit | None = None
    ) -> None:
        self.addresses: tuple[str, ...] = ()
        self._http = http
        self._tasks = tasks
        self._threads = ThreadPoolExecutor(1, "inditree-http")
        self._api = Api(control, Gate(http), metrics, self._threads, audit)
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; nothing to do where `http.listen` is off. Raises StartError, which names the address."""
        if self._http.address is None:
            return
        sockets = _bind(*self._http.address)
        self.addresses = tuple(units.join(*each.getsockname()[:2]) for each in sockets)
        server = self._server = _Uvicorn(
            uvicorn.Config(
                self._api.app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                limit_concurrency=MAX_CONNECTIONS,
                h11_max_incomplete_event_size=MAX_HEAD,
            )
        )
        self._task = self._tasks.start(server.serve(sockets), "http")
        self._task.add_done_callback(lambda _: server.up.set())
        await server.up.wait()
        if self._task.done():
            for sock in sockets:
                sock.close()
            raise StartError(f"http: {self._task.exception() or 'ended as it started'}")

    def apply(self, http: Http) -> None:
        """Take over hosts and token of a configuration that was read anew. Raises ConfigError; the address stays."""
        self._api.gate = Gate(http)

    async def stop(self) -> None:
        """Close the port, let answers under way be finished, but not for long."""
        server, task = self._server, self._task
        if server is not None and task is not None:
            self._server = self._task = None
            server.should_exit = True
            server.end.set()
            await asyncio.wait([task], timeout=STOP_TIMEOUT)
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            server.force_exit = True
            await asyncio.wait([task], timeout=STOP_TIMEOUT)
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _bind(host: str | None, port: int) -> list[socket.socket]:
    """Listening sockets for each address of the host; None is all addresses. Raises StartError."""
    try:
        return bind_tcp(host, port)
    except OSError as error:
        where = units.join(host or "*", port)
        raise StartError(
            f"http: cannot listen on {where}: {error.strerror or error} (another router? --http HOST:PORT, or off)"
        ) from error
