"""Copies the stderr of drivers into the log: each line with its driver's name, and never more than a disk can take."""

from __future__ import annotations

import asyncio
import logging
import os

_logger = logging.getLogger("inditree.driver")

#: Bytes of a line that are logged; what follows is left out.
LINE_LIMIT = 2048
#: Characters of a driver's last line that are kept, to be shown in a row of `inditree status`.
LAST_LIMIT = 200
#: Lines a second that are logged of one driver in the long run, and how many at once after a silence: a traceback
#: passes whole, one that prints in a loop takes 100 KiB a second at most.
LINES_PER_SECOND, LINES_AT_ONCE = 50.0, 200.0
#: Seconds between two notes of how many lines were left out.
NOTE_INTERVAL = 1.0
#: Bytes of one read, and the seconds of rest after a full one. A driver that prints as fast as it can is read at some
#: 13 MB a second, which costs the loop less than 1 % of its time.
READ_SIZE, REST = 65536, 0.005
#: Reads of what a driver that has ended has left in its pipe, which holds 64 KiB unless the driver made it larger.
LAST_READS = 16


class StderrLog:
    """The stderr of one driver, from run to run.

    `lines` counts all of them, logged or left out; `last` is the beginning of the last one of this run that was logged.
    """

    def __init__(self, name: str, level: int = logging.ERROR) -> None:
        self.lines = 0
        self.last = ""
        self.level = level
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._descriptor: int | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._note: asyncio.TimerHandle | None = None
        self._partial = b""  # the beginning of a line whose end has not come, at most LINE_LIMIT
        self._cut = False  # it was longer than that, and is logged
        self._tokens = LINES_AT_ONCE
        self._filled = self._loop.time()
        self._left_out = 0

    def attach(self, descriptor: int) -> None:
        """Read the non-blocking descriptor to its end, and close it then."""
        self.detach()
        self.last = ""
        self._descriptor = descriptor
        self._loop.add_reader(descriptor, self._read)

    def detach(self) -> None:
        """Stop reading, log what there is, close the descriptor."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            self._drain(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        if self._partial and not self._cut:
            self._line(self._partial)
        self._partial, self._cut = b"", False
        if self._note is not None:
            self._note.cancel()
            self._say_left_out()

    def _drain(self, descriptor: int) -> None:
        """Read what is left at the end: its last words say best why it ended."""
        for _ in range(LAST_READS):
            try:
                data = os.read(descriptor, READ_SIZE)
            except OSError:
                return
            if not data:
                return
            self._feed(data)

    def _read(self) -> None:
        assert self._descriptor is not None
        try:
            data = os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.detach()
            return
        self._feed(data)
        if len(data) == READ_SIZE:
            self._loop.remove_reader(self._descriptor)
            self._rest = self._loop.call_later(REST, self._resume)

    def _resume(self) -> None:
        self._rest = None
        if self._descriptor is not None:
            self._loop.add_reader(self._descriptor, self._read)

    def _feed(self, data: bytes) -> None:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if not self._cut:
                self._line(self._partial + data[start : min(end, start + LINE_LIMIT + 1)])
            self._partial, self._cut = b"", False
            start = end + 1
            if self._tokens < 1 and not self._refill():
                # Only count: one who prints 30 000 lines in a read is not worth 30 000 steps.
                more = data.count(b"\n", start)
                self._leave_out(more)
                start = data.rfind(b"\n") + 1
                break
        if not self._cut:
            self._partial += data[start : start + LINE_LIMIT + 1]
            if len(self._partial) > LINE_LIMIT:
                self._line(self._partial)
                self._cut = True

    def _refill(self) -> bool:
        now = self._loop.time()
        self._tokens = min(LINES_AT_ONCE, self._tokens + (now - self._filled) * LINES_PER_SECOND)
        self._filled = now
        return self._tokens >= 1

    def _line(self, line: bytes) -> None:
        if not self._refill():
            self._leave_out(1)
            return
        self.lines += 1
        text = line[:LINE_LIMIT].rstrip(b"\r").decode(errors="backslashreplace")
        if text:
            self._tokens -= 1
            more = " [cut]" if len(line) > LINE_LIMIT else ""
            self.last = printable(text[:LAST_LIMIT])
            self._log(printable(text) + more)

    def _leave_out(self, count: int) -> None:
        self.lines += count
        self._left_out += count
        if self._left_out and self._note is None:
            self._note = self._loop.call_later(NOTE_INTERVAL, self._say_left_out)

    def _say_left_out(self) -> None:
        self._note = None
        self._log(f"... {self._left_out} lines more")
        self._left_out = 0

    def _log(self, text: str) -> None:
        _logger.log(self.level, "%s: %s", self._name, text, extra={"driver": self._name, "event": "stderr"})


def printable(text: str) -> str:
    """The text with control characters escaped: what others send must not forge a line or move the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)
