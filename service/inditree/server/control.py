"""The calls of the HTTP API: what an operator can ask of a router while it runs."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Any

from inditree import config as configuration
from inditree.commands import Outcome
from inditree.commands.making import CommandError, made
from inditree.errors import ConfigError
from inditree.ops.control import ControlError, DeviceSource, Sample
from inditree.ops.model import ClientRow, InterlockRow, ReactionRow, Readiness, RecordRow, Status
from inditree.server.parts import Parts
from inditree.server.report import Report
from inditree.server.sender import Sender
from inditree.server.units import DriverUnit
from inditree.transport.remote import RemoteLink
from inditree.view.fold import read


class Control:
    """Shows a router and changes it. The async calls raise ControlError."""

    def __init__(self, parts: Parts, report: Report) -> None:
        self._parts = parts
        self._units = parts.units
        self._report = report

    # What it shows

    def snapshot(self, shown: Callable[[str], bool] = bool) -> Status:
        """The whole router; `shown` says which devices have rows."""
        return self._report.status(shown)

    def readiness(self) -> Readiness:
        """The answer of /readyz."""
        return self._report.readiness()

    def clients(self, shown: Callable[[str], bool] = bool) -> tuple[ClientRow, ...]:
        """Lists who connected to us; only devices that are `shown` are named."""
        return self._report.clients(shown)

    def interlocks(self) -> tuple[InterlockRow, ...]:
        """Each with what it comes to now."""
        return self._report.interlocks()

    def reactions(self) -> tuple[ReactionRow, ...]:
        """Each with its state and what it waits for."""
        return self._parts.observatory.reactions()

    async def run_reaction(self, name: str) -> None:
        """Carry out the steps of a reaction now."""
        self._refuse_if_stopping()
        self._parts.observatory.run(name)

    async def reset_reaction(self, name: str) -> None:
        """Arm a reaction again."""
        self._refuse_if_stopping()
        self._parts.observatory.reset(name)

    def sample(self) -> Sample:
        """A sample of everything that the metrics show."""
        return self._report.sample()

    def device(self, name: str) -> DeviceSource:
        """One device. Raises KeyError."""
        return self._report.device(name)

    def record(self) -> RecordRow | None:
        """The record, None where nothing is recorded."""
        return self._report.record()

    def _refuse_if_stopping(self) -> None:
        if self._parts.draining:
            raise ControlError(409, "the router is stopping")

    # Devices

    async def refresh_device(self, name: str) -> None:
        """Ask a driver for all definitions of a device; clients hear what differs."""
        self._refuse_if_stopping()
        core = self._parts.engine.core
        owner = core.ownership.owners.get(name)
        if owner is None:
            raise ControlError(404, f"there is no device {name!r}")
        self._parts.engine.begin()
        if not core.refresh(name):
            raise ControlError(409, f"device {name!r} is at another router ({owner.name}): refresh it there")
        self._parts.engine.flush()

    def command(self, device: str, property: str, values: Mapping[str, str], caller: str) -> Future[Outcome]:
        """Send a command; how it ends."""
        self._refuse_if_stopping()
        known = self._parts.engine.core.view.find(device, property)
        root = read(known.current()) if known is not None else None
        if root is None:
            raise ControlError(404, f"there is no property {device}.{property}")
        try:
            asked, data = made(root, values)
        except CommandError as error:
            raise ControlError(400, str(error)) from None
        sender = Sender(self._parts.engine, "http", address=caller, listener="http")
        ended = sender.send(asked, data)
        ended.add_done_callback(lambda _: sender.close())
        return ended

    # Drivers

    async def add_driver(self, entry: dict[str, Any]) -> str:
        """Start a driver; its name."""
        self._refuse_if_stopping()
        try:
            config = configuration.driver(entry, taken=set(self._units.drivers))
            self._units.add_driver(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a driver {config.name!r}") from None
        return config.name

    def _driver(self, name: str) -> DriverUnit:
        self._refuse_if_stopping()
        unit = self._units.drivers.get(name)
        if unit is None:
            raise ControlError(404, f"there is no driver {name!r}")
        if unit.supervisor.retired:
            raise ControlError(409, f"driver {name!r} is being removed")
        return unit

    async def remove_driver(self, name: str) -> None:
        """End a driver and forget it."""
        await self._units.remove_driver(self._driver(name))

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
            self._units.add_remote(config)
        except ConfigError as error:
            raise ControlError(400, str(error)) from None
        except KeyError:
            raise ControlError(409, f"there is a remote {config.name!r}") from None
        return config.name

    def _remote(self, name: str) -> RemoteLink:
        self._refuse_if_stopping()
        try:
            return self._units.remotes[name]
        except KeyError:
            raise ControlError(404, f"there is no remote {name!r}") from None

    async def remove_remote(self, name: str) -> None:
        """End a link and forget it."""
        await self._units.remove_remote(self._remote(name))

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
        peer = next(
            (p for p in self._parts.engine.core.peers.values() if str(p.id) == name and p.policy.listener), None
        )
        if peer is None:
            raise ControlError(404, f"there is no client {name!r}")
        self._parts.engine.end(peer, "shutdown", "closed by an operator")
