"""The rows of the status, and the sample that metrics are made of. Taken on the loop, cheap."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from inditree.core import Peer
from inditree.counters import PEER_KINDS, Counters
from inditree.ops import logs
from inditree.ops.control import DeviceSource, Sample
from inditree.ops.detail import capture
from inditree.ops.model import (
    BlobWish,
    ClientRow,
    ConflictRow,
    DeviceRow,
    DriverRow,
    InterlockRow,
    ListenerRow,
    Owner,
    RecordRow,
    RemoteRow,
    Status,
    Traffic,
    WaitingRow,
    is_ready,
)
from inditree.server.device_rows import device_row
from inditree.server.parts import Parts
from inditree.server.services import Services
from inditree.server.units import DriverUnit
from inditree.transport.remote import RemoteLink
from inditree.version import __version__


class Report:
    """Reads the parts of one router."""

    def __init__(self, parts: Parts, services: Services) -> None:
        self._parts = parts
        self._services = services

    def status(self) -> Status:
        """The whole router."""
        core = self._parts.engine.core
        drivers = tuple(driver_row(unit) for unit in self._parts.units.drivers.values())
        remotes = tuple(remote_row(remote) for remote in self._parts.units.remotes.values())
        not_ready = self._parts.observatory.missing()
        ready = not not_ready and is_ready(
            applied=self._parts.applied, draining=self._parts.draining, drivers=drivers, remotes=remotes
        )
        return Status(
            name=self._parts.config.name,
            id=core.settings.identity,
            version=__version__,
            uptime_seconds=round(time.monotonic() - self._parts.started, 3),
            ready=ready,
            draining=self._parts.draining,
            listeners=tuple(
                ListenerRow(
                    name=each.config.name,
                    address=each.address,
                    clients=each.count,
                    max_connections=each.config.max_connections,
                )
                for each in self._parts.listeners.values()
            ),
            drivers=drivers,
            remotes=remotes,
            devices=(
                *(self._device_row(name, peer) for name, peer in core.ownership.owners.items()),
                *(
                    replace(self._device_row(name, peer), stale=True)
                    for name, peer in core.state.holding.stale().items()
                ),
            ),
            not_ready=not_ready,
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

    def _device_row(self, name: str, peer: Peer) -> DeviceRow:
        row = device_row(self._parts.engine.core, name, owner(peer))
        target = self._parts.observatory.target(name)
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
                rows.append(_client_row(peer, now, shown))
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
        counters = core.counters.copy()
        to_wall_clock = time.time() - time.monotonic()
        definitions = capture(core.view) if self._parts.config.metrics.properties else ()
        status = self.status()
        there = {row.name for row in status.devices}
        for name, each in counters.devices.items():
            each.last_message = each.last_message + to_wall_clock if each.last_message and name in there else 0.0
        return Sample(
            status=status,
            counters=counters,
            connections=connections,
            queue_bytes=queues,
            queue_bytes_largest=largest,
            queue_limit_bytes=core.settings.queue,
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


def driver_row(unit: DriverUnit) -> DriverRow:
    """One driver."""
    supervisor = unit.supervisor
    return DriverRow(
        name=unit.config.name,
        kind="exec" if unit.kind == "exec" else "python",
        state=supervisor.state.value,
        pid=supervisor.pid,
        restarts=sum(supervisor.restarts.values()),
        last_exit=supervisor.last_exit,
        devices=tuple(sorted(device for peer in unit.peers for device in peer.owns)),
        since_seconds=round(time.monotonic() - supervisor.since, 3),
        ready=supervisor.ready,
        required=unit.config.required,
        started_at=supervisor.started_at,
        restarts_by_reason={str(reason): count for reason, count in supervisor.restarts.items()},
        stderr_lines=unit.stderr_lines,
        last_error=supervisor.last_error or None,
        waiting=_waiting(unit.peers),
        unread=_unread(unit.peers),
    )


def _waiting(peers: Iterable[Peer], shown: Callable[[str], bool] = bool) -> tuple[WaitingRow, ...]:
    """The devices of which images wait for these peers."""
    number: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for peer in peers:
        for (device, _, _), known in peer.outbox.lanes.properties.items():
            if known.tickets and shown(device):
                number[device] += len(known.tickets)
                size[device] += known.bytes
    return tuple(WaitingRow(device=device, images=number[device], bytes=size[device]) for device in sorted(number))


def _unread(peers: Iterable[Peer]) -> dict[str, float]:
    """Says why these peers are not read, and for how many seconds."""
    now = time.monotonic()
    longest: dict[str, float] = {}
    for peer in peers:
        for why, since in peer.unread.items():
            longest[why] = max(longest.get(why, 0.0), round(now - since, 3))
    return longest


def remote_row(remote: RemoteLink) -> RemoteRow:
    """One link that we opened."""
    peer = remote.peer
    link = peer.link if peer is not None else None
    return RemoteRow(
        name=remote.config.name,
        address=remote.address,
        state=remote.state,
        id=link.remote_id if link else None,
        devices=tuple(sorted(peer.owns)) if peer else (),
        last_error=remote.last_error or None,
        required=remote.config.required,
        since_seconds=round(time.monotonic() - remote.since, 3),
        rtt_seconds=link.rtt if link else None,
        last_receive=time.time() - (time.monotonic() - link.heard) if link and link.heard else None,
        attempts=dict(remote.attempts),
        introduction_patience_seconds=remote.patience,
        queue_bytes=peer.outbox.size if peer else 0,
        waiting=_waiting([peer]) if peer else (),
        unread=_unread([peer]) if peer else {},
    )


def _client_row(peer: Peer, now: float, shown: Callable[[str], bool]) -> ClientRow:
    subscription = peer.subscription
    asked = {f"{device}.{name}" if name else device for device, name in subscription.named() if shown(device)}
    modes: list[Any] = list(subscription.blobs())
    return ClientRow(
        id=peer.id,
        address=peer.address,
        listener=peer.policy.listener,
        devices=("*",) if subscription.all else tuple(sorted(asked)),
        blobs=tuple(
            BlobWish(device=device or None, property=name, mode=mode)
            for device, name, mode in modes
            if not device or shown(device)
        ),
        queue_bytes=peer.outbox.size,
        sent_bytes=peer.outbox.taken,
        dropped_blobs=peer.lost,
        link=peer.link is not None,
        connected_seconds=round(now - peer.joined, 3),
        waiting=_waiting([peer], shown),
        unread=_unread([peer]),
    )
