"""The HTTP server: health, metrics and control, at a port and at the control socket."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from inditree.config import Http, units
from inditree.errors import StartError
from inditree.ops.access import HttpAccess
from inditree.ops.api import Api
from inditree.ops.audit import Audit
from inditree.ops.control import Control
from inditree.ops.metrics import Metrics
from inditree.ops.serving import Serving
from inditree.ops.shown import Shown
from inditree.tasks import Tasks
from inditree.transport.binding import bind_tcp

_T = TypeVar("_T")
_logger = logging.getLogger("inditree.http")


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
        self._metrics = metrics
        self._threads, self._scrapes = _worker("inditree-http"), _worker("inditree-metrics")
        metrics.show(http.devices)
        self._api = Api(control, HttpAccess(http, name), metrics, self._threads, self._scrapes, audit)
        self._api.shown = Shown(http.devices)
        self._serving = Serving(self._api, tasks, "http")
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
        await self._serving.start(sockets)

    def apply(self, http: Http) -> None:
        """Take over hosts, token and devices of a configuration that was read anew.

        Raises ConfigError where the token file gives none: then nothing has changed. The address stays.
        """
        self._api.access = HttpAccess(http, self._name)
        self._api.shown = Shown(http.devices)
        self._metrics.show(http.devices)

    async def stop(self) -> None:
        """Close the port, let answers under way be finished, but not for long."""
        await self._serving.stop()
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
        _logger.warning("no thread can be started (pids.max, ulimit -u: %s): HTTP goes on without", error, extra=extra)
        pool.shutdown(wait=False, cancel_futures=True)
        return _AtOnce()
    return pool


def _nothing() -> None:
    """Do nothing as a thread of the pool begins."""


def _bind(host: str | None, port: int) -> list[socket.socket]:
    """Listening sockets for each address of the host; None is all addresses. Raises StartError."""
    try:
        return bind_tcp(host, port)
    except OSError as error:
        where = units.join(host or "*", port)
        raise StartError(
            f"http: cannot listen on {where}: {error.strerror or error} (another router? --http HOST:PORT, or off)"
        ) from error
