"""The end of the process: what a driver in it has left running does not keep the router.

A task may go on whatever it is told, and a thread that waits for a serial port ends when that says something.
Python, as it ends, waits for both without end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from inditree.ops import logs

WAIT = 1.0
"""Seconds that tasks and threads are given at the end."""

_logger = logging.getLogger("inditree.router")


class Leaving:
    """Made before the loop runs: threads that are there already are none of ours. `executor` is the loop's own."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
        self._before = frozenset(threading.enumerate())

    def leave(self, loop: asyncio.AbstractEventLoop, status: int) -> None:
        """Return where nothing is left running; else end the process at once, with this status."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + WAIT
        left = [*_tasks(loop), *_threads(self._before, end)]
        if left:
            text = "ends without what drivers have left running: %s"
            _logger.warning(text, ", ".join(sorted(left)), extra={"event": "left_running"})
            logs.finish()
            sys.stdout.flush()
            os._exit(status)


def _tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=WAIT))
    return [f"task {task.get_name()}" for task in tasks if not task.done()]


def _threads(before: Collection[threading.Thread], end: float) -> list[str]:
    """Names those that Python would wait for, which is all that are no daemons."""
    ours = [each for each in threading.enumerate() if not each.daemon and each not in before]
    for each in ours:
        each.join(max(0.0, end - time.monotonic()))
    return [f"thread {each.name}" for each in ours if each.is_alive()]
