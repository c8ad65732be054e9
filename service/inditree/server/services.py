"""What runs beside the routing: the audit log, HTTP, the measure of the loop's lag."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from inditree.config import Config
from inditree.core import Audit as AuditEffect
from inditree.errors import StartError
from inditree.ops.audit import Audit
from inditree.ops.blocked import BlockWatch
from inditree.ops.lag import LagMeter
from inditree.python.inprocess import culprit
from inditree.server.units import Units
from inditree.transport.engine import Engine

if TYPE_CHECKING:
    from inditree.ops.http import HttpServer
    from inditree.ops.metrics import Metrics
    from inditree.ops.model import Control

_logger = logging.getLogger("inditree.router")


class Services:
    """The services of one router."""

    def __init__(self, engine: Engine, units: Units) -> None:
        self._engine = engine
        self._units = units
        self._audit: Audit | None = None
        self._http: HttpServer | None = None
        self._metrics: Metrics | None = None
        self._lag: LagMeter | None = None
        self._blocked: BlockWatch | None = None

    @property
    def audit_lost(self) -> int:
        """Lines that could not be written to audit.file."""
        return self._audit.lost if self._audit is not None else 0

    async def start(self, config: Config, control: Control, http_may_fail: bool) -> None:
        """Start what the configuration asks for; `control` is what HTTP shows and changes.

        Raises StartError; ConfigError for a token file that is wrong.
        """
        if config.audit.file is not None:
            self._audit = Audit(config.audit.file)
            self._engine.on_audit = self._audited
        self._lag = LagMeter(self._engine.core.counters)
        self._lag.start()
        self._blocked = BlockWatch(self._lag, lambda task, files: culprit([*self._units.drivers.values()], task, files))
        self._blocked.start()
        if config.http.listen is not None:
            await self._start_http(config, control, http_may_fail)

    async def _start_http(self, config: Config, control: Control, may_fail: bool) -> None:
        # Imported where it is wanted: half of the memory of a router with nothing to do.
        from inditree.ops.http import HttpServer
        from inditree.ops.metrics import Metrics

        self._metrics = Metrics(config.metrics.properties)
        self._http = HttpServer(config.http, control, self._engine.tasks, self._metrics, self._audit)
        try:
            await self._http.start()
        except StartError as error:
            if not may_fail:
                raise
            _logger.warning("HTTP is off: %s", error, extra={"event": "http_off"})
            self._http = None

    def announce(self) -> None:
        """Say where HTTP is."""
        if self._http is not None:
            where = ", ".join(f"http://{address}" for address in self._http.addresses)
            _logger.info("health, metrics and control on %s", where, extra={"event": "http"})

    def apply(self, new: Config) -> None:
        """Take over what may change while it runs. Raises ConfigError: then nothing has changed."""
        if self._http is not None and self._metrics is not None:
            self._http.apply(new.http)
            self._metrics.watch(new.metrics.properties)

    def reopen(self) -> None:
        """The audit log was moved away."""
        if self._audit is not None:
            self._audit.reopen()

    async def stop(self) -> None:
        """End all that was started."""
        if self._http is not None:
            await self._http.stop()
        if self._blocked is not None:
            self._blocked.stop()
        if self._lag is not None:
            self._lag.stop()
        if self._audit is not None:
            self._audit.close()

    def _audited(self, each: AuditEffect) -> None:
        if self._audit is not None:
            peer = each.peer
            self._audit.command(
                client=peer.address,
                listener=peer.policy.listener,
                element=each.element,
                device=each.device,
                property=each.property,
                data=each.data,
                result=each.result,
            )
