"""The memory limit of this machine or container, and what the drivers use. Reads /proc; runs in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psutil

from inditree.ops.model import DriverRow
from inditree.programs.process import watcher_of

USAGE_AGE = 1.0
"""Seconds for which what was read of the drivers is told again: many scrapes at once must not read /proc each."""

_NO_LIMIT = 1 << 60
"""Version 1 of cgroups writes "no limit" as a number near 2**63."""


def memory_limit(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that we may use: the smallest limit of our control groups, else the machine's memory."""
    limits = [psutil.virtual_memory().total]
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += _limits(root, path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(root / "memory", path, "memory.limit_in_bytes")
    return min(limits)


def _limits(root: Path, path: str, name: str) -> Iterable[int]:
    """The limits of a group and of all above it; a path from outside our namespace counts as the root."""
    inside = root / path.strip("/")
    for folder in [inside, *inside.parents]:
        if folder.is_relative_to(root):
            try:
                text = (folder / name).read_text().strip()
            except OSError:
                continue
            if text.isdigit() and int(text) < _NO_LIMIT:
                yield int(text)


class DriverUsage:
    """CPU and memory of the drivers with their children. The CPU time goes on over restarts. Any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._rows: dict[str, tuple[int | None, float, int | None]] = {}  # pid, CPU of this run, memory
        self._before: dict[str, float] = {}  # CPU of the runs before this one

    def fill(self, rows: Iterable[DriverRow]) -> tuple[DriverRow, ...]:
        """The rows with `cpu_seconds` and `resident_bytes`; null for one that is no process."""
        with self._lock:
            return self._fill(tuple(rows))

    def _fill(self, rows: tuple[DriverRow, ...]) -> tuple[DriverRow, ...]:
        pids = {row.name: row.pid for row in rows}
        if self._clock() - self._at >= USAGE_AGE or pids != {name: known[0] for name, known in self._rows.items()}:
            self._measure(pids)
        return tuple(self._filled(row) for row in rows)

    def _filled(self, row: DriverRow) -> DriverRow:
        _, cpu, memory = self._rows[row.name]
        total = self._before.get(row.name, 0.0) + cpu
        if row.pid is None and not total:
            return row
        return msgspec.structs.replace(row, cpu_seconds=total, resident_bytes=memory)

    def _measure(self, pids: dict[str, int | None]) -> None:
        self._at = self._clock()
        children = _children() if any(pids.values()) else {}
        known, self._rows = self._rows, {}
        for name, pid in pids.items():
            cpu, memory = _usage(pid, children) if pid is not None else (0.0, None)
            old_pid, old_cpu, _ = known.get(name, (pid, 0.0, None))
            if old_pid == pid:
                cpu = max(cpu, old_cpu)  # a child that went took its time with it, unless it was waited for
            else:
                self._before[name] = self._before.get(name, 0.0) + old_cpu
            self._rows[name] = (pid, cpu, memory)
        self._before = {name: cpu for name, cpu in self._before.items() if name in pids}


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        found.setdefault(process.info["ppid"], []).append(process.pid)
    return found


def _usage(pid: int, children: dict[int, list[int]]) -> tuple[float, int]:
    """CPU seconds and resident bytes of a driver and all that it started."""
    watcher = watcher_of(pid)
    cpu, memory = 0.0, 0
    waiting = [watcher or pid]
    while waiting:
        each = waiting.pop()
        waiting += children.get(each, [])
        try:
            process = psutil.Process(each)
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.children_user + times.children_system
                if each != watcher:  # that one is ours: its children's time only is the driver's
                    cpu += times.user + times.system
                    memory += process.memory_info().rss
        except psutil.Error:
            continue
    return cpu, memory
