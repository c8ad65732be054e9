"""One router: built from a Config, run until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inditree.config import Config, Launch, complete
from inditree.core import Settings
from inditree.counters import Counters
from inditree.discovery.own import Place
from inditree.errors import ConfigError
from inditree.programs.process import close_guardian
from inditree.programs.supervisor import CannotStart
from inditree.python.factory import check_drivers, load_factory
from inditree.server import messages
from inditree.server.control import Control
from inditree.server.discovered import Discovered
from inditree.server.lazy_observatory import LazyObservatory
from inditree.server.parts import Companion, Parts
from inditree.server.reload import Reload
from inditree.server.report import Report
from inditree.server.services import Services
from inditree.server.units import Units
from inditree.server.web import WebEndpoints
from inditree.server.webmanager import WebManaging
from inditree.supervise import ENDED
from inditree.transport.descriptors import check_descriptors
from inditree.transport.engine import Engine
from inditree.transport.listener import Listener

_logger = logging.getLogger("inditree.router")

DRAIN = 0.5
"""Seconds that outboxes get to empty at the end, half of them before the drivers end; a healthy client needs
milliseconds."""

DESCRIPTORS_BESIDE = 128
"""Descriptors that a router needs beside its connections: drivers (four each), links, files."""


class Server:
    """A router that runs once. `objects` are IPyDriver objects for it to run beside the drivers of the configuration.

    `launch` says how it is run: by default it leaves signals alone; `beside` runs beside it. Raises ConfigError where
    the configuration cannot be used, TypeError for an object that is no IPyDriver and ValueError for a device name
    given twice.
    """

    def __init__(
        self,
        config: Config,
        *,
        objects: Sequence[Any] = (),
        launch: Launch | None = None,
        beside: Companion | None = None,
    ) -> None:
        self.objects = check_drivers(objects) if objects else []
        self.config = complete(config)
        self.launch = launch or Launch()
        self.engine: Engine
        self.units: Units
        self.parts: Parts
        self.services: Services
        self.control: Control
        self.reload: Reload
        self.managing: WebManaging
        self.discovered: Discovered
        self.running = asyncio.Event()
        self._stopping = asyncio.Event()
        self._signals = 0
        self._status = 0
        self._beside = beside

    @property
    def listeners(self) -> dict[str, Listener]:
        """The listeners by name, while it runs."""
        return self.parts.listeners

    # Running

    async def asyncrun(self) -> int:
        """Run until `shutdown`; the exit status. Raises StartError where it cannot start, ConfigError."""
        self._make()
        try:
            if self.launch.signals:
                self._handle_signals()  # before it listens: who sees that it does may end it
            await self._start()
            self._announce()
            self.parts.web.load()
            self.running.set()
            await self._stopping.wait()
            await self._stop()
        finally:
            await self._close()
        return self._status

    def _make(self) -> None:
        limits = self.config.limits
        settings = Settings(
            identity=os.urandom(8).hex(),
            timestamp=messages.indi_time,
            queue=limits.queue,
            streams=self.launch.streams,
            memory=limits.memory,
            stall_timeout=limits.stall_timeout,
            link_timeout=limits.link_timeout,
            link_hold=limits.link_hold,
            forwarded=self.config.definitions == "forwarded",
            audited=self.config.audit.file is not None or self.config.record.dir is not None,
        )
        self.engine = Engine(settings, limits, Counters())
        self.engine.skips_text = self.launch.skips_text
        self.engine.log_traffic = self.launch.log_traffic or self.config.log.parts.traffic == "debug"
        self.engine.traffic = self.launch.traffic
        self.units = Units(self.engine, self.on_change)
        faces = WebEndpoints(
            self.engine,
            self.config.name,
            self.launch.web,
            lambda shown: self.control.snapshot(shown),
            lambda: self._recorded,
        )
        self.parts = Parts(self.config, self.launch, self.engine, self.units, faces, LazyObservatory(self.engine))
        self.parts.beside = self._beside
        if self._beside is not None:
            self._beside.prepare(self.parts)
        self.parts.observatory.apply(self.config)  # before anybody can command anything
        self.services = Services(self.engine, self.units)
        self.control = Control(self.parts, Report(self.parts, self.services))
        self.managing = WebManaging(self.parts, self.services)
        self.reload = Reload(self.parts, self.services, self.managing)
        self.discovered = Discovered(self.engine, self.units)

    async def _start(self) -> None:
        """Opens all ports first: a router that cannot listen starts no driver."""
        connections = sum(listen.max_connections or 0 for listen in self.config.listen)
        warning = check_descriptors(connections + DESCRIPTORS_BESIDE)
        if warning:
            _logger.warning("%s", warning, extra={"event": "descriptors"})
        made = self._call_factories()
        for entry in self.config.listen:
            listener = self.reload.listener(entry)
            listener.bind()
            self.parts.listeners[entry.name] = listener
        self.managing.bind()
        await self.services.start(self.config, self.control, self.launch.http_may_fail, self._port)
        if self.config.record.dir is not None:
            from inditree.record.recorder import Recorder  # with all of record/, 20 ms of a start

            self.parts.recorder = Recorder(self.engine, self.config.record)
            self.parts.recorder.start()
        for listener in self.parts.listeners.values():
            listener.start()
        for each in self.objects:
            self.units.add_object(each, taken={driver.name for driver in self.config.drivers})
        for driver in self.config.drivers:
            self.units.add_driver(driver, made.get(driver.name))
        for remote in self.config.remotes:
            self.units.add_remote(remote)
        self.discovered.start(self.config.discovery, self._places)
        self.reload.watch()
        if self._beside is not None:
            self._beside.start(self.parts)
        if self.launch.keepalive is not None:
            self.engine.tasks.start(messages.keep_alive(self.engine, self.launch.keepalive), "keepalive")
        await self.managing.start()
        self.parts.applied = True

    @property
    def _recorded(self) -> tuple[Path, tuple[str, ...], bool] | None:
        """The record's folder, the devices of which HTTP may speak, and whether that takes a token; None: no record."""
        recorder, http = self.parts.recorder, self.parts.config.http
        return None if recorder is None else (recorder.config.folder, http.devices, http.token_file is not None)

    @property
    def _port(self) -> int | None:
        """The port of the first TCP listener."""
        return next((each.port for each in self.parts.listeners.values() if each.config.tcp), None)

    def _places(self) -> list[Place]:
        """The addresses where we listen: discovery leaves out what leads there."""
        return [(each.config.address[0], each.port) for each in self.parts.listeners.values() if each.config.tcp]

    def _call_factories(self) -> dict[str, list[Any]]:
        """The drivers of each factory, for its first run: one that cannot be had is a mistake in the configuration."""
        made = {}
        for number, driver in enumerate(self.config.drivers):
            if driver.python is None:
                continue
            try:
                made[driver.name] = load_factory(driver.python)
            except CannotStart as error:
                raise ConfigError(f"drivers[{number}].python", str(error)) from None
            except Exception:
                _logger.exception("%s: its factory failed", driver.name, extra={"driver": driver.name})
        return made

    def _announce(self) -> None:
        for listener in self.parts.listeners.values():
            _logger.info("listening on %s", listener.address, extra={"event": "listening"})
        for url in self.parts.web.urls():
            _logger.info("the page is at %s", url, extra={"event": "web"})
        self.services.announce()
        discovers = self.config.discovery.docker is not None or self.config.discovery.dns
        managed = self.config.webmanager is not None and self.config.webmanager.listen is not None
        beside = self._beside is not None and self._beside.starts_drivers
        if not (self.units.drivers or self.units.remotes or discovers or managed or beside):
            text = "nothing to serve: no drivers and no remotes (inditree serve DRIVER ..., or `drivers` in the file)"
            _logger.warning("%s", text, extra={"event": "nothing_to_serve"})

    def on_change(self) -> None:
        """A driver changed its state: an indiserver ends with its last one."""
        if self._beside is not None and not self.parts.draining:
            self._beside.on_change()
        if not self.launch.ends_with_drivers or self.units.remotes or not self.parts.applied or self.parts.draining:
            return
        if all(unit.supervisor.state in ENDED for unit in self.units.drivers.values()):
            _logger.error("the last driver has ended for good", extra={"event": "no_drivers"})
            self.shutdown(1)

    def broadcast(self, text: str, timestamp: str | None = None) -> None:
        """A message without a device to every client; `timestamp` as INDI has it."""
        messages.broadcast(self.engine, text, timestamp)

    # Stopping

    def shutdown(self, status: int = 0) -> None:
        """Drain and stop."""
        self._status = self._status or status
        self._stopping.set()

    async def _stop(self) -> None:
        self.parts.draining = True
        self.parts.observatory.stop()
        if self.parts.recorder is not None:
            self.parts.recorder.stop()
        undiscovered = self.engine.tasks.start(self.discovered.stop(), "stop discovery")
        for listener in self.parts.listeners.values():
            listener.stop()
        unmanaged = self.engine.tasks.start(self.managing.stop(), "stop webmanager")
        if self._beside is not None:
            self._beside.stop()
        left = DRAIN - await self._drain(DRAIN / 2)
        stopping = self.engine.tasks.start(self.units.stop_drivers(), "stop drivers")
        await self.units.stop_remotes()
        await stopping
        for peer in list(self.engine.core.peers.values()):
            self.engine.part(peer)  # routers that link to us wait for nothing
        await self._drain(left)
        await undiscovered
        await unmanaged

    async def _drain(self, seconds: float) -> float:
        """Let go out what waits for the clients, for some seconds at most; how long it took."""
        peers = self.engine.core.peers
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if all(peer.outbox.empty for peer in peers.values()):
                break
            await asyncio.sleep(0.01)
        return passed

    async def _close(self) -> None:
        self.parts.draining = True  # it may not have been told to stop: a start that failed, a task that was cancelled
        self.parts.observatory.stop()
        for listener in self.parts.listeners.values():
            listener.stop()
        if self._beside is not None:
            self._beside.stop()
        await self.discovered.stop()
        await self.managing.stop()
        self.units.kill_drivers()
        await self.units.stop_drivers()
        await self.units.stop_remotes()
        if self.parts.recorder is not None:
            self.parts.recorder.stop()
        for peer in list(self.engine.core.peers.values()):
            self.engine.end(peer, "shutdown", "the router stops")
        self.parts.web.close()
        if self.parts.recorder is not None:
            await asyncio.to_thread(self.parts.recorder.finish)
        await self.services.stop()
        await self.engine.close()
        await close_guardian()
        if self._beside is not None:
            self._beside.finish()

    # Signals

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal, number)
        if self.launch.reread is not None:
            loop.add_signal_handler(signal.SIGHUP, self.reload.begin)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal is closed, without nohup
            loop.add_signal_handler(signal.SIGHUP, self._on_stop_signal, signal.SIGHUP)

    def _on_stop_signal(self, number: int) -> None:
        self._signals += 1
        name = signal.Signals(number).name
        if self._signals == 1:
            _logger.info("%s: stopping", name, extra={"event": "stopping"})
            self.shutdown()
        else:
            _logger.warning("%s again: ending all drivers at once", name, extra={"event": "killing"})
            self._status = 1
            self.units.kill_drivers()
