"""A router that is none: known counters, rows and devices, and a Control that remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from inditree.commands import Outcome
from inditree.counters import Counters
from inditree.ops.control import ControlError, Definition, DeviceSource, Sample
from inditree.ops.model import (
    BlobWish,
    ClientRow,
    DeviceRow,
    DriverRow,
    InterlockRow,
    ListenerRow,
    Owner,
    ReactionRow,
    Readiness,
    RecordRow,
    RemoteRow,
    Status,
    WaitingRow,
)

TEMPERATURE = Definition(
    "CCD",
    "CCD_TEMPERATURE",
    b'<defNumberVector device="CCD" name="CCD_TEMPERATURE" label="Temperature" group="Main" state="Idle" perm="rw"'
    b' timestamp="2026-01-01T00:00:00"><defNumber name="VALUE" label="C" format="%.1f" min="-50" max="50" step="0">'
    b"20</defNumber></defNumberVector>",
    (
        b'<setNumberVector device="CCD" name="CCD_TEMPERATURE" state="Busy"><oneNumber name="VALUE">-9.5</oneNumber>'
        b"</setNumberVector>",
    ),
)
COORDINATES = Definition(
    "Mount",
    "EQUATORIAL_EOD_COORD",
    b'<defNumberVector device="Mount" name="EQUATORIAL_EOD_COORD" state="Ok" perm="rw">'
    b'<defNumber name="RA" format="%10.6m" min="0" max="24" step="0">10:30:00</defNumber>'
    b'<defNumber name="DEC" format="%10.6m" min="-90" max="90" step="0">-0:30:36</defNumber></defNumberVector>',
)
COOLER = Definition(
    "CCD",
    "CCD_COOLER",
    b'<defSwitchVector device="CCD" name="CCD_COOLER" state="Alert" perm="rw" rule="OneOfMany">'
    b'<defSwitch name="ON">On</defSwitch><defSwitch name="OFF">Off</defSwitch></defSwitchVector>',
)
IMAGE = Definition(
    "CCD",
    "CCD1",
    b'<defBLOBVector device="CCD" name="CCD1" state="Idle" perm="ro"><defBLOB name="IMAGE"/></defBLOBVector>',
)


INTERLOCKS = (
    InterlockRow(
        name="cooling",
        refuse=("CCD.CCD_COOLER.*",),
        unless='"Mount.EQUATORIAL_EOD_COORD._STATE" == 1',
        max_age=None,
        holds=None,
        unknown=("Mount.EQUATORIAL_EOD_COORD._STATE",),
        enforced="partial",
        refusals=4,
        devices=("CCD", "Mount"),
    ),
)


REACTIONS = (
    ReactionRow(
        name="cold",
        when='"CCD.CCD_TEMPERATURE.VALUE" < 0',
        hold=10.0,
        unknown_holds=True,
        state="running",
        holds=True,
        unknown=(),
        steps=("CCD.CCD_COOLER.ON=On",),
        step=0,
        due_seconds=300.0,
        runs={"ok": 2, "failed": 1, "stopped": 0},
        last=None,
        devices=("CCD",),
    ),
)


def driver(name: str, **fields: Any) -> DriverRow:
    """A driver that runs."""
    values: dict[str, Any] = {
        "kind": "exec",
        "state": "running",
        "pid": None,
        "restarts": 0,
        "last_exit": None,
        "devices": (),
        "since_seconds": 5.0,
        "ready": True,
        "started_at": 1.7e9,
    }
    return DriverRow(name=name, **(values | fields))


def remote(name: str, **fields: Any) -> RemoteRow:
    """A link that is up."""
    values: dict[str, Any] = {"address": "10.0.0.2:7624", "state": "up", "id": "b0", "devices": (), "last_error": None}
    return RemoteRow(name=name, **(values | fields))


def status(**fields: Any) -> Status:
    """A router with two drivers and a link."""
    values: dict[str, Any] = {
        "name": "dome-a",
        "id": "a0",
        "version": "1.2.3",
        "uptime_seconds": 60.0,
        "ready": True,
        "draining": False,
        "listeners": (ListenerRow(name="main", address="127.0.0.1:7624", clients=3, max_connections=256),),
        "drivers": (
            driver(
                "ccd",
                devices=("CCD",),
                restarts=2,
                last_exit=-9,
                restarts_by_reason={"signal": 2},
                stderr_lines=7,
                unread={"held": 2.5},
            ),
            driver("mount", devices=("Mount",)),
        ),
        "remotes": (remote("dome-b", rtt_seconds=0.002, last_receive=1.7e9 + 5, attempts={"ok": 1, "refused": 4}),),
        "devices": (
            DeviceRow(name="CCD", owner=Owner(kind="driver", name="ccd")),
            DeviceRow(name="Mount", owner=Owner(kind="driver", name="mount")),
        ),
        "clients": 3,
        "loops_detected": 1,
        "interlocks": INTERLOCKS,
        "reactions": REACTIONS,
    }
    return Status(**(values | fields))


def counters() -> Counters:
    """What known traffic leaves behind."""
    count = Counters()
    client, ccd = count.peers["client"], count.devices["CCD"]
    client.received["getProperties"] += 3
    client.sent["setBLOBVector"] += 6
    client.control_bytes_received, client.blob_bytes_sent, client.control_bytes_sent = 300, 6000, 120
    client.opened, client.closed["stalled"] = 4, 1
    client.dropped_messages["superseded"], client.dropped_bytes["superseded"] = 2, 2000
    count.peers["driver"].received["setBLOBVector"] += 3
    count.peers["driver"].parse_errors["malformed"] += 1
    count.peers["driver"].read_paused_seconds = 1.5
    ccd.blobs_received, ccd.blobs_delivered, ccd.last_message = 3, 6, 1.7e9 + 9
    ccd.blob_bytes_received, ccd.blob_bytes_delivered = 3000, 6000
    count.rejected["limit"] += 1
    count.loops["dome-b"] += 1
    count.blob_size.observe(5000.0)
    for seconds in (0.0005, 0.004, 20.0):
        count.blob_forward.observe(seconds)
    count.loop_lag.observe(0.002)
    for result, seconds in (("ok", 0.02), ("ok", 41.5)):
        count.count_command("CCD", result)
        count.command_seconds.observe(seconds)
    count.count_command("_other", "undeliverable")
    return count


def sample(**fields: Any) -> Sample:
    """All of it."""
    values: dict[str, Any] = {
        "status": status(not_ready={"Dome": "is not there"}),
        "devices": 2,
        "devices_ready": {"CCD": True},
        "counters": counters(),
        "connections": {"client": 3, "driver": 2, "link": 1},
        "queue_bytes": {"client": 4096},
        "queue_bytes_largest": {"client": 4000},
        "queue_limit_bytes": 1 << 27,
        "slow_clients": 1,
        "audit_lost": 2,
        "reload_success": False,
        "reload_timestamp": 1.7e9 + 5,
        "record": RecordRow(dir="/data", bytes=4096, oldest=1.7e9 + 6, lost=3),
        "interlocks": INTERLOCKS,
        "reactions": REACTIONS,
        "definitions": (TEMPERATURE, COORDINATES, COOLER, IMAGE),
        "web_connections": {"page": 1, "json": 2, "xml": 0, "image": 0},
    }
    return Sample(**(values | fields))


class FakeControl:
    """Satisfies Control. `called` is what was asked; `state` may be exchanged."""

    def __init__(self) -> None:
        self.state = status()
        self.metrics = sample()
        self.called: list[tuple[str, object]] = []
        self.recorded: RecordRow | None = None
        self.commanded: list[tuple[str, str, dict[str, str]]] = []
        self.ended: asyncio.Future[Outcome]

    def snapshot(self, shown: Callable[[str], bool] = bool) -> Status:
        return replace(self.state, devices=tuple(row for row in self.state.devices if shown(row.name)))

    def readiness(self) -> Readiness:
        state = self.state
        drivers = {row.name: row.state if row.ready else "not ready" for row in state.drivers}
        return Readiness(
            ready=state.ready,
            draining=state.draining,
            drivers={name: each for name, each in drivers.items() if each != "running"},
            remotes={row.name: row.state for row in state.remotes if row.state != "up"},
            devices=state.not_ready,
        )

    def interlocks(self) -> tuple[InterlockRow, ...]:
        return INTERLOCKS

    def reactions(self) -> tuple[ReactionRow, ...]:
        return REACTIONS

    async def run_reaction(self, name: str) -> None:
        self.called.append(("run reaction", name))

    async def reset_reaction(self, name: str) -> None:
        self.called.append(("reset reaction", name))
        if name != "cold":
            raise ControlError(404, f"there is no reaction {name!r}")

    def clients(self, shown: Callable[[str], bool] = bool) -> tuple[ClientRow, ...]:
        wish = BlobWish(device="CCD", property=None, mode="Also")
        return (
            ClientRow(
                id=7,
                address="10.0.0.9:5555",
                listener="main",
                devices=tuple(name for name in ("CCD",) if shown(name)),
                blobs=(wish,) if shown("CCD") else (),
                queue_bytes=0,
                sent_bytes=6120,
                dropped_blobs=2,
                link=False,
                connected_seconds=12.5,
                waiting=tuple(WaitingRow(device=name, images=2, bytes=3000) for name in ("CCD",) if shown(name)),
            ),
        )

    def sample(self) -> Sample:
        return self.metrics

    def device(self, name: str) -> DeviceSource:
        owner = {row.name: row.owner for row in self.state.devices}[name]
        return DeviceSource(
            name=name,
            owner=owner,
            stale=False,
            definitions=tuple(d for d in self.metrics.definitions if d.device == name),
        )

    def _add(self, kind: str, names: list[str], entry: dict[str, Any]) -> str:
        self.called.append((f"add_{kind}", entry))
        name = str(entry.get("name", "new"))
        if name in names:
            raise ControlError(409, f"there is a {kind} {name!r} already")
        return name

    def _known(self, call: str, names: list[str], name: str) -> None:
        self.called.append((call, name))
        if name not in names:
            raise ControlError(404, f"there is no such thing as {name!r}")

    def _drivers(self) -> list[str]:
        return [row.name for row in self.state.drivers]

    def _remotes(self) -> list[str]:
        return [row.name for row in self.state.remotes]

    async def add_driver(self, entry: dict[str, Any]) -> str:
        name = self._add("driver", self._drivers(), entry)
        self.state = status(drivers=(*self.state.drivers, driver(name, state="starting")))
        return name

    async def remove_driver(self, name: str) -> None:
        self._known("remove_driver", self._drivers(), name)

    async def restart_driver(self, name: str) -> None:
        self._known("restart_driver", self._drivers(), name)

    async def stop_driver(self, name: str) -> None:
        self._known("stop_driver", self._drivers(), name)

    async def start_driver(self, name: str) -> None:
        self._known("start_driver", self._drivers(), name)

    async def add_remote(self, entry: dict[str, Any]) -> str:
        name = self._add("remote", self._remotes(), entry)
        self.state = status(remotes=(*self.state.remotes, remote(name, state="connecting")))
        return name

    async def remove_remote(self, name: str) -> None:
        self._known("remove_remote", self._remotes(), name)

    async def restart_remote(self, name: str) -> None:
        self._known("restart_remote", self._remotes(), name)

    async def stop_remote(self, name: str) -> None:
        self._known("stop_remote", self._remotes(), name)

    async def start_remote(self, name: str) -> None:
        self._known("start_remote", self._remotes(), name)

    def record(self) -> RecordRow | None:
        return self.recorded

    async def refresh_device(self, name: str) -> None:
        self._known("refresh_device", [row.name for row in self.snapshot().devices], name)

    def command(self, device: str, property: str, values: Mapping[str, str], caller: str) -> asyncio.Future[Outcome]:
        self._known("command", [each.property for each in self.metrics.definitions if each.device == device], property)
        self.commanded.append((device, property, dict(values)))
        self.ended = asyncio.get_running_loop().create_future()
        return self.ended

    async def close_client(self, name: str) -> None:
        self._known("close_client", [str(row.id) for row in self.clients()], name)
