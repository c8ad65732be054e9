"""What images took is given back to the machine when no more of them come."""

from __future__ import annotations

from pathlib import Path

import psutil

from integration.cameras import camera, reading
from live import serve, until

MIB = 1 << 20


def test_a_router_is_as_small_as_before_a_while_after_its_last_image(tmp_path: Path) -> None:
    """62 MiB stayed in the heap of the thread that had read them, for as long as the router ran."""
    with serve(tmp_path, camera(tmp_path, "Cam", 12 * MIB, number=8)) as router:
        router.wait_for("Cam: provided by")
        process = psutil.Process(router.process.pid)
        before = process.memory_info().rss
        with reading(router.port, "Cam") as first, reading(router.port, "Cam", speed=6e6) as second:
            first.go("Cam")
            until(lambda: process.memory_info().rss > before + 36 * MIB, what="images wait")
            until(lambda: first.images["Cam"] and second.images["Cam"][-1:] == [7], what="all have come")
            until(lambda: process.memory_info().rss < before + 6 * MIB, what="memory is given back")
