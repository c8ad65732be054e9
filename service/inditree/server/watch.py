"""Watches files by looking at them: inotify does not see through the links that Kubernetes mounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from inditree.tasks import Tasks

_Mark = tuple[str, int, int, int, int]
"""Real path, device, inode, time of change, size: a link that points elsewhere, another file, other content."""


def is_mounted(path: str | Path) -> bool:
    """Says whether Kubernetes keeps a file: a ConfigMap or Secret is links through `..data`, which it exchanges.

    One that is mounted with `subPath` is a plain file, and never exchanged.
    """
    return (Path(path).parent / "..data").is_symlink()


class FileWatch:
    """Calls `on_change` after the content behind one of `files` was exchanged, by a rename, a link or in place.

    It looks every `interval` seconds and says so when two looks in a row see the same new files: an editor may be at it
    still, half a configuration is also one, and a certificate is not renewed before its key is there. While one of them
    is missing nothing has changed. `files` is asked at each look; one that it names for the first time has not changed.
    """

    def __init__(
        self, files: Callable[[], Iterable[str | Path]], on_change: Callable[[], None], interval: float = 2.0
    ) -> None:
        self._files = files
        self._on_change = on_change
        self._interval = interval
        self._told: dict[str, _Mark] = {}
        self._seen: dict[str, _Mark] | None = None

    def start(self, tasks: Tasks) -> None:
        """Watch from now on, until the tasks end: what is there now is no change."""
        self._seen = self._marks()
        self._told = self._seen or {}
        tasks.start(self._run(), f"watch {' '.join(map(str, self._files()))}")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if self.look():
                self._on_change()

    def look(self) -> bool:
        """Look once; whether there is a change to tell."""
        marks, before = self._marks(), self._seen
        self._seen = marks
        if marks is None or marks != before:
            return False
        changed = any(self._told.get(file, mark) != mark for file, mark in marks.items())
        self._told = marks
        return changed

    def _marks(self) -> dict[str, _Mark] | None:
        marks = {str(file): _mark(Path(file)) for file in self._files()}
        found = {file: mark for file, mark in marks.items() if mark is not None}
        return found if len(found) == len(marks) else None


def _mark(path: Path) -> _Mark | None:
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return None
    return str(real), found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
