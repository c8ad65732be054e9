"""The router's drivers and links by name: started, ended, replaced."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from inditree.config import Driver, Remote, Restart
from inditree.config.words import unique
from inditree.core import Peer
from inditree.programs.driver import ExecDriver
from inditree.programs.supervisor import Supervisor
from inditree.python.inprocess import PythonDriver
from inditree.transport.engine import Engine
from inditree.transport.remote import RemoteLink

_logger = logging.getLogger("inditree.router")


class DriverUnit(Protocol):
    """A supervised driver, in a process of its own or in ours."""

    config: Driver
    supervisor: Supervisor

    @property
    def kind(self) -> str: ...
    @property
    def stderr_lines(self) -> int: ...
    @property
    def peers(self) -> Sequence[Peer]: ...


class Units:
    """`drivers` and `remotes` by name, in the order in which they came."""

    def __init__(self, engine: Engine, on_change: Callable[[], None]) -> None:
        self.drivers: dict[str, DriverUnit] = {}
        self.remotes: dict[str, RemoteLink] = {}
        self._engine = engine
        self._on_change = on_change

    def add_driver(self, config: Driver, made: Sequence[Any] | None = None) -> DriverUnit:
        """Start it; raises KeyError where the name is taken. `made`: what its factory gave, for its first run."""
        if config.name in self.drivers:
            raise KeyError(config.name)
        unit: DriverUnit
        if config.exec is not None:
            unit = ExecDriver(self._engine, config, self._changed)
        else:
            unit = PythonDriver(self._engine, config, self._changed, made)
        self.drivers[config.name] = unit
        unit.supervisor.start()
        return unit

    def add_object(self, driver: Any, taken: Collection[str] = ()) -> DriverUnit:
        """Run an IPyDriver object, by a name that is not `taken`.

        It runs once: where it fails there is nothing to make a new one from.
        """
        kind = type(driver)
        name = unique(next(iter(driver), kind.__name__), {*self.drivers, *taken})
        restart = Restart(policy="on-failure", max_restarts=0)
        config = Driver(name=name, python=f"{kind.__module__}:{kind.__qualname__}", restart=restart)
        unit = self.drivers[name] = PythonDriver(self._engine, config, self._changed, [driver], once=True)
        unit.supervisor.start()
        return unit

    def _changed(self, supervisor: Supervisor) -> None:
        self._on_change()

    def has(self, unit: DriverUnit | RemoteLink) -> bool:
        """Says whether it is still here: its name alone may be another's by now."""
        return any(each is unit for each in (*self.drivers.values(), *self.remotes.values()))

    async def remove_driver(self, unit: DriverUnit) -> None:
        """End it and forget it."""
        name = unit.config.name
        if not await unit.supervisor.retire():
            _logger.error("%s: cannot be ended", name, extra={"driver": name, "event": "unkillable"})
        if self.drivers.get(name) is unit:
            del self.drivers[name]

    def add_remote(self, config: Remote) -> RemoteLink:
        """Link to it; raises KeyError where the name is taken."""
        if config.name in self.remotes:
            raise KeyError(config.name)
        remote = self.remotes[config.name] = RemoteLink(self._engine, config)
        remote.start()
        return remote

    async def remove_remote(self, remote: RemoteLink) -> None:
        """End the link and forget it."""
        if self.has(remote):
            del self.remotes[remote.config.name]
        await remote.stop()

    async def stop_drivers(self) -> None:
        """Tell all to end, in order, and wait until they have."""
        for unit in self.drivers.values():
            unit.supervisor.begin_stop()
        await asyncio.gather(*(unit.supervisor.stop() for unit in self.drivers.values()))

    def kill_drivers(self) -> None:
        """End all at once."""
        for unit in self.drivers.values():
            unit.supervisor.kill()

    async def stop_remotes(self) -> None:
        """End all links."""
        await asyncio.gather(*(remote.stop() for remote in self.remotes.values()))
