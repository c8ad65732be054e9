"""Whether a file has changed, by looking: inotify does not see through the links that Kubernetes mounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from inditree.tasks import Tasks

_Mark = tuple[str, int, int, int, int]
"""Real path, device, inode, time of change, size: a link that points elsewhere, another file, other content."""


def is_mounted(path: str | Path) -> bool:
    """Whether Kubernetes keeps it: a ConfigMap or Secret is a folder of links through `..data`, which it exchanges.

    One that is mounted with `subPath` is a plain file, and never exchanged.
    """
    return (Path(path).parent / "..data").is_symlink()


class FileWatch:
    """Calls `on_change` after the content behind `path` was exchanged, by a rename, a link or in place.

    It looks every `interval` seconds and says so when two looks in a row see the same new file: an editor may be at it
    still, and half a configuration is also one. A file that is not there is no change; it has changed when it is back
    as another.
    """

    def __init__(self, path: str | Path, on_change: Callable[[], None], interval: float = 2.0) -> None:
        self._path = Path(path)
        self._on_change = on_change
        self._interval = interval
        self._told: _Mark | None = None
        self._seen: _Mark | None = None

    def start(self, tasks: Tasks) -> None:
        """Watch from now on, until the tasks end: what is there now is no change."""
        self._told = self._seen = self._mark()
        tasks.start(self._run(), f"watch {self._path}")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if self.look():
                self._on_change()

    def look(self) -> bool:
        """Look once; whether there is a change to tell."""
        mark, before = self._mark(), self._seen
        self._seen = mark
        if mark is None or mark != before or mark == self._told:
            return False
        self._told = mark
        return True

    def _mark(self) -> _Mark | None:
        try:
            real = self._path.resolve(strict=True)
            found = real.stat()
        except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
            return None
        return str(real), found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
