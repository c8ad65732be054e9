"""A night's work in short: images and values flow, clients come and go, and the router is as large as at the beginning.

A short run by default; INDITREE_SOAK_SECONDS (`make soak`) makes it a long one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from chaos.test_chaos import all_there, everything, scene
from live import Client, until

SECONDS = float(os.environ.get("INDITREE_SOAK_SECONDS", "4"))
GROWTH = 4 << 20
"""Bytes that the second half of a soak may add: what Python's allocator keeps moves by a few MiB."""


def rounds(port: int, seconds: float, process: psutil.Process) -> list[int]:
    """Clients come, ask, look at pictures and leave; the resident bytes after each second."""
    sizes: list[int] = []
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        for number in range(10):
            with Client(port) as client:
                client.ask("A" if number % 2 else None)
                client.take("<defNumberVector[^>]*device=.A.[^>]*name=.TICK.")
                client.send("<enableBLOB device='A'>Also</enableBLOB>")
                member = f"<oneNumber name='N'>{number}</oneNumber>"
                client.send(f"<newNumberVector device='A' name='ECHO'>{member}</newNumberVector>")
                client.take(f"<setNumberVector device='A' name='ECHO'[^>]*><oneNumber name='N'>{number}<")
        sizes.append(int(process.memory_info().rss))
        time.sleep(max(0.0, min(1.0, seconds / 20) - (time.monotonic() - now)))
    return sizes


def test_memory_and_descriptors_stay_flat(tmp_path: Path) -> None:
    with scene(tmp_path, 0, *everything(tmp_path)) as made:
        process = psutil.Process(made.leaf.process.pid)
        rounds(made.leaf.port, SECONDS / 4, process)  # caches fill
        until(lambda: process.num_fds())
        before = process.num_fds()
        sizes = rounds(made.leaf.port, SECONDS, process)
        half = len(sizes) // 2
        first, last = max(sizes[:half]), max(sizes[half:])
        print(
            f"\n{SECONDS:.0f} s: RSS {first / 2**20:.1f} MiB in the first half, {last / 2**20:.1f} MiB in the second;"
        )
        print(f"{made.near.ticks} elements, {made.near.pictures} pictures at one client")
        assert last - first < GROWTH
        until(lambda: process.num_fds() <= before, what="descriptors return")
        all_there(made)
        assert not made.near.faults + made.far.faults
