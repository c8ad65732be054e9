"""`python -m web.hour FILE [MINUTES]`: the page open at a camera of real drivers, and each minute what it takes.

An exposure every 30 s, as a person would take it. Each line has two samples some seconds apart, each after the garbage
is collected, so that an image under way is told from what stays. It ends with an error where the page has thrown
anything, or where the last ten minutes need more than the ten after the first five.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from live import Router, serve
from web.browser import Tab, chromium
from web.test_memory import collected
from web.test_night import card, connected

DRIVERS = {
    "inditree-telescope": "Py Telescope",
    "inditree-camera": "Py Camera",
    "inditree-focuser": "Py Focuser",
}
EVERY = 30.0
"""Seconds between two exposures."""
APART = 7.0
"""Seconds between the two samples of a line."""
SETTLED, STRETCH = 5, 10
"""Minutes until everything was loaded once, and of the two stretches that are compared."""
ROOM = 300_000
"""Bytes by which the medians of the two may differ."""

HEAD = "minute images page_heap page_buffers worker_heap worker_buffers nodes router_rss  (sample 1 | sample 2)"


class Sample(NamedTuple):
    """Bytes of the page's objects and buffers, the same of its worker, nodes, and the router's resident bytes."""

    heap: int
    buffers: int
    worker_heap: int
    worker_buffers: int
    nodes: int
    router: int

    @property
    def page(self) -> int:
        return self.heap + self.buffers


def sample(tab: Tab, worker: str, router: Router) -> Sample:
    nodes = tab.call("Memory.getDOMCounters")["nodes"]
    resident = int(psutil.Process(router.process.pid).memory_info().rss)
    return Sample(*collected(tab, ""), *collected(tab, worker), nodes, resident)


def exposed(tab: Tab) -> None:
    """Take an image by the page's own field, and wait until it is shown."""
    before = tab.run("document.querySelector('.image')?.dataset.loaded ?? ''")
    tab.fill(f"{card('CCD_EXPOSURE')} input", "0.5")
    tab.press("Enter")
    tab.see(f".image[data-loaded]:not([data-loaded='{before}'])")


def minutes(tab: Tab, router: Router, count: int) -> Iterator[tuple[int, int, Sample, Sample]]:
    """For each minute its number, the images so far, and two samples between exposures."""
    (worker,) = tab.sessions
    began = time.monotonic()
    images = 0
    for minute in range(1, count + 1):
        while began + images * EVERY < began + minute * 60:
            time.sleep(max(0.0, began + images * EVERY - time.monotonic()))
            exposed(tab)
            images += 1
        first = sample(tab, worker, router)
        time.sleep(APART)
        yield minute, images, first, sample(tab, worker, router)


def watched(file: Path, count: int) -> list[str]:
    """Watch for so many minutes, a line each; what is wrong at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serve(folder, *DRIVERS) as router, chromium(folder) as tab:
            for device in DRIVERS.values():
                router.wait_for(f"{device}: provided by", 40)
            tab.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
            tab.size(1440, 900)
            tab.go(f"http://127.0.0.1:{router.port}/#/")
            for device in ("Py Telescope", "Py Focuser", "Py Camera"):
                connected(tab, device)
            tab.see(card("CCD_EXPOSURE"))
            exposed(tab)
            found = []
            with file.open("w", buffering=1) as lines:
                print(HEAD, file=lines)
                for minute, images, first, second in minutes(tab, router, count):
                    found.append(min(first.page, second.page))
                    print(minute, images, *first, "|", *second, file=lines)
            wrong = list(tab.errors)
    if count >= SETTLED + 2 * STRETCH:
        early, late = median(found[SETTLED : SETTLED + STRETCH]), median(found[-STRETCH:])
        if late > early + ROOM:
            wrong.append(f"the page took {early:.0f} bytes, and {late:.0f} at the end")
    return wrong


def main() -> int:
    found = watched(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)
    for each in found:
        print(each, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
