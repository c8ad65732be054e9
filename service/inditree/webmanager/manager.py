"""The calls of the Web Manager: profiles, what runs of them, and which drivers there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from inditree.config import Webmanager
from inditree.config.structs import INDI_PORT
from inditree.errors import ConfigError
from inditree.ops.control import ControlError
from inditree.supervise import ENDED, State
from inditree.transport.remote import RemoteLink
from inditree.webmanager.catalogue import Known, Unit, catalogue
from inditree.webmanager.installed import Entry, Installed
from inditree.webmanager.profiles import Custom, Profile, Store, check_text
from inditree.webmanager.running import Running, Units

_logger = logging.getLogger("inditree.webmanager")

NOT_FOUND = "Driver not found"


class Manager:
    """The Web Manager of one router. `ports` are where its INDI listeners are; `stopping`: nothing starts any more.

    `connect` is told of which drivers and links devices are to be connected when they appear, each time that changes.
    Calls raise ControlError. Raises ConfigError where the folder of the profiles cannot be used.
    """

    def __init__(
        self,
        config: Webmanager,
        units: Units,
        ports: Callable[[], list[int]],
        stopping: Callable[[], bool],
        connect: Callable[[Sequence[Unit], Sequence[RemoteLink]], None],
        installed: Installed | None = None,
    ) -> None:
        self.active = ""
        self._connects = False  # the profile that was started wants its devices connected
        self._connect = connect
        self._config = config
        self._ports = ports
        self._stopping = stopping
        self._installed = installed or Installed()
        self._turn = asyncio.Lock()
        self._units = units
        self._running = Running(units)
        self._store = Store(config.data)

    def prepare(self, config: Webmanager) -> Callable[[], None]:
        """Give what takes over a configuration that was read anew. Raises ConfigError: then nothing has changed."""
        store = self._store if config.data == self._config.data else Store(config.data)

        def take_over() -> None:
            self._config, self._store = config, store

        return take_over

    @property
    def running(self) -> bool:
        """Says whether something was started and not stopped since."""
        return bool(self.active) or self._running.any

    async def _known(self) -> dict[str, Known]:
        installed = await asyncio.to_thread(self._installed.entries)
        return catalogue(self._config.drivers, installed, self._running.others(), self._store.custom)

    # Profiles

    def profiles(self) -> list[dict[str, Any]]:
        """Lists all profiles, as indiweb shows them."""
        return [self._shown(name, each) for name, each in self._store.profiles.items()]

    def profile(self, name: str) -> dict[str, Any]:
        """Give one of them."""
        return self._shown(name, self._store.profile(name))

    def _shown(self, name: str, profile: Profile) -> dict[str, Any]:
        return {
            "id": profile.id,
            "name": name,
            "port": profile.port or next(iter(self._ports()), INDI_PORT),
            "autostart": int(profile.autostart),
            "autoconnect": int(profile.autoconnect),
            "scripts": profile.scripts,
        }

    def labels(self, name: str) -> list[dict[str, str]]:
        """Name the local drivers of a profile; a profile that is not there has none."""
        found = self._store.profiles.get(name)
        return [{"label": label} for label in found.drivers] if found else []

    def remotes(self, name: str) -> dict[str, str]:
        """Name the links of a profile in one text; the answer is empty where it has none."""
        found = self._store.profiles.get(name)
        return {"drivers": ",".join(found.remotes)} if found and found.remotes else {}

    async def add_profile(self, name: str) -> str:
        """Make it, unless it is there."""
        async with self._turn:
            await self._store.put(name, self._store.ready(name))
        return f"Profile {name} added"

    async def delete_profile(self, name: str) -> str:
        """Forget it. What runs of it goes on until Stop."""
        async with self._turn:
            await self._store.delete(name)
        return f"Profile {name} deleted"

    async def update_profile(self, name: str, data: Mapping[str, Any]) -> str:
        """Keep port, scripts, autostart and autoconnect, as far as they are given."""
        changes = _changes(data)
        async with self._turn:
            profile = msgspec.structs.replace(self._store.ready(name), **changes)
            await self._store.put(name, profile)
        return f"Profile {name} updated{self._other_port(name, profile)}"

    async def save_drivers(self, name: str, entries: list[Any]) -> str:
        """Keep which drivers it has: `{"label": L}` and `{"remote": R}`."""
        labels = _texts(entries, "label")
        texts = [each.strip() for text in _texts(entries, "remote") for each in text.split(",") if each.strip()]
        async with self._turn:
            profile = msgspec.structs.replace(
                self._store.ready(name), drivers=tuple(dict.fromkeys(labels)), remotes=tuple(dict.fromkeys(texts))
            )
            await self._store.put(name, profile)
        return f"Drivers saved for profile {name}"

    async def add_custom(self, data: Mapping[str, Any]) -> str:
        """Keep a driver that KStars has and we may not have."""
        words = {}
        for key in ("Label", "Name", "Exec", "Family", "Version"):
            value = data.get(key, "")
            if not isinstance(value, str | int | float) or (key in ("Label", "Exec") and not value):
                raise ControlError(400, f"{key}: expected text")
            words[key.lower()] = str(value)
            check_text(str(value) or "-", key)
        async with self._turn:
            await self._store.add_custom(Custom(**words))
            if words["label"] in await self._known():
                return "Custom driver saved and collection updated"
        return f"Custom driver saved; its program {words['exec']!r} is not installed here and is never run"

    # What runs

    async def start(self, name: str) -> str:
        """Have a profile's drivers run, and no others of ours; ends when each was started once."""
        async with self._turn:
            self._refuse_if_stopping()
            profile = self._store.profile(name)
            known = await self._known()
            await self._running.end_others(profile.drivers, profile.remotes)
            self._refuse_if_stopping()
            units = [self._running.run(label, known[label]) for label in profile.drivers if label in known]
            left = [
                f"{label!r} is not a driver that may be started here" for label in profile.drivers if label not in known
            ]
            left += [text for remote in profile.remotes if (text := self._link(remote))]
            self.active, self._connects = name, profile.autoconnect
            self._tell()
            await self._running.started(unit for unit in units if unit is not None)
        for text in left:
            _logger.warning("profile %s: %s", name, text, extra={"event": "profile_incomplete"})
        return "; ".join([f"INDI server started for profile {name}{self._other_port(name, profile)}", *left])

    def _link(self, text: str) -> str:
        try:
            self._running.link(text)
        except (ValueError, ConfigError) as error:
            return f"remote {text!r}: {error}"
        return ""

    async def autostart(self) -> None:
        """Start the profile that starts with the router."""
        for name, profile in self._store.profiles.items():
            if profile.autostart:
                _logger.info("profile %s starts with the router", name, extra={"event": "profile_autostart"})
                await self.start(name)
                return

    async def stop(self) -> str:
        """End what was started here, and nothing else."""
        async with self._turn:
            self.active, self._connects = "", False
            self._tell()
            await self._running.end_others()
        return "INDI server stopped"

    def _tell(self) -> None:
        """Say whose devices are to be connected."""
        wanted = self._running if self._connects else None
        units = [unit for _, _, unit in wanted.drivers()] if wanted else []
        self._connect(units, [link for _, link in wanted.links()] if wanted else [])

    async def start_driver(self, label: str) -> str:
        """Have one driver run."""
        return f"Driver {label} {await self._run(label, again=False)}"

    async def restart_driver(self, label: str) -> str:
        """End one driver and start it again; clients stay connected."""
        return f"Driver {label} {await self._run(label, again=True)}"

    async def _run(self, label: str, *, again: bool) -> str:
        async with self._turn:
            self._refuse_if_stopping()
            known = (await self._known()).get(label)
            if known is None:
                raise ControlError(404, NOT_FOUND)
            unit = self._running.run(label, known)
            if unit is None:
                raise ControlError(409, f"driver {label!r} is being removed")
            self._tell()
            if again and unit.supervisor.state is State.RUNNING:
                unit.supervisor.restart()
            await self._running.started([unit])
        return "restarted" if again else "started"

    async def stop_driver(self, label: str) -> str:
        """End one driver that was started here."""
        async with self._turn:
            if self._running.ours(label):
                await self._running.end(label)
            elif (known := (await self._known()).get(label)) is None:
                raise ControlError(404, NOT_FOUND)
            elif known.unit is not None and known.unit.supervisor.state not in ENDED:
                raise ControlError(403, f"driver {label!r} was not started here, so it is not ended here")
        return f"Driver {label} stopped"

    async def start_remote(self, text: str) -> str:
        """Have one link."""
        async with self._turn:
            self._refuse_if_stopping()
            if wrong := self._link(text):
                raise ControlError(400, wrong)
            self._tell()
        return f"Remote driver {text} started"

    async def stop_remote(self, text: str) -> str:
        """End one link that was made here."""
        async with self._turn:
            if not self._running.has_link(text):
                raise ControlError(404, NOT_FOUND)
            await self._running.unlink(text)
        return f"Remote driver {text} stopped"

    def _refuse_if_stopping(self) -> None:
        if self._stopping():
            raise ControlError(409, "the router is stopping")

    def _other_port(self, name: str, profile: Profile) -> str:
        """Clients of a profile look for INDI at its port, and find nothing where that is not ours."""
        ports = self._ports()
        if not ports or profile.port is None or profile.port in ports:
            return ""
        text = f"INDI is at port {ports[0]}, not at the profile's {profile.port}"
        _logger.warning("profile %s: %s", name, text, extra={"event": "profile_port"})
        return f"; {text}"

    # What is shown

    async def drivers(self) -> list[dict[str, Any]]:
        """Lists all drivers that may be started, sorted by label."""
        known = await self._known()
        return [_row(each.entry, each.custom) for _, each in sorted(known.items())]

    async def groups(self) -> list[str]:
        """The families of all drivers, sorted."""
        return sorted({each.entry.family for each in (await self._known()).values()})

    def running_drivers(self) -> list[dict[str, Any]]:
        """The drivers and links that were asked for and not stopped since, in whatever state."""
        rows = [_row(entry, custom) | _state(unit) for entry, custom, unit in self._running.drivers()]
        for text, link in self._running.links():
            entry = Entry(label=text, name=text, program=text, family="Remote")
            rows.append(_row(entry, custom=False) | {"state": link.state, "error": link.last_error or None})
        return rows


