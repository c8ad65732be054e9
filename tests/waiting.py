"""Waiting for a condition, with a deadline: the only way in which a test waits.

One deadline serves all: it is reached only where something is broken, and no machine is that slow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 60.0
"""Seconds that anything may take before a test calls it lost, however much else the machine does."""


def until(condition: Callable[[], T], timeout: float = DEADLINE, what: str = "") -> T:
    """Wait for a condition to be true and return its value; AssertionError when it does not become true in time."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(0.01)


async def becomes(condition: Callable[[], T], what: object, seconds: float = DEADLINE) -> T:
    """Wait in a loop that goes on; a `what` that can be called is asked when it is too late."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        await asyncio.sleep(0.005)
    return value
