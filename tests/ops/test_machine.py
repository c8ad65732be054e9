from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from inditree.counters import Counters
from inditree.ops.lag import INTERVAL, LagMeter
from inditree.ops.machine import DriverUsage, memory_limit
from inditree.ops.model import Down, readiness
from ops.fake import driver
from programs.processes import driver as running
from programs.processes import python, read_line, until


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "2000", "memory.max": "3000"}, 2000),
        ("0::/\n", {"memory.max": "512"}, 512),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/../outside\n", {"memory.max": "512"}, 512),
        ("4:cpu,memory:/a\n", {"memory/a/memory.limit_in_bytes": "777"}, 777),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        ("", {}, None),
    ],
)
def test_the_smallest_limit_counts(tmp_path: Path, groups: str, files: dict[str, str], limit: int | None) -> None:
    root, listed = tmp_path / "cgroup", tmp_path / "groups"
    listed.write_text(groups)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert memory_limit(root, listed) == (limit or psutil.virtual_memory().total)


def test_a_loop_that_stands_still_is_seen() -> None:
    async def run() -> Counters:
        counters = Counters()
        meter = LagMeter(counters)
        meter.start()
        await asyncio.sleep(0)
        time.sleep(3.5 * INTERVAL)  # noqa: ASYNC251 - to hold the loop is the point
        await until(lambda: sum(counters.loop_lag.counts) > 0, "a look at the clock")
        meter.stop()
        return counters

    lag = asyncio.run(run()).loop_lag
    assert sum(lag.counts) >= 3 and lag.total >= 2.5 * INTERVAL  # 0.25 + 0.15 + 0.05 s late, at least


def test_looks_that_could_not_be_taken_are_counted() -> None:
    counters = Counters()
    LagMeter(counters).observe(0.25)
    assert sum(counters.loop_lag.counts) == 3 and counters.loop_lag.total == pytest.approx(0.25 + 0.15 + 0.05)
    LagMeter(counters).observe(-0.001)
    assert sum(counters.loop_lag.counts) == 4


#: Works for 0.1 s, and has a helper that detached itself, works for as long and has 64 MiB.
DETACHES = """
import os, time
def burn():
    end = time.process_time() + 0.1
    while time.process_time() < end: pass
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    kept = b"x" * (64 << 20)
    burn()
    print("ready", flush=True)
    time.sleep(1000)
os.wait()
burn()
time.sleep(1000)
"""


def test_what_a_driver_detached_is_the_drivers() -> None:
    async def main() -> None:
        usage = DriverUsage(clock=itertools.count(0, 10).__next__)

        async with running(python(DETACHES)) as child:

            def measured() -> tuple[float, int]:
                (row,) = usage.fill([driver("d", pid=child.pid)])
                return row.cpu_seconds or 0.0, row.resident_bytes or 0

            assert await read_line(child.stdout) == "ready"
            await until(lambda: measured()[0] >= 0.18, "the time of both")
            watcher = psutil.Process(child.pid).parent()
            assert watcher is not None
            without_it = sum(each.memory_info().rss for each in watcher.children())
            assert 64 << 20 < measured()[1] < without_it + watcher.memory_info().rss

    asyncio.run(main())


def test_only_what_is_required_makes_unready() -> None:
    def ready(**given: Any) -> bool:
        values: dict[str, Any] = {"applied": True, "draining": False, "drivers": (), "remotes": (), "devices": {}}
        return readiness(**(values | given)).ready

    down = Down("a", "backoff", required=False)
    needed = Down("b", "not ready", required=True)
    assert ready() and ready(drivers=[down], remotes=[down])
    assert not ready(applied=False)
    assert not ready(draining=True)
    assert not ready(drivers=[down, needed])
    assert not ready(remotes=[needed])
    assert not ready(devices={"Dome": "is not there"})
