"""Remotes that discovery finds: linked as they appear, let go as they vanish; those of the configuration stay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from inditree.config import Discovery, Remote
from inditree.discovery.own import Place
from inditree.server.units import Units
from inditree.transport.engine import Engine
from inditree.transport.remote import RemoteLink

if TYPE_CHECKING:
    from inditree.discovery.dns import DnsDiscovery
    from inditree.discovery.docker import DockerDiscovery

_logger = logging.getLogger("inditree.discovery")


class Discovered:
    """The remotes of each source of discovery (`docker`, `dns`).

    One that an operator removed stays removed until it vanishes and appears again, or is found with other settings.
    """

    def __init__(self, engine: Engine, units: Units) -> None:
        self._engine = engine
        self._units = units
        self._linked: dict[str, dict[str, RemoteLink]] = {}
        self._turn = asyncio.Lock()
        self._sources: list[DockerDiscovery | DnsDiscovery] = []
        self._stopped = False

    def start(self, discovery: Discovery, places: Callable[[], list[Place]]) -> None:
        """Start what the configuration asks for. `places`: where we listen now. Raises ConfigError."""
        if discovery.docker is not None:
            from inditree.discovery.docker import DockerDiscovery

            docker = DockerDiscovery(discovery.docker, lambda found: self.update("docker", found))
            docker.start()
            self._sources.append(docker)
        if discovery.dns:
            from inditree.discovery.dns import DnsDiscovery

            dns = DnsDiscovery(discovery.dns, lambda found: self.update("dns", found), places)
            dns.start(self._engine.tasks)
            self._sources.append(dns)

    async def stop(self) -> None:
        """Link nothing more; again is harmless."""
        self._stopped = True
        await asyncio.gather(*(each.stop() for each in self._sources))

    def update(self, source: str, remotes: dict[str, Remote]) -> None:
        """Take the whole list of what a source finds now, in place of its last one."""
        self._engine.tasks.start(self._apply(source, dict(remotes)), f"discovery {source}")

    async def _apply(self, source: str, remotes: dict[str, Remote]) -> None:
        async with self._turn:  # one list after the other
            if self._stopped:
                return
            linked = self._linked.setdefault(source, {})
            for name, link in [(name, link) for name, link in linked.items() if remotes.get(name) != link.config]:
                del linked[name]
                if self._units.has(link):  # else the API removed it, and the name may be another's
                    await self._units.remove_remote(link)
                    _logger.info("%s: %s is gone", source, name, extra={"event": "undiscovered", "remote": name})
            for name, each in remotes.items():
                if name in linked or self._stopped:  # it may have begun to stop while a link ended
                    continue
                if name in self._units.remotes:
                    _logger.warning("%s: %s is linked already by that name", source, name, extra={"remote": name})
                    continue
                linked[name] = self._units.add_remote(each)
                _logger.info("%s: found %s", source, name, extra={"event": "discovered", "remote": name})
