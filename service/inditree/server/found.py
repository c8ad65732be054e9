"""Remotes that discovery finds: linked as they appear, let go as they vanish; those of the configuration stay."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from inditree.config import Config, Remote
from inditree.discovery.own import Place
from inditree.runtime.engine import Engine
from inditree.runtime.remote import RemoteLink
from inditree.server.units import Units

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

    def take(self, source: str, remotes: dict[str, Remote]) -> None:
        """This is all that a source finds now."""
        self._engine.tasks.start(self._apply(source, dict(remotes)), f"discovery {source}")

    async def _apply(self, source: str, remotes: dict[str, Remote]) -> None:
        async with self._turn:  # one list after the other
            linked = self._linked.setdefault(source, {})
            for name, link in [(name, link) for name, link in linked.items() if remotes.get(name) != link.config]:
                del linked[name]
                if self._units.has(link):  # else the API removed it, and the name may be another's
                    await self._units.remove_remote(link)
                    _logger.info("%s: %s is gone", source, name, extra={"event": "undiscovered", "remote": name})
            for name, each in remotes.items():
                if name in linked:
                    continue
                if name in self._units.remotes:
                    _logger.warning("%s: %s is linked already by that name", source, name, extra={"remote": name})
                    continue
                linked[name] = self._units.add_remote(each)
                _logger.info("%s: found %s", source, name, extra={"event": "discovered", "remote": name})


def start(config: Config, engine: Engine, units: Units, places: list[Place]) -> list[DockerDiscovery | DnsDiscovery]:
    """Start what the configuration asks for; gives what is to be stopped. Raises ConfigError."""
    discovered = Discovered(engine, units)
    running: list[DockerDiscovery | DnsDiscovery] = []
    if config.discovery.docker is not None:
        from inditree.discovery.docker import DockerDiscovery

        docker = DockerDiscovery(config.discovery.docker, lambda found: discovered.take("docker", found))
        docker.start()
        running.append(docker)
    if config.discovery.dns:
        from inditree.discovery.dns import DnsDiscovery

        dns = DnsDiscovery(config.discovery.dns, lambda found: discovered.take("dns", found), lambda: places)
        dns.start(engine.tasks)
        running.append(dns)
    return running
