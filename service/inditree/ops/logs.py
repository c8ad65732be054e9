"""The log on stderr: text for people, or one JSON object a line for machines.

What a record is about comes as `extra=`: `event` (a short fixed word), `peer`, `device`, `driver` and so on. An event
that is repeated is counted, not repeated.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from inditree.config import Log
from inditree.ops.queued import QueuedHandler, StreamSink
from inditree.programs.stderr import printable

AGAIN = 3
"""Times that a record passes within REPEAT_WINDOW where something else was said of the same device or peer between."""

REPEAT_WINDOW = 10.0
"""Seconds in which the same event with the same text is only counted."""

MAX_REMEMBERED = 1000
"""Different records that are remembered for that."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
    "lost_before",
}


def setup(log: Log, parts: Mapping[str, str] | None = None, *, stream: TextIO | None = None) -> None:
    """Send the log of this process to stderr; called again it replaces what it did before.

    `parts` are levels of their own for parts of the router, by the name below `inditree.`: `{"traffic": "debug"}`.
    """
    _collect_less()
    root = logging.getLogger()
    sink = _sink(stream or sys.stderr)
    sink.setFormatter(JsonFormatter() if log.format == "json" else TextFormatter())
    root.setLevel(max(_level(log.level), logging.INFO))  # other packages' DEBUG is not about us
    logging.getLogger("inditree").setLevel(_level(log.level))
    for name, level in {**msgspec.structs.asdict(log.parts), **(parts or {})}.items():
        logging.getLogger(f"inditree.{name}").setLevel(logging.NOTSET if level is None else _level(level))


def _collect_less() -> None:
    """Have no record say what no line of ours shows: the caller's place, thread and process (docs of `logging`)."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    vars(logging)["logAsyncioTasks"] = False  # Python 3.12 and later


def _sink(stream: TextIO) -> logging.Handler:
    """The handler that writes to this stream: the one that does already, else a new one in place of that."""
    for handler in _handlers():
        _flush(handler)
        if isinstance(handler.sink, StreamSink) and handler.sink.stream is stream:
            return handler.sink
    finish()
    queued = QueuedHandler(StreamSink(stream))
    queued.addFilter(Repeats(lambda record: _emit(queued, record)))
    queued.set_name("inditree")
    logging.getLogger().addHandler(queued)
    return queued.sink


def _handlers() -> list[QueuedHandler]:
    return [each for each in logging.getLogger().handlers if isinstance(each, QueuedHandler)]


def _flush(handler: QueuedHandler) -> None:
    for each in handler.filters:
        if isinstance(each, Repeats):
            each.flush()


def finish() -> None:
    """Write what waits, within FINISH seconds, and log nothing any more."""
    for handler in _handlers():
        logging.getLogger().removeHandler(handler)
        _flush(handler)
        handler.finish()


def lost() -> int:
    """Lines that found no room, as whoever reads the log does not keep up."""
    return sum(handler.lost for handler in _handlers())


def _emit(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Past the filters; `Handler.handle` takes the lock only after them."""
    handler.acquire()
    try:
        handler.emit(record)
    finally:
        handler.release()


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record that came as `extra=`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD and value is not None}


def utc(seconds: float) -> str:
    """A moment (of `time.time`) as logs have it: `2026-01-31T22:15:00.123Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Formatter(logging.Formatter):
    _second, _said = -1, ""  # of the last record, and how that is written

    def _utc(self, seconds: float) -> str:
        """The text that `utc` gives; the second is formatted once, not for each record in it."""
        second = int(seconds)
        if second != self._second:
            self._second, self._said = second, utc(second)[:-4]
        return f"{self._said}{int((seconds - second) * 1000):03d}Z"

    def _traceback(self, record: logging.LogRecord) -> str:
        """Format the traceback of an exception, also of one that was made text already."""
        if record.exc_text or not record.exc_info or record.exc_info[0] is None:
            return record.exc_text or ""
        return self.formatException(record.exc_info)


class TextFormatter(_Formatter):
    """`2026-01-31T22:15:00.123Z WARNING driver: ccd: ended with exit code 1`; a traceback on lines below."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and those of the traceback."""
        name = record.name.removeprefix("inditree.")
        line = f"{self._utc(record.created)} {record.levelname} {name}: {printable(record.getMessage())}"
        if text := self._traceback(record):
            line += "\n" + text
        return line


