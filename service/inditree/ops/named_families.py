"""The metric families of what has a name: devices, drivers, remotes. Each capped, the rest is `_other`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar, get_args

from prometheus_client import Metric

from inditree.counters import Counters, DeviceCounters
from inditree.observatory.reactions import RUN_RESULTS
from inditree.ops.cardinality import MAX_KEPT, MAX_RULES, OTHER, Rising, Slots, known
from inditree.ops.control import Definition, Sample
from inditree.ops.model import DriverRow, DriverState, InterlockRow, ReactionRow, RemoteState
from inditree.ops.shown import Shown
from inditree.ops.traffic_families import Values, counter, gauge, histogram
from inditree.ops.values import PropertyValues
from inditree.supervise import REASONS

ATTEMPTS = ("ok", "refused", "unreachable", "timeout", "tls", "error")

REACTION_STATES = {"unarmed": 0, "armed": 0, "waiting": 1, "running": 2, "done": 3}

_Row = TypeVar("_Row")


class _Named(Generic[_Row]):
    """The rows of one kind in a scrape, and the two ways to make series of them."""

    def __init__(self, label: str, slots: Slots, rising: Rising, rows: Mapping[str, _Row]) -> None:
        self.label = label
        self.rising = rising
        self.own, self.rest = slots.divide(rows)

    def counter(self, name: str, text: str, read: Callable[[_Row], float | None]) -> Metric:
        """The sum of the rest is `_other`."""
        values = self._own(read)
        if self.rest:
            values[(OTHER,)] = self.rising.value((name,), sum(read(row) or 0 for row in self.rest))
        return counter(name, text, values, self.label)

    def gauge(
        self,
        name: str,
        text: str,
        read: Callable[[_Row], float | None],
        worst: Callable[[list[float]], float] | None = None,
    ) -> Metric:
        """`worst` says what stands for the rest; without it nothing does."""
        values = self._own(read)
        others = [value for row in self.rest if (value := read(row)) is not None]
        if others and worst:
            values[(OTHER,)] = worst(others)
        return gauge(name, text, values, self.label)

    def _own(self, read: Callable[[_Row], float | None]) -> Values:
        return {(name,): value for name, row in self.own.items() if (value := read(row)) is not None}

    def states(self, name: str, text: str, states: tuple[str, ...], read: Callable[[_Row], str]) -> Metric:
        """1 for the state that it is in; `_other` tells how many of the rest are in it."""
        values: Values = {
            (each, state): float(read(row) == state) for each, row in self.own.items() for state in states
        }
        if self.rest:
            values |= {(OTHER, state): sum(read(row) == state for row in self.rest) for state in states}
        return gauge(name, text, values, self.label, "state")

    def labelled(
        self, name: str, text: str, label: str, labels: tuple[str, ...], read: Callable[[_Row], Mapping[str, float]]
    ) -> Metric:
        """A counter with a second label of fixed values."""
        values: Values = {
            (each, key): value for each, row in self.own.items() for key, value in known(read(row), labels).items()
        }
        for key in labels if self.rest else ():
            values[OTHER, key] = self.rising.value((name, key), sum(read(row).get(key, 0) for row in self.rest))
        return counter(name, text, values, self.label, label)


class NamedFamilies:
    """Remembers between scrapes who has series of its own. `shown`: which devices may have."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._devices, self._drivers, self._remotes = Slots(shown=shown), Slots(), Slots()
        self._commanded = Slots(shown=lambda pair: (name := pair.partition(" ")[2]) != OTHER and shown(name))
        self._interlocks, self._reactions = Slots(MAX_RULES), Slots(MAX_RULES)
        self._kept = Slots(MAX_KEPT, shown)
        self._rising = Rising()

    def collect(self, sample: Sample) -> Iterator[Metric]:
        """Gives all families of devices, drivers and remotes."""
        yield gauge("indi_devices", "Devices that are there now, the stale ones too.", {(): sample.devices})
        text = "Devices whose link was lost and that may come back: clients have not been told that they are gone."
        yield gauge("indi_devices_stale", text, {(): sample.devices_stale})
        yield from self._of_devices(sample.counters.devices)
        yield from self._of_commands(sample.counters)
        yield from self._of_drivers(sample.status.drivers)
        yield from self._of_remotes(sample)
        yield self._held(sample)
        yield from self._of_interlocks(self._shown.interlocks(sample.interlocks))
        yield from self._of_reactions(self._shown.reactions(sample.reactions))
        yield self._ready(sample)

    def _of_devices(self, counters: Mapping[str, DeviceCounters]) -> Iterator[Metric]:
        rows = _Named("device", self._devices, self._rising, counters)
        yield rows.counter("indi_blobs_received", "Images received.", lambda row: row.blobs_received)
        text = "Images sent whole, counted once for each receiver."
        yield rows.counter("indi_blobs_delivered", text, lambda row: row.blobs_delivered)
        text = "Bytes of received images, as they stand between their tags."
        yield rows.counter("indi_blob_received_bytes", text, lambda row: row.blob_bytes_received)
        text = "Bytes of images sent whole, as they stand between their tags."
        yield rows.counter("indi_blob_delivered_bytes", text, lambda row: row.blob_bytes_delivered)
        text = "Time of the last message of a device that is there, in UNIX seconds. For _other: the oldest."
        yield rows.gauge("indi_device_last_message_timestamp_seconds", text, lambda row: row.last_message or None, min)

    def _of_commands(self, counters: Counters) -> Iterator[Metric]:
        """Each result of a device from its first one on: forty of these, as devices have six of them."""
        pairs = {
            f"{result} {device}": each for device, row in counters.commands.items() for result, each in row.items()
        }
        own, _ = self._commanded.divide(pairs)
        values: Values = {}
        rest: Counter[str] = Counter()
        for pair, count in pairs.items():
            result, _, device = pair.partition(" ")
            if pair in own:
                values[device, result] = count
            else:
                rest[result] += count
        values |= {(OTHER, result): self._rising.value(("commands", result), count) for result, count in rest.items()}
        yield counter("indi_commands", "Commands (new*) that have ended, by result.", values, "device", "result")
        text = "Time from sending a command until its property is no longer Busy. Superseded commands do not count."
        yield histogram("indi_command_seconds", text, counters.command_seconds)

    def _of_drivers(self, drivers: tuple[DriverRow, ...]) -> Iterator[Metric]:
        rows = _Named("driver", self._drivers, self._rising, {row.name: row for row in drivers})
        text = "1 for the state that the driver is in."
        yield rows.states("indi_driver_state", text, get_args(DriverState), lambda row: row.state)
        text = "Restarts of a driver, by what ended the run before."
        yield rows.labelled("indi_driver_restarts", text, "reason", REASONS, lambda row: row.restarts_by_reason)
        text = "Start time of the driver's present run, in UNIX seconds."
        yield rows.gauge("indi_driver_start_time_seconds", text, lambda row: row.started_at)
        text = "Exit code of the last run, negative for a signal."
        yield rows.gauge("indi_driver_last_exit_code", text, lambda row: row.last_exit)
        text = "CPU time of all runs, child processes included."
        yield rows.counter("indi_driver_cpu_seconds", text, lambda row: row.cpu_seconds)
        text = "Memory of the driver, child processes included."
        yield rows.gauge("indi_driver_resident_memory_bytes", text, lambda row: row.resident_bytes, sum)
        text = "Lines that the driver wrote to stderr."
        yield rows.counter("indi_driver_stderr_lines", text, lambda row: row.stderr_lines)

    def _held(self, sample: Sample) -> Metric:
        drivers = _Named("driver", self._drivers, self._rising, {row.name: row for row in sample.status.drivers})
        remotes = _Named("remote", self._remotes, self._rising, {row.name: row for row in sample.status.remotes})
        values: Values = {
            (name, "", why): seconds for name, row in drivers.own.items() for why, seconds in row.unread.items()
        }
        values |= {("", name, why): seconds for name, row in remotes.own.items() for why, seconds in row.unread.items()}
        text = "Seconds for which a source has not been read until now, by reason. No sample while it is read."
        return gauge("indi_source_held", text, values, "driver", "remote", "reason")

    def _of_interlocks(self, interlocks: tuple[InterlockRow, ...]) -> Iterator[Metric]:
        rows = _Named("interlock", self._interlocks, self._rising, {row.name: row for row in interlocks})
        text = "Commands that the interlock has refused."
        yield rows.counter("indi_interlock_refusals", text, lambda row: row.refusals)
        text = "1 if the interlock's condition holds, 0 if not, -1 if that is unknown. For _other: the lowest."
        yield rows.gauge("indi_interlock_holds", text, lambda row: -1 if row.holds is None else row.holds, min)
        text = "1 if the interlock guards a device of another server, which clients can reach without this router."
        yield rows.gauge("indi_interlock_partial", text, lambda row: row.enforced == "partial", max)

    def _of_reactions(self, reactions: tuple[ReactionRow, ...]) -> Iterator[Metric]:
        rows = _Named("reaction", self._reactions, self._rising, {row.name: row for row in reactions})
        text = "0 armed (or not yet), 1 the condition holds and the reaction waits, 2 it runs its steps, 3 done."
        yield rows.gauge("indi_reaction_state", text, lambda row: REACTION_STATES[row.state], max)
        text = "Runs of a reaction, by how they ended."
        yield rows.labelled("indi_reaction_runs", text, "result", RUN_RESULTS, lambda row: row.runs)

    def _ready(self, sample: Sample) -> Metric:
        ready = dict.fromkeys(sample.status.not_ready, False) | dict(sample.devices_ready)
        rows = _Named("device", self._kept, self._rising, ready)
        text = "1 if a device is as `devices` of the configuration says, 0 if not, or not yet."
        return rows.gauge("indi_device_ready", text, float, min)

    def _of_remotes(self, sample: Sample) -> Iterator[Metric]:
        rows = _Named("remote", self._remotes, self._rising, {row.name: row for row in sample.status.remotes})
        text = "1 for the state that the link is in."
        yield rows.states("indi_remote_state", text, get_args(RemoteState), lambda row: row.state)
        text = "Attempts to connect, by result."
        yield rows.labelled("indi_remote_connect_attempts", text, "result", ATTEMPTS, lambda row: row.attempts)
        text = "Time of the last byte received, in UNIX seconds. For _other: the oldest."
        yield rows.gauge("indi_remote_last_receive_timestamp_seconds", text, lambda row: row.last_receive, min)
        text = "Round trip of the last probe. For _other: the longest."
        yield rows.gauge("indi_remote_rtt_seconds", text, lambda row: row.rtt_seconds, max)
        loops = known(sample.counters.loops, rows.own)
        values: Values = {(name,): value for name, value in loops.items()}
        text = "Redundant paths and links back to this router that were found."
        yield counter("indi_loops_detected", text, values, "remote")


def properties(definitions: Sequence[Definition], values: PropertyValues) -> Iterator[Metric]:
    """The families of the properties that `metrics.properties` names."""
    numbers, states = values.read(definitions)
    found: Values = {(each.device, each.property, each.member): each.value for each in numbers}
    text = "Value of a member: a number, a switch as 0 or 1, a light as its state."
    yield gauge("indi_property_value", text, found, "device", "property", "member")
    found = {(each.device, each.property): each.value for each in states}
    text = "State of a property: Idle 0, Ok 1, Busy 2, Alert 3."
    yield gauge("indi_property_state", text, found, "device", "property")
