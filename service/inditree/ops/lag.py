"""Measures how late the event loop is: what a message has to wait before anybody looks at it."""

from __future__ import annotations

import asyncio
import time

from inditree.counters import Counters

INTERVAL = 0.1
"""Seconds between two looks: one costs some 5 us."""

MAX_MISSED = 1000
"""Looks that are counted after one long stop."""


class LagMeter:
    """Counts into `counters.loop_lag`. `last_turn` (time.monotonic) is when the loop was last seen to turn."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.last_turn = 0.0

    def start(self) -> None:
        """Measure from now on, in the running loop."""
        self.stop()
        self._arm()

    def stop(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.last_turn = time.monotonic()
        self._due = self.last_turn + INTERVAL
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        self.observe(time.monotonic() - self._due)
        self._arm()

    def observe(self, late: float) -> None:
        """Count a look that came `late` seconds too late, and those that it kept from being taken.

        Without these a loop that stands still for 2 s of every 10 would seem to be late once in eighty looks.
        """
        late = max(late, 0.0)
        for _ in range(MAX_MISSED):
            self._counters.loop_lag.observe(late)
            late -= INTERVAL
            if late <= 0:
                break