class JsonFormatter(_Formatter):
    """One object a line: ts, level, logger, event, message, then the fields that the record brought."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "ts": self._utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "",
            "message": record.getMessage(),
        } | _fields(record)
        if text := self._traceback(record):
            line["traceback"] = text
        return msgspec.json.encode(line, enc_hook=str).decode()


class _Repeated:
    """A record, how often it came again since it was written, when last, and how often it was written again."""

    __slots__ = ("again", "count", "last", "record", "since")

    def __init__(self, record: logging.LogRecord, since: float) -> None:
        self.record = record
        self.since = since
        self.last = 0.0
        self.count = self.again = 0


def _subject(record: logging.LogRecord) -> str:
    """Give the device, else the peer or remote, that a record is about; "" for none."""
    fields = vars(record)
    return str(fields.get("device") or fields.get("peer") or fields.get("remote") or "")


class Repeats(logging.Filter):
    """Lets the first of equal records pass, and counts those that follow within REPEAT_WINDOW.

    How many there were, and when the last, is said when the window is over: by the next record, whichever it is, or by
    a timer. What is no repetition, as something else was said of its device or peer since (it is there, it is lost, it
    is there), passes a few times. DEBUG passes always: who reads it wants every element. `emit` writes a record.
    """

    def __init__(self, emit: Callable[[logging.LogRecord], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._emit = emit
        self._clock = clock
        self._lock = threading.RLock()
        self._seen: dict[tuple[object, ...], _Repeated] = {}
        self._latest: dict[str, tuple[object, ...]] = {}  # a device or peer: what was said of it last
        self._timer: threading.Timer | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a repetition."""
        if record.levelno < logging.INFO:
            return True
        key = (record.name, record.levelno, getattr(record, "event", None), record.getMessage())
        with self._lock:
            self._expire(self._clock() - REPEAT_WINDOW)
            known = self._seen.get(key)
            if known is None:
                if len(self._seen) < MAX_REMEMBERED:
                    self._seen[key] = _Repeated(record, self._clock())
                    self._latest[_subject(record)] = key
                return True
            subject = _subject(record)
            if len(self._latest) > MAX_REMEMBERED:  # one text for many peers leaves those behind
                self._latest.clear()
            changed = subject and self._latest.get(subject) not in (None, key)
            self._latest[subject] = key
            if changed and known.again < AGAIN:
                known.again += 1
                return True
            known.count += 1
            known.last = record.created
            self._arm()
            return False

    def flush(self) -> None:
        """Say now what was counted."""
        with self._lock:
            self._expire(float("inf"))
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _expire(self, before: float) -> None:
        # In the order in which they came, so that the first that is young ends the search.
        while self._seen:
            key, known = next(iter(self._seen.items()))
            if known.since > before:
                return
            del self._seen[key]
            if self._latest.get(subject := _subject(known.record)) == key:
                del self._latest[subject]
            if known.count:
                self._emit(self._summary(known))

    def _summary(self, known: _Repeated) -> logging.LogRecord:
        record = logging.makeLogRecord(vars(known.record))
        record.created = time.time()
        record.exc_info = None
        times = "once" if known.count == 1 else f"{known.count} times"
        last = time.strftime("%H:%M:%S", time.gmtime(known.last))
        record.msg = f"{known.record.getMessage()} ({times} more, last at {last})"
        record.args = None
        record.__dict__["repeated"] = known.count
        return record

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(REPEAT_WINDOW, self._tick)
            self._timer.daemon = True
            try:
                self._timer.start()
            except RuntimeError:  # no thread can be had: the next record says it
                self._timer = None

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
            self._expire(self._clock() - REPEAT_WINDOW)
            if any(each.count for each in self._seen.values()):
                self._arm()
