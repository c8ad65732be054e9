"""Changes while it runs: from the HTTP API, and from a configuration that was read anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from inditree import config as configuration
from inditree.config import Changes, Config, Difference, Driver, Launch, Listen, Remote, compare, complete
from inditree.errors import ConfigError, InditreeError
from inditree.ops import logs
from inditree.ops.model import ControlError
from inditree.server.exchange import Exchange
from inditree.transport.listener import Listener

if TYPE_CHECKING:
    from inditree.server.services import Services
    from inditree.server.units import DriverUnit, Units
    from inditree.transport.engine import Engine
    from inditree.transport.remote import RemoteLink

_Named = TypeVar("_Named", Driver, Remote)
_logger = logging.getLogger("inditree.control")

NEEDS_RESTART = frozenset({"definitions", "name", "discovery", "limits", "audit"})
"""Sections that are read at start only; of `http` the address is."""


class Control:
    """The part of the server that changes it."""

    config: Config
    launch: Launch
    engine: Engine
    units: Units
    services: Services
    listeners: dict[str, Listener]
    draining: bool
    _reloading: asyncio.Lock

    def _refuse_if_stopping(self) -> None:
        if self.draining:
            raise ControlError(409, "the router is stopping")

    # Drivers

    async def add_driver(self, entry: dict[str, Any]) -> str:
        """Start a driver; its name."""
        self._refuse_if_stopping()
        try:
            config = configuration.driver(entry, taken=set(self.units.drivers))
            self.units.add_driver(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a driver {config.name!r}") from None
        return config.name

    def _driver(self, name: str) -> DriverUnit:
        self._refuse_if_stopping()
        unit = self.units.drivers.get(name)
        if unit is None:
            raise ControlError(404, f"there is no driver {name!r}")
        if unit.supervisor.retired:
            raise ControlError(409, f"driver {name!r} is being removed")
        return unit

    async def remove_driver(self, name: str) -> None:
        """End a driver and forget it."""
        await self.units.remove_driver(self._driver(name))

    async def restart_driver(self, name: str) -> None:
        """End a driver and start it again."""
        self._driver(name).supervisor.restart()

    async def stop_driver(self, name: str) -> None:
        """End a driver until it is started again."""
        self._driver(name).supervisor.begin_stop()

    async def start_driver(self, name: str) -> None:
        """Start a driver that was stopped, has failed or waits."""
        self._driver(name).supervisor.start()

    # Remotes

    async def add_remote(self, entry: dict[str, Any]) -> str:
        """Link to a server; the link's name."""
        self._refuse_if_stopping()
        try:
            config = configuration.remote(entry)
            self.units.add_remote(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a remote {config.name!r}") from None
        return config.name

    def _remote(self, name: str) -> RemoteLink:
        self._refuse_if_stopping()
        try:
            return self.units.remotes[name]
        except KeyError:
            raise ControlError(404, f"there is no remote {name!r}") from None

    async def remove_remote(self, name: str) -> None:
        """End a link and forget it."""
        await self.units.remove_remote(self._remote(name))

    async def restart_remote(self, name: str) -> None:
        """Link anew."""
        remote = self._remote(name)
        await remote.stop()
        if self._remote(name) is remote:  # it may have been removed meanwhile
            remote.start()

    async def stop_remote(self, name: str) -> None:
        """End a link until it is started again."""
        await self._remote(name).stop()

    async def start_remote(self, name: str) -> None:
        """Link again."""
        self._remote(name).start()

    # Who connected to us

    async def close_client(self, name: str) -> None:
        """End the connection of one of `clients`, a link's too. It may come back."""
        peer = next((p for p in self.engine.core.peers.values() if str(p.id) == name and p.policy.listener), None)
        if peer is None:
            raise ControlError(404, f"there is no client {name!r}")
        self.engine.end(peer, "shutdown", "closed by an operator")

    # A new configuration

    async def reload(self) -> bool:
        """Read the configuration anew and apply what changed in it.

        False: nothing was changed, because it is broken or the router is stopping.
        """
        async with self._reloading:
            if self.draining:
                return False
            self.reopen()
            if self.launch.reread is None:
                return True
            try:
                await self.apply(complete(self.launch.reread()))
            except (InditreeError, OSError) as error:
                _logger.error("not reloaded, nothing changed: %s", error, extra={"event": "reload_failed"})
                return False
            return True

    def reopen(self) -> None:
        """Files that were moved away are opened anew, certificates are read again."""
        self.services.reopen()
        self.renew_certificates()

    def certificate_files(self) -> list[str]:
        """What the listeners' certificates are made of. Links read theirs at each connection."""
        entries = [listener.config.tls for listener in self.listeners.values()]
        return [file for tls in entries if tls for file in (tls.cert, tls.key, tls.client_ca) if file]

    def renew_certificates(self) -> None:
        """Read the listeners' certificates again. One that is wrong is said, and the old one stays."""
        for listener in self.listeners.values():
            if listener.config.tls is None:
                continue
            name = listener.config.name
            try:
                listener.load_certificates()
            except ConfigError as error:
                extra = {"event": "certificates_kept"}
                _logger.error("listener %s keeps its certificates: %s", name, error, extra=extra)
            else:
                _logger.info("listener %s: certificates read again", name, extra={"event": "certificates"})

    async def apply(self, new: Config) -> None:
        """Touch only what changed in the file; what the API added stays. Raises before anything was changed."""
        if new.http.listen != self.config.http.listen:
            _logger.warning("http.listen takes effect at the next start")
            new = msgspec.structs.replace(new, http=msgspec.structs.replace(new.http, listen=self.config.http.listen))
        changes = compare(self.config, new)
        exchange = Exchange(self.listeners, changes.listen, self._listener)
        try:
            self._take_over(new)
        except ConfigError:
            exchange.cancel()
            raise
        left = exchange.commit()
        # At once: where what follows breaks off, the next reload must not look for listeners that are gone.
        old, self.config = self.config, msgspec.structs.replace(self.config, listen=new.listen)
        for listener in left:
            for stream in list(listener.streams):
                self.engine.end(stream.peer, "shutdown", f"listener {listener.config.name} was changed")
        later = sorted(NEEDS_RESTART.intersection(changes.sections))
        if later:
            _logger.warning("changed, but takes effect at the next start: %s", ", ".join(later))
        await self._apply_drivers(old.drivers, changes.drivers)
        await self._apply_remotes(old.remotes, changes.remotes)
        self.config = msgspec.structs.replace(new, **{key: getattr(self.config, key) for key in later})
        what = "nothing changed" if not changes else _told(changes)
        _logger.info("configuration read again: %s", what, extra={"event": "reloaded"})

    def _take_over(self, new: Config) -> None:
        """Apply what is neither a list nor in NEEDS_RESTART. Raises ConfigError where nothing was changed."""
        self.services.apply(new)
        if self.launch.signals and new.log != self.config.log:
            logs.setup(new.log)

    def _listener(self, entry: Listen) -> Listener:
        return Listener(self.engine, entry, self.config.limits.connections_per_address)

    async def _apply_drivers(self, old: Sequence[Driver], difference: Difference[Driver]) -> None:
        for entry in _gone(old, difference):
            unit = self.units.drivers.get(entry.name)
            if unit is not None and unit.config == entry:  # else the API or discovery has put another in its place
                await self.units.remove_driver(unit)
        for entry in (*difference.added, *difference.changed):
            if self.draining:
                return  # it began to stop while a driver ended
            if entry.name not in self.units.drivers:
                self.units.add_driver(entry)
            elif self.units.drivers[entry.name].config != entry:
                _logger.warning("driver %s: the name was taken through the API, that one stays", entry.name)

    async def _apply_remotes(self, old: Sequence[Remote], difference: Difference[Remote]) -> None:
        for entry in _gone(old, difference):
            link = self.units.remotes.get(entry.name)
            if link is not None and link.config == entry:
                await self.units.remove_remote(link)
        for entry in (*difference.added, *difference.changed):
            if self.draining:
                return
            if entry.name not in self.units.remotes:
                self.units.add_remote(entry)
            elif self.units.remotes[entry.name].config != entry:
                _logger.warning("remote %s: the name was taken otherwise, that one stays", entry.name)


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