def _row(entry: Entry, custom: bool) -> dict[str, Any]:
    """`driver` is what older KStars looks at."""
    return {
        "name": entry.name,
        "label": entry.label,
        "skeleton": entry.skeleton,
        "version": entry.version,
        "binary": entry.program,
        "driver": entry.program,
        "family": entry.family,
        "mdpd": entry.mdpd,
        "custom": custom,
        "rule": None,
        "role": "",
    }


def _state(unit: Unit) -> dict[str, Any]:
    return {"state": unit.supervisor.state.value, "error": unit.supervisor.last_error or None}


def _changes(data: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that a PUT makes to a profile. Raises ControlError (400)."""
    changes: dict[str, Any] = {}
    if data.get("port") is not None:
        try:
            port = int(data["port"]) if isinstance(data["port"], str | int) else 0
        except ValueError:
            port = 0
        if not 1 <= port <= 65535:
            raise ControlError(400, "port: expected a number from 1 to 65535")
        changes["port"] = port
    for key in ("autostart", "autoconnect"):
        if key in data:
            changes[key] = data[key] not in (False, None, 0, "0", "", "false")
    if "scripts" in data:
        if not isinstance(data["scripts"], str | list | None):
            raise ControlError(400, "scripts: expected a list or text")
        changes["scripts"] = data["scripts"]
    return changes


def _texts(entries: list[Any], key: str) -> list[str]:
    """The texts under one key of a list of objects. Raises ControlError (400)."""
    found = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise ControlError(400, "expected a list of objects with a label or a remote")
        if key not in entry or (key == "remote" and "label" in entry):
            continue
        text = entry[key]
        if not isinstance(text, str):
            raise ControlError(400, f"{key}: expected text")
        if key == "remote" and not text.strip():
            continue
        check_text(text, key)
        found.append(text)
    return found
