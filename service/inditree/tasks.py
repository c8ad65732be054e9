"""Tasks that have a name, are held, and whose failure is seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

LAST_WAIT = 2.0
"""Seconds that tasks are given to end once they are cancelled: a driver's own code may go on whatever it is told."""

_T = TypeVar("_T")
_logger = logging.getLogger("inditree.tasks")


class Tasks:
    """The tasks of one owner.

    asyncio holds its tasks by weak references only and tells of an exception when the task is collected, so each is
    held here until it ends, and what ended it is logged at once. That does not end the owner: who needs the result
    awaits the task.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        """Run it in the background."""
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - this is the one place
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _logger.error("task %s failed", task.get_name(), exc_info=error, extra={"event": "task_failed"})

    async def close(self) -> None:
        """Cancel all and wait until they have ended, those too that were started meanwhile.

        Who has not within LAST_WAIT is named in the log, and left to itself.
        """
        current, loop = asyncio.current_task(), asyncio.get_running_loop()
        end = loop.time() + LAST_WAIT
        while others := [task for task in self._tasks if task is not current]:
            if loop.time() >= end:
                names = ", ".join(sorted(task.get_name() for task in others))
                _logger.error("does not end, and is left: %s", names, extra={"event": "task_left"})
                return
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=end - loop.time())
