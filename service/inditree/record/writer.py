"""Writing a record: the loop appends to a backlog, a thread brings the backlog to the disk.

Nothing here makes the loop wait: it appends to a list. A disk that is slow or full costs records, which are counted,
and nobody else anything; when there is room again it goes on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inditree.errors import StartError
from inditree.record.backlog import Backlog, Item, Taped
from inditree.record.format import MAGIC, pack
from inditree.record.records import records
from inditree.record.store import file_name, outdated, segments
from inditree.wire.elements import Blob

FLUSH = 0.1
"""Seconds between two looks at the backlog; what one source said within it is one record."""
SYNC = 1.0
"""Seconds after which what was written is safe from a crash of the machine, too."""
WRITE_BYTES = 256 << 10
"""Bytes of records in one write, so that a disk that is full costs few of them."""
SEGMENT_BYTES = 64 << 20
SEGMENT_SECONDS = 3600.0

_logger = logging.getLogger("inditree.record")


@dataclass(frozen=True)
class Plan:
    """The settings of a record: `keep` is in seconds, `max_size` in bytes, `images` none, hash or all."""

    folder: Path
    keep: float
    max_size: int
    images: str = "none"

    @property
    def segment_bytes(self) -> int:
        """Bytes from which on a new segment is begun."""
        return max(1, min(SEGMENT_BYTES, self.max_size // 10))


@dataclass
class Figures:
    """Holds for the metrics bytes of all segments, when the oldest begins (seconds since 1970), records lost."""

    size: int = 0
    oldest: float | None = None
    lost: int = 0


class Writer:
    """Brings a backlog to a folder, in a thread of its own, until `close`.

    `on_segment` is called in that thread when a segment has its first records, so that the definitions of the moment
    can be said again, `on_written` with the images that it needs no longer. Raises StartError where the folder cannot
    be had, or another router records there.
    """

    def __init__(
        self,
        plan: Plan,
        backlog: Backlog,
        on_segment: Callable[[], None],
        on_written: Callable[[list[Blob]], None] = lambda blobs: None,
    ) -> None:
        self.plan = plan
        self.figures = Figures()
        self._backlog = backlog
        self._on_segment = on_segment
        self._on_written = on_written
        self._lock = _taken(plan.folder)
        self._file: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._began = 0.0
        self._synced = 0.0
        self._unsynced = 0  # records that were written since
        self._failed = False
        self._said_lost = 0  # of `figures.lost`, what stands in the record
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Write what is in the backlog and end; at most `timeout` seconds."""
        self._stop.set()
        self._thread.join(timeout)

    def replan(self, plan: Plan) -> None:
        """Take other bounds; the folder stays. Holds from the next flush on."""
        self.plan = plan

    def _run(self) -> None:
        try:
            while not self._stop.wait(FLUSH):
                self._flush()
            self._flush()
        finally:
            self._end_segment()
            os.close(self._lock)

    def _flush(self) -> None:
        items = self._backlog.pop_all()
        try:
            self._write(items)
            self._tend()
        except Exception:  # an internal error must not end the record of the night
            _logger.exception("the record has missed something", extra={"event": "record_failed"})
        finally:
            blobs = [blob for *_, blob in items if blob is not None]
            if blobs:
                self._on_written(blobs)

    def _write(self, items: list[Taped]) -> None:
        lost = self.figures.lost
        if items and lost > self._said_lost and not self._failed:
            items = [_gap(items[0][0], lost - self._said_lost), *items]
            self._said_lost = lost
        batch: list[bytes] = []
        stamp = size = 0
        for record in records(items, self.plan.images):
            data = pack(record)
            if batch and size + len(data) > WRITE_BYTES:
                self._put(batch, stamp)
                batch = []
            if not batch:
                stamp, size = record.time, 0
            batch.append(data)
            size += len(data)
        if batch:
            self._put(batch, stamp)

    def _put(self, batch: list[bytes], stamp: int) -> None:
        """Append records in one write; they are lost where the disk does not take them."""
        data = b"".join(batch) if len(batch) > 1 else batch[0]
        begins = self._file is None
        try:
            if begins:
                self._begin_segment(stamp)
            assert self._file is not None
            _write_whole(self._file, data)
        except OSError as error:
            self._fail(error)
            self.figures.lost += len(batch)
            return
        self._size += len(data)
        self._unsynced += len(batch)
        self.figures.size += len(data)
        if begins:
            self._on_segment()

    def _begin_segment(self, stamp: int) -> None:
        path = self.plan.folder / file_name(stamp)
        while path.exists():  # the clock was set back
            stamp += 1
            path = self.plan.folder / file_name(stamp)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._path, self._size, self._began = path, 0, time.monotonic()
        _write_whole(self._file, MAGIC)
        self._size = len(MAGIC)
        self._look()

    def _end_segment(self) -> None:
        file = self._file
        if file is not None:
            self._sync(file)
            with contextlib.suppress(OSError):
                os.close(file)
        self._file = None

    def _sync(self, file: int) -> bool:
        """Make what was written safe. False: it is lost, as on NFS, where only this says that the disk is full."""
        unsynced, self._unsynced = self._unsynced, 0
        try:
            os.fdatasync(file)
        except OSError as error:
            self.figures.lost += unsynced
            self._say_lost(error)
            return False
        return True

    def _fail(self, error: OSError) -> None:
        """The segment ends before what was half written; a new one is begun when the disk takes it."""
        if self._file is not None and self._path is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
                if self._size <= len(MAGIC):  # nothing but its beginning: each try would leave such a file
                    self._path.unlink()
        self._end_segment()
        self._say_lost(error)

    def _say_lost(self, error: OSError) -> None:
        if error.errno == errno.ENOSPC:
            self._prune()
        if not self._failed:
            text, folder = error.strerror, self.plan.folder
            _logger.error("the record at %s is losing data: %s", folder, text, extra={"event": "record_lost"})
        self._failed = True

    def _recover(self) -> None:
        if self._failed:
            self._failed = False
            _logger.info("the record at %s is written again", self.plan.folder, extra={"event": "record_goes_on"})

    def _tend(self) -> None:
        """Once a flush: what is written is made safe, a full segment is ended, old ones are deleted."""
        self.figures.lost += self._backlog.lost
        self._backlog.lost = 0
        now = time.monotonic()
        if self._file is None:
            return
        if now - self._synced >= SYNC:
            self._synced = now
            if self._path is not None and not self._path.exists():  # it would be written to a file without a name
                self.figures.lost, self._unsynced = self.figures.lost + self._unsynced, 0
                self._fail(FileNotFoundError(errno.ENOENT, "its file is gone"))
                return
            if self._sync(self._file):
                self._recover()
            self._look()
        if self._size >= self.plan.segment_bytes or now - self._began >= SEGMENT_SECONDS:
            self._end_segment()
            self._prune()

    def _look(self) -> None:
        found = segments(self.plan.folder)
        self.figures.size = sum(each.size for each in found)
        self.figures.oldest = found[0].begin / 1e6 if found else None
        if outdated(found, int(time.time() * 1e6), int(self.plan.keep * 1e6), self.plan.max_size):
            self._prune()

    def _prune(self) -> None:
        found = segments(self.plan.folder)
        for each in outdated(found, int(time.time() * 1e6), int(self.plan.keep * 1e6), self.plan.max_size):
            with contextlib.suppress(OSError):
                each.path.unlink()


def _gap(at: float, lost: int) -> Item:
    """An entry for who reads the record: that something is missing here."""
    text = f"The record has a gap before this: {lost} of its records were lost."
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return Item(at, "said", "record", f'<message timestamp="{when}" message="{text}"/>\n'.encode())


def _taken(folder: Path) -> int:
    """The lock on a folder, which is made where it is not there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StartError(f"record.dir {folder}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StartError(f"record.dir {folder}: another router records there") from None
    return lock


def _write_whole(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
