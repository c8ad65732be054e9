"""The drivers and links that the Web Manager has started, and may therefore stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from inditree import config as configuration
from inditree.config import Driver, Remote, words
from inditree.config.words import unique
from inditree.supervise import ENDED, State
from inditree.transport.remote import RemoteLink
from inditree.webmanager.catalogue import Known, Unit
from inditree.webmanager.installed import Entry

MAX_LINKS = 64
"""Links that are there at once because they were asked for here: each looks its name up and connects, for ever."""

START_TIMEOUT = 10.0
"""Seconds that an answer waits for drivers to be started once, or to end before they are."""

_UNDER_WAY = (State.STARTING, State.STOPPING)
_logger = logging.getLogger("inditree.webmanager")


class Units(Protocol):
    """The router's drivers and links by name."""

    @property
    def drivers(self) -> Mapping[str, Unit]: ...
    @property
    def remotes(self) -> Mapping[str, RemoteLink]: ...
    def add_driver(self, config: Driver) -> Unit: ...
    async def remove_driver(self, unit: Any) -> None: ...
    def add_remote(self, config: Remote) -> RemoteLink: ...
    async def remove_remote(self, remote: RemoteLink) -> None: ...


class Running:
    """Drivers by label and links by what they were called. Calls that change something come one after the other."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._drivers: dict[str, tuple[Known, Unit]] = {}  # all that were asked for, whoever made them
        self._made: set[str] = set()  # of these: units of our own
        self._woken: set[str] = set()  # of these: others' units that stood still
        self._links: dict[str, RemoteLink] = {}
        self._made_links: set[str] = set()

    @property
    def any(self) -> bool:
        """Says whether something was started here that is not ended yet."""
        return bool(self._made or self._woken or self._made_links)

    def others(self) -> list[Unit]:
        """The router's drivers that the Web Manager did not make."""
        ours = [unit for label, (_, unit) in self._drivers.items() if label in self._made]
        return [unit for unit in self._units.drivers.values() if all(unit is not each for each in ours)]

    def drivers(self) -> list[tuple[Entry, bool, Unit]]:
        """Give each driver that was asked for and is there: what it is, whether it is a custom one, and its unit."""
        return [(each.entry, each.custom, unit) for each, unit in self._drivers.values() if self._is_there(unit)]

    def links(self) -> list[tuple[str, RemoteLink]]:
        """Give each link that was asked for and is there, by what it was called."""
        return [(text, link) for text, link in self._links.items() if self._is_linked(link)]

    def ours(self, label: str) -> bool:
        """Says whether the Web Manager has started it, so that it may end it."""
        return label in self._made or label in self._woken

    # Starting

    def run(self, label: str, known: Known) -> Unit | None:
        """Have a driver run; None where it is being removed by somebody else."""
        if label in self._drivers and not self._is_there(self._drivers[label][1]):
            self._forget(label)
        if label not in self._drivers and not self._adopt(label, known):
            return None
        unit = self._drivers[label][1]
        if unit.supervisor.state in (*ENDED, State.BACKOFF):
            unit.supervisor.start()
        return unit

    def _adopt(self, label: str, known: Known) -> bool:
        unit: Unit | None = known.unit
        if unit is None:
            unit = self._units.add_driver(_config(known.entry, self._units.drivers))
            self._made.add(label)
        elif unit.supervisor.retired:
            return False
        elif unit.supervisor.state in ENDED:
            self._woken.add(label)
        self._drivers[label] = (known, unit)
        return True

    def link(self, text: str) -> None:
        """Have a link, unless there is one to that place. Raises ValueError, ConfigError where it names none."""
        if text in self._links and self._is_linked(self._links[text]):
            return
        word = words.remote(text)
        entry = {"host": word.host, "port": word.port} | ({"device": word.device} if word.device else {})
        wanted = configuration.remote(entry)
        for each in self._units.remotes.values():
            if (each.config.host, each.config.port, each.config.device) == (wanted.host, wanted.port, wanted.device):
                self._links[text] = each
                return
        if sum(self._is_linked(self._links[each]) for each in self._made_links) >= MAX_LINKS:
            raise ValueError(f"{MAX_LINKS} links were started here already")
        self._links[text] = self._units.add_remote(wanted)
        self._made_links.add(text)

    async def started(self, units: Iterable[Unit]) -> None:
        """Wait until each was started once, whatever became of it, for START_TIMEOUT at most."""
        end = time.monotonic() + START_TIMEOUT
        waiting = list(units)
        while any(unit.supervisor.state in _UNDER_WAY for unit in waiting):
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.01)

    # Ending

    async def end(self, label: str) -> None:
        """End a driver that the Web Manager has started; another one is only no longer asked for."""
        unit, made, woken = self._drivers[label][1], label in self._made, label in self._woken
        if made and self._is_there(unit):
            await self._units.remove_driver(unit)
        elif woken and self._is_there(unit):
            await unit.supervisor.stop()
        self._forget(label)

    def _forget(self, label: str) -> None:
        del self._drivers[label]
        self._made.discard(label)
        self._woken.discard(label)

    async def unlink(self, text: str) -> None:
        """End a link that the Web Manager has made; another one is only no longer asked for."""
        link = self._links.pop(text)
        if text in self._made_links:
            self._made_links.discard(text)
            if self._is_linked(link):
                await self._units.remove_remote(link)

    async def end_others(self, labels: Collection[str] = (), texts: Collection[str] = ()) -> None:
        """End all but these."""
        ending = [self.end(label) for label in list(self._drivers) if label not in labels]
        unlinking = [self.unlink(text) for text in list(self._links) if text not in texts]
        await asyncio.gather(*ending, *unlinking)

    def has_link(self, text: str) -> bool:
        """Says whether this link was asked for."""
        return text in self._links

    def _is_there(self, unit: Unit) -> bool:
        return self._units.drivers.get(unit.config.name) is unit

    def _is_linked(self, link: RemoteLink) -> bool:
        return self._units.remotes.get(link.config.name) is link


def _config(entry: Entry, taken: Collection[str]) -> Driver:
    """A unit as the label asks for it: most drivers call their device what INDIDEV says, those of many do not."""
    env = {} if entry.mdpd else {"INDIDEV": entry.label}
    if entry.skeleton is not None:
        env["INDISKEL"] = entry.skeleton
    name = unique(entry.label.replace("/", "-"), taken)
    return Driver(name=name, label=entry.label, exec=(entry.program,), env=env)
