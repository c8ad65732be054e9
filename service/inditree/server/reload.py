"""A configuration that is read anew while the router runs: what changed in it is touched, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from inditree.config import Changes, Config, Difference, Driver, Listen, Remote, certificates, compare, complete
from inditree.errors import ConfigError, InditreeError
from inditree.ops import logs
from inditree.server.exchange import Exchange
from inditree.server.parts import Parts
from inditree.server.services import Services
from inditree.server.watch import FileWatch, is_mounted
from inditree.server.webmanager import WebManaging
from inditree.transport.listener import Listener

_Named = TypeVar("_Named", Driver, Remote)
_logger = logging.getLogger("inditree.control")

NEEDS_RESTART = frozenset({"definitions", "name", "discovery", "limits", "audit", "control"})
"""Sections that are read at start only; of `http` the address is, and of `limits` all but `link_hold`."""


class Reload:
    """Reads the configuration anew: when it is told to, or when a mounted file or a certificate was exchanged."""

    def __init__(self, parts: Parts, services: Services, managing: WebManaging) -> None:
        self._parts = parts
        self._managing = managing
        self._services = services
        self._turn = asyncio.Lock()  # one after the other

    def watch(self) -> None:
        """Look from now on whether the configuration (where it is mounted) or a certificate was exchanged."""
        tasks, file = self._parts.engine.tasks, self._parts.launch.file
        if file is not None and is_mounted(file):
            FileWatch(lambda: [str(file)], self.begin).start(tasks)
        FileWatch(self.certificate_files, self.renew_certificates).start(tasks)

    def begin(self) -> None:
        """Reload in a task of its own."""
        if self._parts.applied and not self._parts.draining:
            self._parts.engine.tasks.start(self.run(), "reload")

    async def run(self) -> bool:
        """Read the configuration anew and apply what changed in it.

        False: nothing was changed, because it is broken or the router is stopping.
        """
        async with self._turn:
            if self._parts.draining:
                return False
            self.reopen()
            if self._parts.launch.reread is None:
                return True
            self._parts.reload_timestamp = time.time()
            try:
                await self.apply(complete(self._parts.launch.reread()))
            except (InditreeError, OSError) as error:
                _logger.error("not reloaded, nothing changed: %s", error, extra={"event": "reload_failed"})
                self._parts.reload_refused = str(error)
                return False
            self._parts.reload_refused = None
            return True

    def reopen(self) -> None:
        """Files that were moved away are opened anew, certificates are read again."""
        self._services.reopen()
        self.renew_certificates()

    def certificate_files(self) -> list[str]:
        """The files of the listeners' certificates. Links read theirs at each connection."""
        entries = [listener.config.tls for listener in self._parts.listeners.values()]
        return [file for tls in entries if tls for file in (tls.cert, tls.key, tls.client_ca) if file]

    def renew_certificates(self) -> None:
        """Read the listeners' certificates again. One that is wrong is said, and the old one stays."""
        for listener in self._parts.listeners.values():
            if (tls := listener.config.tls) is None:
                continue
            name = listener.config.name
            try:
                for key in ("cert", "key", "client_ca"):
                    if (file := getattr(tls, key)) and (text := certificates.keeps_waiting(file)):
                        raise ConfigError(f"tls.{key}", text)
                listener.load_certificates()
            except ConfigError as error:
                extra = {"event": "certificates_kept"}
                _logger.error("listener %s keeps its certificates: %s", name, error, extra=extra)
            else:
                _logger.info("listener %s: certificates read again", name, extra={"event": "certificates"})

    async def apply(self, new: Config) -> None:
        """Touch only what changed in the file; what the API added stays. Raises before anything was changed."""
        if new.http.listen != self._parts.config.http.listen:
            _logger.warning("http.listen takes effect at the next start")
            new = msgspec.structs.replace(
                new, http=msgspec.structs.replace(new.http, listen=self._parts.config.http.listen)
            )
        if new.record.dir != self._parts.config.record.dir:
            _logger.warning("record.dir takes effect at the next start")
            new = msgspec.structs.replace(
                new, record=msgspec.structs.replace(new.record, dir=self._parts.config.record.dir)
            )
        new, manage = self._managing.prepare(new)
        changes = compare(self._parts.config, new)
        exchange = Exchange(self._parts.listeners, changes.listen, self.listener)
        try:
            self._take_over(new)
        except ConfigError:
            exchange.cancel()
            raise
        manage()
        left = exchange.commit()
        # At once: where what follows breaks off, the next reload must not look for listeners that are gone.
        old, self._parts.config = self._parts.config, msgspec.structs.replace(self._parts.config, listen=new.listen)
        for listener in left:
            self._parts.web.detach(listener)
            for stream in list(listener.streams):
                self._parts.engine.end(stream.peer, "shutdown", f"listener {listener.config.name} was changed")
        later = sorted(NEEDS_RESTART.intersection(changes.sections))
        held = msgspec.structs.replace(old.limits, link_hold=new.limits.link_hold)
        self._parts.config = msgspec.structs.replace(self._parts.config, limits=held)
        if held == new.limits and "limits" in later:
            later.remove("limits")
        if later:
            _logger.warning("changed, but takes effect at the next start: %s", ", ".join(later))
        await self._apply_drivers(old.drivers, changes.drivers)
        await self._apply_remotes(old.remotes, changes.remotes)
        self._parts.config = msgspec.structs.replace(new, **{key: getattr(self._parts.config, key) for key in later})
        what = "nothing changed" if not changes else _told(changes)
        _logger.info("configuration read again: %s", what, extra={"event": "reloaded"})

    def _take_over(self, new: Config) -> None:
        """Apply what is neither a list nor in NEEDS_RESTART. Raises ConfigError where nothing was changed."""
        self._services.apply(new)
        if self._parts.recorder is not None and new.record != self._parts.config.record:
            self._parts.recorder.apply(new.record)
        self._parts.observatory.apply(new)
        self._parts.engine.core.ride_out(new.limits.link_hold)
        if self._parts.launch.signals and new.log != self._parts.config.log:
            logs.setup(new.log)

    def listener(self, entry: Listen) -> Listener:
        """The listener of an entry of `listen`, not bound yet."""
        listener = Listener(self._parts.engine, entry, self._parts.config.limits.connections_per_address)
        self._parts.web.attach(listener)
        return listener

    async def _apply_drivers(self, old: Sequence[Driver], difference: Difference[Driver]) -> None:
        for entry in _gone(old, difference):
            unit = self._parts.units.drivers.get(entry.name)
            if unit is not None and unit.config == entry:  # else the API or discovery has put another in its place
                await self._parts.units.remove_driver(unit)
        for entry in (*difference.added, *difference.changed):
            if self._parts.draining:
                return  # it began to stop while a driver ended
            if entry.name not in self._parts.units.drivers:
                self._parts.units.add_driver(entry)
            elif self._parts.units.drivers[entry.name].config != entry:
                _logger.warning("driver %s: not added: the API has added one of that name", entry.name)

    async def _apply_remotes(self, old: Sequence[Remote], difference: Difference[Remote]) -> None:
        for entry in _gone(old, difference):
            link = self._parts.units.remotes.get(entry.name)
            if link is not None and link.config == entry:
                await self._parts.units.remove_remote(link)
        for entry in (*difference.added, *difference.changed):
            if self._parts.draining:
                return
            if entry.name not in self._parts.units.remotes:
                self._parts.units.add_remote(entry)
            elif self._parts.units.remotes[entry.name].config != entry:
                _logger.warning("remote %s: not added: there is one of that name already", entry.name)


def _gone(old: Sequence[_Named], difference: Difference[_Named]) -> list[_Named]:
    """The old entries that are removed or changed."""
    names = {*difference.removed, *(entry.name for entry in difference.changed)}
    return [entry for entry in old if entry.name in names]


def _told(changes: Changes) -> str:
    parts = []
    for word, difference in (
        ("listeners", changes.listen),
        ("drivers", changes.drivers),
        ("remotes", changes.remotes),
    ):
        names = [f"+{entry.name}" for entry in difference.added]
        names += [f"-{name}" for name in difference.removed]
        names += [f"~{entry.name}" for entry in difference.changed]
        if names:
            parts.append(f"{word} {' '.join(names)}")
    return "; ".join([*parts, *changes.sections])
