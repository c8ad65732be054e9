"""/metrics: a sample, taken on the loop, becomes text in a thread.

A scrape must not make images late, and a thread that renders for 10 ms holds the interpreter lock for nearly all of
them: so it stops for breath between families.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import Metric, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.registry import Collector as _Collector

from inditree.ops.cardinality import MAX_LISTENERS, Slots
from inditree.ops.control import Sample
from inditree.ops.machine import DriverUsage, memory_limit
from inditree.ops.model import Status
from inditree.ops.named_families import NamedFamilies, properties
from inditree.ops.shown import Shown
from inditree.ops.traffic_families import gauge, listeners, traffic
from inditree.ops.values import PropertyValues

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

WORK, BREATH = 0.0005, 0.00005
"""Seconds of rendering after which the loop may have the lock, and how long it is left to it."""


class Metrics:
    """Renders samples; remembers between scrapes what belongs to whom. One thread renders.

    `patterns` is `metrics.properties`. There are two viewers: HTTP's port shows what `show` lets it, the control socket
    the whole.
    """

    def __init__(
        self,
        patterns: Iterable[str] = (),
        *,
        usage: DriverUsage | None = None,
        limit: Callable[[], int] = memory_limit,
    ) -> None:
        self.usage = usage or DriverUsage()
        self._limit = limit
        self._patterns = tuple(patterns)
        self._public, self._whole = _Viewer(self._patterns), _Viewer(self._patterns)
        self._process = [ProcessCollector(registry=None), PlatformCollector(registry=None)]

    def watch(self, patterns: Iterable[str]) -> None:
        """Tell these values from now on: `metrics.properties` of a configuration that was read anew."""
        self._patterns = tuple(patterns)
        for viewer in (self._public, self._whole):
            viewer.values = PropertyValues(self._patterns)

    def show(self, devices: Iterable[str]) -> None:
        """The devices that may be named at HTTP's port from now on: `http.devices`."""
        shown = Shown(devices)
        if shown != self._public.shown:
            self._public = _Viewer(self._patterns, shown)

    def collect(self, sample: Sample, whole: bool = False) -> Iterator[Metric]:
        """Every family, in the order of docs/metrics.md."""
        viewer = self._whole if whole else self._public
        sample = msgspec.structs.replace(sample, status=self.with_usage(sample.status))
        text = "Always 1; the version is in the label."
        yield gauge("indi_build_info", text, {(sample.status.version,): 1}, "version")
        text = "Memory that the router and its drivers may use: the control group's limit, else the machine's memory."
        yield gauge("indi_memory_limit_bytes", text, {(): self._limit()})
        text = "1 if the configuration was accepted when it was last read, 0 if it was refused."
        yield gauge("indi_configuration_reload_success", text, {(): sample.reload_success})
        text = "Time at which the configuration was last read, accepted or refused, in UNIX seconds."
        yield gauge("indi_configuration_reload_timestamp_seconds", text, {(): sample.reload_timestamp})
        text = "Devices that two sources define at present; one of each two is refused."
        yield gauge("indi_conflicts", text, {(): len(sample.status.conflicts)})
        yield from traffic(sample)
        yield from listeners(sample.status.listeners, viewer.listeners)
        yield from viewer.named.collect(sample)
        yield from properties([each for each in sample.definitions if viewer.shown(each.device)], viewer.values)
        for each in self._process:
            yield from each.collect()

    def with_usage(self, status: Status) -> Status:
        """The status with what its drivers use of the machine."""
        return msgspec.structs.replace(status, drivers=self.usage.fill(status.drivers))

    def render(self, sample: Sample, whole: bool = False) -> bytes:
        """The text that Prometheus reads (its format 0.0.4)."""
        parts = []
        since = time.monotonic()
        for family in self.collect(sample, whole):
            parts.append(generate_latest(_One(family)))
            if time.monotonic() - since > WORK:
                time.sleep(BREATH)
                since = time.monotonic()
        return b"".join(parts)


class _Viewer:
    """The state of one of those who look (Prometheus, the control socket) between two looks."""

    def __init__(self, patterns: Iterable[str], shown: Shown | None = None) -> None:
        self.shown = shown or Shown()
        self.values = PropertyValues(patterns)
        self.named = NamedFamilies(self.shown)
        self.listeners = Slots(MAX_LISTENERS)


class _One(_Collector):
    """A registry with one family, so that each can be rendered by itself."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]
