"""The metric families of peers: connections, traffic, queues, drops, timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from inditree.counters import PEER_KINDS, Counters, Histogram, PeerCounters
from inditree.ops.cardinality import OTHER, Slots, known
from inditree.ops.control import Sample
from inditree.ops.model import ListenerRow, RecordRow
from inditree.wire.mend import REASONS
from inditree.wire.syntax import KNOWN_TAGS

CLOSED = ("eof", "error", "malformed", "limit", "stalled", "overflow", "timeout", "loop", "access", "shutdown")
REJECTED = ("limit", "access", "tls", "draining")  # the last stays 0: docs/metrics.md
PARSE_ERRORS = ("malformed", "too_large", "doctype")
DROPPED = ("overflow", "superseded", "memory", "loop", "duplicate", "undeliverable", "unknown", "access")

Values = dict[tuple[str, ...], float]
"""A value for each tuple of label values."""

_Table = Callable[[PeerCounters], Mapping[str, float]]


def counter(name: str, text: str, values: Values, *labels: str) -> Metric:
    """A counter with a sample for each tuple of label values; `name` without `_total`."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def gauge(name: str, text: str, values: Values, *labels: str) -> Metric:
    """A gauge with a sample for each tuple of label values."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def histogram(name: str, text: str, values: Histogram) -> Metric:
    """A histogram as Prometheus wants it: each bucket counts those below it too."""
    buckets, count = [], 0
    for bound, more in zip([*map(floatToGoString, values.bounds), "+Inf"], values.counts, strict=True):
        count += more
        buckets.append((bound, count))
    family = HistogramMetricFamily(name, text)
    family.add_metric([], buckets=buckets, sum_value=values.total)
    return family


def traffic(sample: Sample) -> Iterator[Metric]:
    """Gives all families with a label `peer`, the histograms, and what audit and log lost."""
    peers = sample.counters.peers
    yield from _connections(sample, peers)
    yield from _messages(peers)
    yield from _queues(sample, peers)
    yield from _timing(sample.counters)
    text = "Audit lines that were lost because audit.file could not be written."
    yield counter("indi_audit_lost_lines", text, {(): sample.audit_lost})
    text = "Log lines that were lost because whoever reads them, or the disk, was too slow."
    yield counter("indi_log_lost_lines", text, {(): sample.log_lost})
    if sample.record is not None:
        yield from _record(sample.record)


def _record(row: RecordRow) -> Iterator[Metric]:
    yield gauge("indi_record_bytes", "Size of the record on the disk.", {(): row.bytes})
    oldest: Values = {} if row.oldest is None else {(): row.oldest}
    yield gauge("indi_record_oldest_timestamp_seconds", "Time at which the record begins, in UNIX seconds.", oldest)
    text = "Records that were lost because the disk was full or too slow."
    yield counter("indi_record_lost", text, {(): row.lost})


def _per_kind(peers: Mapping[str, PeerCounters], read: Callable[[PeerCounters], float]) -> Values:
    return {(kind,): read(peer) for kind, peer in peers.items()}


def _per_label(peers: Mapping[str, PeerCounters], labels: tuple[str, ...], read: _Table) -> Values:
    return {(kind, label): value for kind, peer in peers.items() for label, value in known(read(peer), labels).items()}


def _connections(sample: Sample, peers: Mapping[str, PeerCounters]) -> Iterator[Metric]:
    now: Values = {(kind,): sample.connections.get(kind, 0) for kind in PEER_KINDS}
    web: Values = {(kind,): count for kind, count in sample.web_connections.items()}
    yield gauge("indi_web_connections", "Connections of browsers and web programs, by kind.", web, "kind")
    yield gauge("indi_connections", "Peers that are connected.", now, "peer")
    opened = _per_kind(peers, lambda peer: peer.opened)
    yield counter("indi_connections_opened", "Connections opened, by kind of peer.", opened, "peer")
    closed = _per_label(peers, CLOSED, lambda peer: peer.closed)
    yield counter("indi_connections_closed", "Connections closed, by reason.", closed, "peer", "reason")
    rejected: Values = {(reason,): value for reason, value in known(sample.counters.rejected, REJECTED).items()}
    yield counter("indi_connections_rejected", "Connections refused, by reason.", rejected, "reason")


def _messages(peers: Mapping[str, PeerCounters]) -> Iterator[Metric]:
    received = _elements(peers, lambda peer: peer.received)
    yield counter("indi_messages_received", "INDI elements received.", received, "peer", "element")
    sent = _elements(peers, lambda peer: peer.sent)
    yield counter("indi_messages_sent", "INDI elements sent, counted once for each receiver.", sent, "peer", "element")
    came: Values = {}
    went: Values = {}
    for kind, peer in peers.items():
        came[kind, "control"], came[kind, "blob"] = peer.control_bytes_received, peer.blob_bytes_received
        went[kind, "control"], went[kind, "blob"] = peer.control_bytes_sent, peer.blob_bytes_sent
    yield counter("indi_bytes_received", "Bytes received.", came, "peer", "kind")
    yield counter(
        "indi_bytes_sent",
        "Bytes sent. Control elements count when they are queued, BLOBs when the kernel has taken them.",
        went,
        "peer",
        "kind",
    )
    errors = _per_label(peers, PARSE_ERRORS, lambda peer: peer.parse_errors)
    text = "Elements that were not valid INDI. Each closed its connection, or was dropped."
    yield counter("indi_parse_errors", text, errors, "peer", "reason")
    mended = _per_label(peers, REASONS, lambda peer: peer.repaired)
    yield counter("indi_repaired_elements", "Elements that were repaired to be valid XML.", mended, "peer", "reason")


def _elements(peers: Mapping[str, PeerCounters], read: _Table) -> Values:
    """Gives only what there was: 80 series of zeros would tell nothing."""
    values: Values = {}
    for kind, peer in peers.items():
        for tag, count in read(peer).items():
            key = (kind, tag if tag in KNOWN_TAGS else OTHER)
            values[key] = values.get(key, 0) + count
    return values


def _queues(sample: Sample, peers: Mapping[str, PeerCounters]) -> Iterator[Metric]:
    waiting: Values = {(kind,): sample.queue_bytes.get(kind, 0) for kind in PEER_KINDS}
    yield gauge("indi_queue_bytes", "Bytes waiting to be sent, over all peers of a kind.", waiting, "peer")
    largest: Values = {(kind,): sample.queue_bytes_largest.get(kind, 0) for kind in PEER_KINDS}
    text = "Bytes waiting to be sent to the one peer that has most waiting."
    yield gauge("indi_queue_bytes_largest", text, largest, "peer")
    limit: Values = {(kind,): sample.queue_limit_bytes for kind in PEER_KINDS}
    yield gauge("indi_queue_limit_bytes", "Most bytes that may wait for one peer (limits.queue).", limit, "peer")
    messages = _per_label(peers, DROPPED, lambda peer: peer.dropped_messages)
    text = "Elements dropped, by reason."
    yield counter("indi_dropped_messages", text, messages, "peer", "reason")
    sizes = _per_label(peers, DROPPED, lambda peer: peer.dropped_bytes)
    yield counter("indi_dropped_bytes", "Bytes dropped, by reason.", sizes, "peer", "reason")
    text = "Clients that do not keep up: more than one BLOB waits for them."
    yield gauge("indi_slow_clients", text, {(): sample.slow_clients})
    paused = _per_kind(peers, lambda peer: peer.read_paused_seconds)
    text = "Seconds for which sources were not read (back-pressure)."
    yield counter("indi_read_paused_seconds", text, paused, "peer")


def _timing(counters: Counters) -> Iterator[Metric]:
    lag = "How late the event loop ran, measured ten times a second."
    yield histogram("indi_event_loop_lag_seconds", lag, counters.loop_lag)
    yield histogram("indi_blob_size_bytes", "Size of received images.", counters.blob_size)
    forward = "Time from an image's first byte received to its last byte sent, for each receiver."
    yield histogram("indi_blob_forward_seconds", forward, counters.blob_forward)


def listeners(rows: tuple[ListenerRow, ...], slots: Slots) -> Iterator[Metric]:
    """Connections and their limits. A listener without a limit has no sample of it."""
    own, rest = slots.divide({row.name: row for row in rows})
    clients: Values = {(name,): row.clients for name, row in own.items()}
    if rest:
        clients[(OTHER,)] = sum(row.clients for row in rest)
    limits: Values = {(name,): row.max_connections for name, row in own.items() if row.max_connections is not None}
    yield gauge("indi_listener_connections", "Connections open at a listener.", clients, "listener")
    yield gauge("indi_listener_connections_limit", "Most connections that a listener accepts.", limits, "listener")
