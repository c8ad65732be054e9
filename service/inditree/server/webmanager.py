"""Ekos' Web Manager as a part of the router: made where the configuration has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from inditree.config import Config
from inditree.core import Peer
from inditree.ops.control import Definition
from inditree.ops.detail import newest
from inditree.server.parts import Parts
from inditree.server.services import Services
from inditree.transport.remote import RemoteLink

if TYPE_CHECKING:
    from inditree.webmanager.service import WebManager

_logger = logging.getLogger("inditree.control")


class WebManaging:
    """Holds a Web Manager, or none."""

    def __init__(self, parts: Parts, services: Services) -> None:
        self._parts = parts
        self._services = services
        self._manager: WebManager | None = None

    def bind(self) -> None:
        """Take its port and read its profiles. Raises StartError, ConfigError."""
        config = self._parts.config.webmanager
        if config is None or config.address is None:
            return
        # Imported where it is wanted: half of the memory of a router with nothing to do.
        from inditree.webmanager.manager import Manager
        from inditree.webmanager.service import WebManager

        manager = Manager(config, self._parts.units, self._ports, lambda: self._parts.draining, self._connect)
        self._manager = WebManager(
            config,
            manager,
            self._devices,
            self._services.audit_change,
            self._parts.engine.tasks,
            self._parts.config.name,
        )
        self._manager.bind()

    async def start(self) -> None:
        """Answer. Raises StartError."""
        if self._manager is not None:
            await self._manager.start()

    def prepare(self, new: Config) -> tuple[Config, Callable[[], None]]:
        """Give the configuration with what needs a new start as it is, and what applies the rest.

        Raises ConfigError: then nothing has changed.
        """
        old, wanted = self._parts.config.webmanager, new.webmanager
        if (old.listen if old else None) != (wanted.listen if wanted else None):
            _logger.warning("webmanager.listen takes effect at the next start")
            wanted = msgspec.structs.replace(wanted, listen=old.listen) if old and wanted else old
            new = msgspec.structs.replace(new, webmanager=wanted)
        if self._manager is None or wanted is None or wanted == old:
            return new, _nothing
        return new, self._manager.prepare(wanted)

    async def stop(self) -> None:
        """Close the port; again is harmless."""
        if self._manager is not None:
            await self._manager.stop()

    def _connect(self, units: Sequence[Any], links: Sequence[RemoteLink]) -> None:
        """Have the devices of these drivers and links connected when they appear, and no others any more."""

        def owns(peer: Peer) -> bool:
            return any(peer in unit.peers for unit in units) or any(peer is link.peer for link in links)

        self._parts.observatory.connect(owns if units or links else None)

    def _ports(self) -> list[int]:
        return [each.port for each in self._parts.listeners.values() if each.config.tcp is not None]

    async def _devices(self) -> list[tuple[str, bool]]:
        """Lists all devices that can be connected, and whether they are."""
        core = self._parts.engine.core
        found = [
            (device, Definition(device, each.name, each.definition, each.pending))
            for device in core.ownership.owners
            for _, each in core.view.matching(device, "CONNECTION")
        ]
        return await asyncio.to_thread(lambda: [(device, _is_connected(each)) for device, each in found])


def _is_connected(source: Definition) -> bool:
    definition = newest(source)
    if definition is None:
        return False
    return any(each.get("name") == "CONNECT" and (each.text or "").strip() == "On" for each in definition)


def _nothing() -> None:
    pass
