"""The services beside the routing: audit log, HTTP, the measure of the loop's lag."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib import import_module
from typing import TYPE_CHECKING

from inditree.config import Config, Http
from inditree.core import Audit as AuditEffect
from inditree.errors import StartError
from inditree.ops.audit import Audit
from inditree.ops.blocked_loop import BlockWatch
from inditree.ops.control_socket import ControlSocket, open_control_socket
from inditree.ops.lag import LagMeter
from inditree.python.inprocess import culprit
from inditree.server.units import Units
from inditree.transport.engine import Engine

if TYPE_CHECKING:
    from inditree.ops.control import Control
    from inditree.ops.http import HttpServer
    from inditree.ops.metrics import Metrics

_logger = logging.getLogger("inditree.router")


class Services:
    """The services of one router."""

    def __init__(self, engine: Engine, units: Units) -> None:
        self._engine = engine
        self._units = units
        self._audit: Audit | None = None
        self._http: HttpServer | None = None
        self._control_socket: ControlSocket | None = None
        self._config = Config()
        self._stopped = False
        self._metrics: Metrics | None = None
        self._lag: LagMeter | None = None
        self._blocked: BlockWatch | None = None

    @property
    def audit_lost(self) -> int:
        """Audit lines that were lost because audit.file could not be written."""
        return self._audit.lost if self._audit is not None else 0

    async def start(self, config: Config, control: Control, http_may_fail: bool, port: int | None) -> None:
        """Start what the configuration asks for.

        `control` is what HTTP shows and changes, `port` that of the first TCP listener.

        Raises StartError; ConfigError for a token file that is wrong.
        """
        if config.audit.file is not None:
            self._audit = Audit(config.audit.file)
            self._engine.audits.append(self._audited)
        self._config = config
        self._control_socket = open_control_socket(config.control.socket, port)
        if config.http.listen is not None:
            await self._start_http(control, http_may_fail)
        elif self._control_socket is not None:
            asyncio.get_running_loop().add_reader(self._control_socket.sock, self._first_call, control)
        # After HTTP, whose import takes seconds on a small machine: nobody waits for the loop yet.
        self._lag = LagMeter(self._engine.core.counters)
        self._lag.start()
        self._blocked = BlockWatch(self._lag, lambda task, files: culprit([*self._units.drivers.values()], task, files))
        self._blocked.start()

    def _first_call(self, control: Control) -> None:
        """Somebody calls at the control socket, where HTTP is off: it is loaded now, beside the loop."""
        assert self._control_socket is not None
        asyncio.get_running_loop().remove_reader(self._control_socket.sock)
        self._engine.tasks.start(self._serve_control(control), "control socket")

    async def _serve_control(self, control: Control) -> None:
        with contextlib.suppress(RuntimeError):  # no thread can be had: then it is loaded by the loop
            await asyncio.to_thread(import_module, "inditree.ops.http")
        if not self._stopped:
            await self._start_http(control, may_fail=False)

    async def _start_http(self, control: Control, may_fail: bool) -> None:
        # Imported where it is wanted: half of the memory of a router with nothing to do.
        from inditree.ops.http import HttpServer
        from inditree.ops.metrics import Metrics

        config = self._config
        self._metrics = Metrics(config.metrics.properties)
        http = config.http if config.http.listen is not None else Http(listen=None)  # a port's token is none of ours
        self._http = HttpServer(http, control, self._engine.tasks, self._metrics, self._audit, config.name)
        socket = self._control_socket.sock if self._control_socket is not None else None
        try:
            self._http.bind()
        except StartError as error:
            if not may_fail:
                raise
            _logger.warning("HTTP is off: %s", error, extra={"event": "http_off"})
        await self._http.start(socket)

    def announce(self) -> None:
        """Say where HTTP is."""
        if self._http is not None and self._http.addresses:
            where = ", ".join(f"http://{address}" for address in self._http.addresses)
            _logger.info("health, metrics and control on %s", where, extra={"event": "http"})
        if self._control_socket is not None:
            _logger.info("control socket at %s", self._control_socket.path, extra={"event": "control_socket"})

    def apply(self, new: Config) -> None:
        """Take over what may change while it runs. Raises ConfigError: then nothing has changed."""
        if self._http is not None and self._metrics is not None:
            self._http.apply(new.http)
            self._metrics.watch(new.metrics.properties)
        self._config = new

    def reopen(self) -> None:
        """The audit log was moved away."""
        if self._audit is not None:
            self._audit.reopen()

    async def stop(self) -> None:
        """End all that was started."""
        self._stopped = True
        if self._control_socket is not None:
            self._control_socket.withdraw()
            asyncio.get_running_loop().remove_reader(self._control_socket.sock)
        if self._http is not None:
            await self._http.stop()
        if self._control_socket is not None:
            self._control_socket.close()
        if self._blocked is not None:
            self._blocked.stop()
        if self._lag is not None:
            self._lag.stop()
        if self._audit is not None:
            self._audit.close()

    def audit_change(self, client: str, action: str, name: str, result: str) -> None:
        """A change that came over HTTP: `action` is `driver.add`, `name` whom it was about."""
        if self._audit is not None:
            self._audit.control(client=client, action=action, name=name, result=result)

    def _audited(self, each: AuditEffect) -> None:
        if self._audit is not None:
            self._audit.command(each)
