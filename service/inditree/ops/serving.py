"""uvicorn on the router's own loop: without signal handlers, access log or process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any

import uvicorn

from inditree.errors import StartError
from inditree.ops.connection import Connection, ConnectionLimits, ControlConnection
from inditree.tasks import Tasks
from inditree.transport.binding import BACKLOG

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
        limits = ConnectionLimits()
        return lambda: kind(config=self.config, server_state=self.server_state, app_state={}, limits=limits)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.end.wait(), 1.0)


class Serving:
    """An ASGI application that answers at sockets which listen already, until `stop`. `name` is said in errors."""

    def __init__(self, app: Any, tasks: Tasks, name: str) -> None:
        self._app = app
        self._tasks = tasks
        self._name = name
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, sockets: list[socket.socket]) -> None:
        """Answer from now on. Raises StartError."""
        server = self._server = _Uvicorn(
            uvicorn.Config(
                self._app,
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
        self._task = self._tasks.start(server.serve(sockets), self._name)
        self._task.add_done_callback(lambda _: server.up.set())
        await server.up.wait()
        if self._task.done():
            for sock in sockets:
                sock.close()
            raise StartError(f"{self._name}: {self._task.exception() or 'ended as it started'}")

    async def stop(self) -> None:
        """Close the sockets, let answers under way be finished, but not for long; again is harmless."""
        server, task = self._server, self._task
        if server is None or task is None:
            return
        self._server = self._task = None
        server.should_exit = True
        server.end.set()
        await asyncio.wait([task], timeout=STOP_TIMEOUT)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        server.force_exit = True
        await asyncio.wait([task], timeout=STOP_TIMEOUT)
        task.cancel()
