"""The HTTP server: uvicorn on the router's own loop, without signal handlers, access log or process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import uvicorn

from inditree.config import Http, units
from inditree.errors import StartError
from inditree.ops.api import Api
from inditree.ops.audit import Audit
from inditree.ops.connection import Connection, ControlConnection, Crowd
from inditree.ops.gate import Gate
from inditree.ops.metrics import Metrics
from inditree.ops.model import Control
from inditree.ops.shown import Shown
from inditree.tasks import Tasks
from inditree.transport.binding import BACKLOG, bind_tcp

_T = TypeVar("_T")
_logger = logging.getLogger("inditree.http")

MAX_HEAD = 16 * 1024
"""Bytes of a request's line and headers."""

KEEP_ALIVE = 5
"""Seconds for which a connection may be silent between requests."""

STOP_TIMEOUT = 0.5
"""Seconds that answers under way are given at the end: the router has to stop within one."""


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
        loop = asyncio.get_running_loop()
        await self.lifespan.startup()
        port, control = self._maker(Connection), self._maker(ControlConnection)
        self.servers = []
        for each in sockets or []:
            if each.family == socket.AF_UNIX:
                self.servers.append(await loop.create_unix_server(control, sock=each))
            else:
                self.servers.append(await loop.create_server(port, sock=each, backlog=BACKLOG))
        await self.on_tick(0)  # sets the headers of answers
        self.started = True
        self.up.set()

    def _maker(self, kind: type[Connection]) -> Callable[[], Connection]:
        crowd = Crowd()
        return lambda: kind(config=self.config, server_state=self.server_state, app_state={}, crowd=crowd)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.end.wait(), 1.0)


class HttpServer:
    """Health, metrics and control at `http.listen` and at the control socket. To be made, started, stopped on the loop.

    `name` is the router's. Raises ConfigError where the token file gives none. `addresses` are those in use, once it
    has started.
    """

    def __init__(
        self, http: Http, control: Control, tasks: Tasks, metrics: Metrics, audit: Audit | None = None, name: str = ""
    ) -> None:
        self.addresses: tuple[str, ...] = ()
        self._http = http
        self._name = name
        self._tasks = tasks
        self._metrics = metrics
        self._threads, self._scrapes = _worker("inditree-http"), _worker("inditree-metrics")
        metrics.show(http.devices)
        self._api = Api(control, Gate(http, name), metrics, self._threads, self._scrapes, audit)
        self._api.shown = Shown(http.devices)
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []

    def bind(self) -> None:
        """Take `http.listen`, unless that is off. Raises StartError, which names the address."""
        if self._http.address is not None:
            self._sockets = _bind(*self._http.address)
            self.addresses = tuple(units.join(*each.getsockname()[:2]) for each in self._sockets)

    async def start(self, control_socket: socket.socket | None = None) -> None:
        """Answer at what `bind` took, and at a socket that listens already. Raises StartError."""
        sockets = self._sockets
        if control_socket is not None:
            sockets.append(control_socket)
        if not sockets:
            return
        server = self._server = _Uvicorn(
            uvicorn.Config(
                self._api,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
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
        """Take over hosts, token and devices of a configuration that was read anew.

        Raises ConfigError where the token file gives none: then nothing has changed. The address stays.
        """
        self._api.gate = Gate(http, self._name)
        self._api.shown = Shown(http.devices)
        self._metrics.show(http.devices)

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
        for threads in (self._threads, self._scrapes):
            threads.shutdown(wait=False, cancel_futures=True)


class _AtOnce(Executor):
    """An executor for when no thread can be had: what is asked for holds up the loop, but is answered."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _worker(name: str) -> Executor:
    """A thread for answers, started now: once drivers have taken what `pids.max` allows there is none to be had."""
    pool = ThreadPoolExecutor(1, name)
    try:
        pool.submit(_nothing).result()
    except RuntimeError as error:
        extra = {"event": "http_thread"}
        _logger.warning("no thread can be had (pids.max, ulimit -u: %s): the loop answers HTTP", error, extra=extra)
        pool.shutdown(wait=False, cancel_futures=True)
        return _AtOnce()
    return pool


def _nothing() -> None:
    """What a thread does as it begins."""


def _bind(host: str | None, port: int) -> list[socket.socket]:
    """Listening sockets for each address of the host; None is all addresses. Raises StartError."""
    try:
        return bind_tcp(host, port)
    except OSError as error:
        where = units.join(host or "*", port)
        raise StartError(
            f"http: cannot listen on {where}: {error.strerror or error} (another router? --http HOST:PORT, or off)"
        ) from error
