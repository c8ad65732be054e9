"""Counters of the hot path: plain integers that Prometheus reads at scrape time.

A plain `+=` costs 29 ns, a bound prometheus `inc()` 324: so nothing here knows about Prometheus. Pure, and
below all layers that count. Names follow the families of docs/metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

import msgspec
from msgspec.structs import replace

PEER_KINDS = ("client", "driver", "link", "inprocess")

BLOB_SIZE_BUCKETS = tuple(float(4096 * 4**i) for i in range(10))
"""4 KiB .. 1 GiB, each four times the last."""

COUNTED_REMOTES = 256
"""Names of remotes that are remembered with their loops: discovery may bring new ones for ever."""

COUNTED_COMMANDS = 1024
"""Devices whose commands are counted one by one."""

UNKNOWN_COMMANDS = 8
"""As long as there are no more of them, that includes devices that were never there: anybody can make up names."""

COMMAND_BUCKETS = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
)
"""10 ms .. 1 h."""

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Counts per bucket (not cumulated), the last one for all above; and the sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Histogram:
        """Copy the histogram as it is now."""
        other = Histogram(self.bounds)
        other.counts = self.counts.copy()
        other.total = self.total
        return other


def _table() -> defaultdict[str, int]:
    return defaultdict(int)


class PeerCounters:
    """Counts for all peers of one kind. Messages are keyed by element; reasons are those of the metric families."""

    __slots__ = (
        "blob_bytes_received",
        "blob_bytes_sent",
        "closed",
        "control_bytes_received",
        "control_bytes_sent",
        "dropped_bytes",
        "dropped_messages",
        "opened",
        "parse_errors",
        "read_paused_seconds",
        "received",
        "repaired",
        "sent",
    )

    def __init__(self) -> None:
        self.received = _table()
        self.sent = _table()
        self.control_bytes_received = self.control_bytes_sent = 0
        self.blob_bytes_received = self.blob_bytes_sent = 0
        self.opened = 0
        self.closed = _table()
        self.parse_errors = _table()
        self.repaired = _table()
        self.dropped_messages = _table()
        self.dropped_bytes = _table()
        self.read_paused_seconds = 0.0

    def copy(self) -> PeerCounters:
        """Copy the numbers as they are now."""
        other = PeerCounters()
        for slot in self.__slots__:
            value = getattr(self, slot)
            setattr(other, slot, value.copy() if isinstance(value, dict) else value)
        return other


class DeviceCounters(msgspec.Struct):
    """One device. Bytes are what stands between the oneBLOB tags, of the last image those of its file.

    `last_message` and `last_image` are seconds of the core's clock, 0 before the first. A struct is copied in a tenth
    of a slotted class's time: there can be thousands.
    """

    blobs_received: int = 0
    blobs_delivered: int = 0
    blob_bytes_received: int = 0
    blob_bytes_delivered: int = 0
    last_message: float = 0.0
    last_image: float = 0.0
    last_image_bytes: int = 0


class Counters:
    """Everything that is counted in one router."""

    __slots__ = (
        "blob_forward",
        "blob_size",
        "command_seconds",
        "commands",
        "devices",
        "loop_lag",
        "loops",
        "peers",
        "rejected",
    )

    def __init__(self) -> None:
        self.peers = {kind: PeerCounters() for kind in PEER_KINDS}
        self.devices: defaultdict[str, DeviceCounters] = defaultdict(DeviceCounters)
        self.rejected = _table()  # reason: limit/access/tls/draining
        self.loops = _table()  # remote: redundant paths and links to ourselves
        self.loop_lag = Histogram(SECONDS_BUCKETS)
        self.blob_size = Histogram(BLOB_SIZE_BUCKETS)
        self.blob_forward = Histogram(SECONDS_BUCKETS)
        self.commands: dict[str, defaultdict[str, int]] = {}  # device: result: how many
        self.command_seconds = Histogram(COMMAND_BUCKETS)

    def count_command(self, device: str, result: str) -> None:
        """Count a command that has ended."""
        table = self.commands.get(device)
        if table is None:
            if len(self.commands) >= (COUNTED_COMMANDS if device in self.devices else UNKNOWN_COMMANDS):
                device = "_other"
            table = self.commands.setdefault(device, _table())
        table[result] += 1

    def count_loop(self, remote: str | None) -> None:
        """Count a redundant path or a link to ourselves; None: of a link that somebody else opened."""
        if remote is None or (remote not in self.loops and len(self.loops) >= COUNTED_REMOTES):
            remote = "_other"
        self.loops[remote] += 1

    def copy(self) -> Counters:
        """Copy the numbers: a scrape is rendered from the copy, in a thread, while the loop counts on."""
        other = Counters()
        other.peers = {kind: peer.copy() for kind, peer in self.peers.items()}
        other.devices.update((name, replace(device)) for name, device in self.devices.items())
        other.rejected = self.rejected.copy()
        other.loops = self.loops.copy()
        other.loop_lag = self.loop_lag.copy()
        other.blob_size = self.blob_size.copy()
        other.blob_forward = self.blob_forward.copy()
        other.commands = {device: table.copy() for device, table in self.commands.items()}
        other.command_seconds = self.command_seconds.copy()
        return other
