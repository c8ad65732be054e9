"""Changes while it runs: from the HTTP API, and from a configuration that was read anew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from inditree import config as configuration
from inditree.config import Changes, Config, Difference, Listen, compare
from inditree.errors import ConfigError, StartError
from inditree.ops.model import ControlError
from inditree.runtime.listener import Listener

if TYPE_CHECKING:
    from inditree.runtime.engine import Engine
    from inditree.runtime.remote import RemoteLink
    from inditree.server.units import DriverUnit, Units

_logger = logging.getLogger("inditree.control")

NEEDS_RESTART = frozenset({"definitions", "name", "discovery", "limits", "audit"})
"""Sections that are read at start only; of `http` the address is."""


class Control:
    """The part of the server that changes it."""

    config: Config
    engine: Engine
    units: Units
    listeners: dict[str, Listener]

    def _bind(self, entry: Listen) -> Listener:
        raise NotImplementedError

    def _take_over(self, new: Config) -> None:
        """Apply what is neither a list nor in NEEDS_RESTART. Raises ConfigError where nothing was changed."""
        raise NotImplementedError

    # Drivers

    async def add_driver(self, entry: dict[str, Any]) -> str:
        """Start a driver; its name."""
        try:
            config = configuration.driver(entry, taken=set(self.units.drivers))
            self.units.add_driver(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a driver {entry.get('name')!r}") from None
        return config.name

    def _driver(self, name: str) -> DriverUnit:
        try:
            return self.units.drivers[name]
        except KeyError:
            raise ControlError(404, f"there is no driver {name!r}") from None

    async def remove_driver(self, name: str) -> None:
        """End a driver and forget it."""
        self._driver(name)
        await self.units.remove_driver(name)

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
        try:
            config = configuration.remote(entry)
            self.units.add_remote(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a remote {entry.get('name')!r}") from None
        return config.name

    def _remote(self, name: str) -> RemoteLink:
        try:
            return self.units.remotes[name]
        except KeyError:
            raise ControlError(404, f"there is no remote {name!r}") from None

    async def remove_remote(self, name: str) -> None:
        """End a link and forget it."""
        self._remote(name)
        await self.units.remove_remote(name)

    async def restart_remote(self, name: str) -> None:
        """Link anew."""
        remote = self._remote(name)
        await remote.stop()
        remote.start()

    async def stop_remote(self, name: str) -> None:
        """End a link until it is started again."""
        await self._remote(name).stop()

    async def start_remote(self, name: str) -> None:
        """Link again."""
        self._remote(name).start()

    # A new configuration

    async def apply(self, new: Config) -> None:
        """Touch only what changed in the file; what the API added stays. Raises before anything was changed."""
        if new.http.listen != self.config.http.listen:
            _logger.warning("http.listen takes effect at the next start")
            new = msgspec.structs.replace(new, http=msgspec.structs.replace(new.http, listen=self.config.http.listen))
        changes = compare(self.config, new)
        self._take_over(new)
        fresh = self._bind_new(changes.listen)
        later = sorted(NEEDS_RESTART.intersection(changes.sections))
        if later:
            _logger.warning("changed, but takes effect at the next start: %s", ", ".join(later))
        self._apply_listeners(changes.listen, fresh)
        await self._apply_drivers(changes)
        await self._apply_remotes(changes)
        self.config = msgspec.structs.replace(new, **{key: getattr(self.config, key) for key in later})
        what = "nothing changed" if not changes else _told(changes)
        _logger.info("configuration read again: %s", what, extra={"event": "reloaded"})

    def _bind_new(self, difference: Difference[Listen]) -> list[Listener]:
        """New listeners whose address is free now; a port that is taken changes nothing."""
        fresh: list[Listener] = []
        try:
            for entry in difference.added:
                listener = Listener(self.engine, entry, self.config.limits.connections_per_address)
                listener.bind()
                fresh.append(listener)
        except (StartError, ConfigError):
            for listener in fresh:
                listener.stop()
            raise
        return fresh

    def _apply_listeners(self, difference: Difference[Listen], fresh: list[Listener]) -> None:
        for name in difference.removed:
            self._close_listener(name)
        for entry in difference.changed:
            self._close_listener(entry.name)
            listener = self._bind(entry)
            listener.start()
        for listener in fresh:
            self.listeners[listener.config.name] = listener
            listener.start()

    def _close_listener(self, name: str) -> None:
        listener = self.listeners.pop(name)
        listener.stop()
        for stream in list(listener.streams):
            self.engine.end(stream.peer, "shutdown", f"listener {name} was changed")

    async def _apply_drivers(self, changes: Changes) -> None:
        difference = changes.drivers
        for name in [*difference.removed, *(entry.name for entry in difference.changed)]:
            if name in self.units.drivers:
                await self.units.remove_driver(name)
        for entry in (*difference.added, *difference.changed):
            if entry.name in self.units.drivers:
                _logger.warning("driver %s: the name was taken through the API, that one stays", entry.name)
            else:
                self.units.add_driver(entry)

    async def _apply_remotes(self, changes: Changes) -> None:
        difference = changes.remotes
        for name in [*difference.removed, *(entry.name for entry in difference.changed)]:
            if name in self.units.remotes:
                await self.units.remove_remote(name)
        for entry in (*difference.added, *difference.changed):
            if entry.name not in self.units.remotes:
                self.units.add_remote(entry)


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
