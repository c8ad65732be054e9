"""Log records that a thread writes: whoever reads them, or the disk, may stop without stopping anybody here."""

from __future__ import annotations

import io
import logging
import os
import queue
import select
from logging.handlers import QueueHandler, QueueListener
from typing import Any, TextIO

MAX_RECORDS = 10_000
"""Records that wait to be written."""

MAX_BYTES = 16 << 20
"""Characters of their texts, all together: with `log.parts.traffic: debug` a record may be a whole element."""

GATHER = 0.01
"""Seconds for which records are gathered once one has come: a thread that is woken for each line costs more than it."""

FINISH = 1.0
"""Seconds that what waits has to be written at the end."""


class QueuedHandler(QueueHandler):
    """Has `sink` handle each record in a thread, in order. `lost` counts those that found no room; never waits."""

    def __init__(self, sink: logging.Handler) -> None:
        self.queued: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()  # for a fifth of a Queue's cost
        super().__init__(self.queued)
        self.lost = 0
        self._came = 0  # characters; written under this handler's lock
        self.sink = sink
        self._writer = _Writer(self, self.queued, sink)
        self._writer.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Make the record that the thread gets: with the text as it is now, and without the frames of a traceback."""
        record = _copy(record)
        record.msg, record.args = record.getMessage(), None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = _formatter.formatException(record.exc_info)
        record.exc_info = None
        record.__dict__["lost_before"] = self.lost
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue it, or count it as lost."""
        size = _size(record)
        if self._came - self._writer.done + size > MAX_BYTES or self.queued.qsize() >= MAX_RECORDS:
            self.lost += 1
            return
        self.queued.put(record)
        self._came += size

    def handleError(self, record: logging.LogRecord) -> None:
        """A record of which no line can be made is lost. Logging would say so on stderr at once, and wait for it."""
        self.lost += 1

    def finish(self, seconds: float = FINISH) -> None:
        """Write what waits, within `seconds`, and end the thread; it is left alone if it does not end."""
        self._writer.finish(seconds)


class _Writer(QueueListener):
    def __init__(
        self, handler: QueuedHandler, waiting: queue.SimpleQueue[logging.LogRecord | None], sink: logging.Handler
    ) -> None:
        super().__init__(waiting, sink)
        self.done = 0
        self._handler = handler
        self._said = 0

    def dequeue(self, block: bool) -> Any:
        """The next record; with those that come close behind it, where it has to be waited for."""
        try:
            return self._handler.queued.get_nowait()
        except queue.Empty:
            record = self._handler.queued.get(block)
            # Not time.sleep: it fails where the clock is set meanwhile (seen with libfaketime), and ends the thread.
            select.select([], [], [], GATHER)
            return record

    def handle(self, record: logging.LogRecord) -> None:
        """A mistake in it must not be the thread's last."""
        try:
            if record.__dict__["lost_before"] != self._said:
                super().handle(self._gap(record))
            super().handle(record)
        except Exception:  # it would end the thread, and with it the log
            self._handler.lost += 1
        finally:
            self.done += _size(record)

    def _gap(self, before: logging.LogRecord) -> logging.LogRecord:
        lost = before.__dict__["lost_before"]
        more, self._said = lost - self._said, lost
        gap = logging.makeLogRecord(vars(before))
        gap.msg, gap.exc_text = f"{more} lines are lost here: the reader of the log does not keep up", None
        gap.levelno, gap.levelname, gap.name = logging.WARNING, "WARNING", "inditree.log"
        return gap

    def finish(self, seconds: float) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._handler.queued.put(None)
        thread.join(seconds)


def _copy(record: logging.LogRecord) -> logging.LogRecord:
    """A record of its own, for other handlers may see the same one; copy.copy costs ten times as much."""
    made = type(record).__new__(type(record))
    made.__dict__.update(record.__dict__)
    return made


def _size(record: logging.LogRecord) -> int:
    return len(record.msg) + len(record.exc_text or "")


class _NoLock:
    """A lock that locks nothing, in place of logging's: Python 3.13 enters it without asking whether there is one."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        """Nothing was taken."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        """Nothing was taken."""


class Unlocked(logging.Handler):
    """A handler that one thread uses alone: whoever ends the process need not wait for it."""

    def createLock(self) -> None:
        self.lock = _NoLock()  # type: ignore[assignment]


class StreamSink(Unlocked):
    """Writes to a stream, past its buffer where it has a descriptor: a lock of that would be waited for at the end."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        try:
            self._fd = stream.fileno()
        except (io.UnsupportedOperation, ValueError):
            self._fd = -1

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; what cannot be written (a full disk, a closed pipe) is gone."""
        text = self.format(record) + "\n"
        try:
            if self._fd < 0:
                self.stream.write(text)
                self.stream.flush()
            else:
                _write(self._fd, text.encode(errors="backslashreplace"))
        except (OSError, ValueError):
            return


def _write(fd: int, data: bytes) -> None:
    """Writes all of it, for however long; whoever shares the descriptor may have made it non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])


_formatter = logging.Formatter()
