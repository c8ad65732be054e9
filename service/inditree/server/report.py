"""The rows of the status, and the sample that metrics are made of. Taken on the loop, cheap."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Set

from msgspec.structs import replace

from inditree.core import Peer
from inditree.counters import PEER_KINDS, Counters
from inditree.ops import logs
from inditree.ops.control import DeviceSource, Sample, nobody
from inditree.ops.detail import capture
from inditree.ops.model import (
    ClientRow,
    ConflictRow,
    DeviceRow,
    Down,
    InterlockRow,
    ListenerRow,
    Owner,
    Readiness,
    RecordRow,
    Status,
    Traffic,
    readiness,
)
from inditree.server.device_rows import device_row
from inditree.server.parts import Parts
from inditree.server.services import Services
from inditree.server.unit_rows import client_row, down, driver_row, remote_row
from inditree.version import __version__


class Report:
    """Reads the parts of one router."""

    def __init__(self, parts: Parts, services: Services) -> None:
        self._parts = parts
        self._services = services

    def readiness(self) -> Readiness:
        """The answer of /readyz. No rows are made for it: it is asked for every few seconds."""
        parts = self._parts
        remotes = parts.units.remotes.values()
        return readiness(
            applied=parts.applied,
            draining=parts.draining,
            drivers=[each for unit in parts.units.drivers.values() if (each := down(unit)) is not None],
            remotes=[Down(r.config.name, r.state, r.config.required) for r in remotes if r.state != "up"],
            devices=parts.observatory.missing(),
        )

    def status(self, shown: Callable[[str], bool] = bool) -> Status:
        """The whole router; `shown` says which devices have rows."""
        core = self._parts.engine.core
        health = self.readiness()
        return Status(
            name=self._parts.config.name,
            id=core.settings.identity,
            version=__version__,
            uptime_seconds=round(time.monotonic() - self._parts.started, 3),
            ready=health.ready,
            draining=health.draining,
            listeners=tuple(
                ListenerRow(
                    name=each.config.name,
                    address=each.address,
                    clients=each.count,
                    max_connections=each.config.max_connections,
                )
                for each in self._parts.listeners.values()
            ),
            drivers=tuple(driver_row(unit) for unit in self._parts.units.drivers.values()),
            remotes=tuple(remote_row(remote) for remote in self._parts.units.remotes.values()),
            devices=tuple(self._device_rows(shown)),
            not_ready=health.devices,
            clients=sum(peer.kind == "client" for peer in core.peers.values()),
            loops_detected=sum(core.counters.loops.values()),
            conflicts=tuple(
                ConflictRow(device=device, owner=places[0], refused=places[1])
                for device, places in core.ownership.conflicts.items()
            ),
            traffic=traffic(core.counters),
            interlocks=self.interlocks(),
            reactions=self._parts.observatory.reactions(),
            record=self.record(),
            reload_refused=self._parts.reload_refused,
        )

    def _device_rows(self, shown: Callable[[str], bool]) -> Iterator[DeviceRow]:
        core = self._parts.engine.core
        owners: dict[Peer, Owner] = {}  # made once for all devices of a peer: some have thousands
        to_wall_clock = time.time() - time.monotonic()
        for there, stale in ((core.ownership.owners, False), (core.state.holding.stale(), True)):
            for name, peer in there.items():
                if shown(name):
                    provider = owners.get(peer) or owners.setdefault(peer, owner(peer))
                    row = self._with_target(device_row(core, name, provider, to_wall_clock))
                    yield replace(row, stale=True) if stale else row

    def _with_target(self, row: DeviceRow) -> DeviceRow:
        target = self._parts.observatory.target(row.name)
        if target is None:
            return row
        ready = target.step is None
        return replace(row, ready=ready, state=target.state.value, reason=target.reason)

    def interlocks(self) -> tuple[InterlockRow, ...]:
        """Each with what it comes to now."""
        return self._parts.observatory.interlocks()

    def clients(self, shown: Callable[[str], bool] = bool) -> tuple[ClientRow, ...]:
        """Lists who connected to us; only devices that are `shown` are named."""
        now = time.monotonic()
        rows = []
        for peer in self._parts.engine.core.peers.values():
            if peer.kind == "client" or (peer.link is not None and not peer.link.opener):
                rows.append(client_row(peer, now, shown))
        return tuple(rows)

    def device(self, name: str) -> DeviceSource:
        """Raises KeyError."""
        core = self._parts.engine.core
        peer = core.ownership.owners.get(name)
        return DeviceSource(
            name=name,
            owner=owner(core.state.holding.stale()[name] if peer is None else peer),
            stale=peer is None,
            definitions=capture(core.view, name),
        )

    def record(self) -> RecordRow | None:
        """The record, None where nothing is recorded."""
        recorder = self._parts.recorder
        if recorder is None:
            return None
        figures = recorder.figures
        folder = str(recorder.config.folder)
        return RecordRow(dir=folder, bytes=figures.size, oldest=figures.oldest, lost=figures.lost)

    def sample(self) -> Sample:
        """A sample of everything that the metrics show."""
        core = self._parts.engine.core
        queues: Counter[str] = Counter(dict.fromkeys(PEER_KINDS, 0))
        largest = dict.fromkeys(PEER_KINDS, 0)
        connections: Counter[str] = Counter(dict.fromkeys(PEER_KINDS, 0))
        slow = 0
        for peer in core.peers.values():
            if peer.kind == "observer":
                continue
            size = peer.outbox.size
            connections[peer.kind] += 1
            queues[peer.kind] += size
            largest[peer.kind] = max(largest[peer.kind], size)
            slow += peer.kind == "client" and peer.outbox.lanes.count > 1
        definitions = capture(core.view) if self._parts.config.metrics.properties else ()
        status = self.status(nobody)
        there = core.ownership.owners.keys() | (stale := core.state.holding.stale()).keys()
        ready = self._parts.observatory.ready().items()
        return Sample(
            status=status,
            counters=_counters(core.counters, there),
            connections=connections,
            queue_bytes=queues,
            queue_bytes_largest=largest,
            queue_limit_bytes=core.settings.queue,
            devices=len(there),
            devices_stale=len(stale),
            devices_ready={name: each for name, each in ready if name in there},
            slow_clients=slow,
            audit_lost=self._services.audit_lost,
            log_lost=logs.lost() + (self._parts.beside.lost if self._parts.beside else 0),
            reload_success=self._parts.reload_refused is None,
            reload_timestamp=self._parts.reload_timestamp,
            definitions=definitions,
            record=status.record,
            web_connections=self._parts.web.counts(),
            interlocks=status.interlocks,
            reactions=status.reactions,
        )


def _counters(counters: Counters, there: Set[str]) -> Counters:
    """A copy, with times of the clock on the wall, and none for devices that are not there."""
    copied = counters.copy()
    to_wall_clock = time.time() - time.monotonic()
    for name, each in copied.devices.items():
        each.last_message = each.last_message + to_wall_clock if each.last_message and name in there else 0.0
    return copied


def traffic(counters: Counters) -> Traffic:
    """The bytes and elements that all peers together have sent and were sent, since the start."""
    kinds = counters.peers.values()
    return Traffic(
        received_messages=sum(sum(kind.received.values()) for kind in kinds),
        received_bytes=sum(kind.control_bytes_received + kind.blob_bytes_received for kind in kinds),
        sent_messages=sum(sum(kind.sent.values()) for kind in kinds),
        sent_bytes=sum(kind.control_bytes_sent + kind.blob_bytes_sent for kind in kinds),
    )


def owner(peer: Peer) -> Owner:
    """Says who provides a device, as the API names it."""
    if peer.kind == "link":
        opened = peer.link is not None and peer.link.opener
        return Owner(kind="remote" if opened else "peer", name=peer.name)
    if peer.kind == "inprocess":
        return Owner(kind="inprocess", name=peer.name)
    return Owner(kind="driver", name=peer.name)
