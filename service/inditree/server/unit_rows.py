"""The rows of drivers, links and clients in the status. Taken on the loop."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from inditree.core import Peer
from inditree.ops.model import BlobWish, ClientRow, Down, DriverRow, RemoteRow, WaitingRow
from inditree.server.units import DriverUnit
from inditree.transport.remote import RemoteLink


def down(unit: DriverUnit) -> Down | None:
    """A driver that does not run, or has not defined a device; None: it is up."""
    state, ready = unit.supervisor.state.value, unit.supervisor.ready
    if state == "running" and ready:
        return None
    return Down(unit.config.name, "not ready" if state == "running" else state, unit.config.required)


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


def client_row(peer: Peer, now: float, shown: Callable[[str], bool]) -> ClientRow:
    """One connection to us; only devices that are `shown` are named."""
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
