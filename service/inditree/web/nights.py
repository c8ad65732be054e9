"""The record of a night as a download: read in a thread piece by piece, as far as the browser takes it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from inditree.envelope import encode
from inditree.ops import history
from inditree.ops.shown import Shown
from inditree.record.entries import Entry, Line, Wanted, as_csv, body_of, lines, rows
from inditree.record.store import chosen, read, segments

TYPES = {"/night.csv": "text/csv; charset=utf-8", "/night.jsonl": "application/x-ndjson"}
"""Where a night is to be had, and what it is there."""

PIECE = 64 << 10
"""Bytes that are made at once."""

STEP = 0.25
"""Seconds for which is worked on one piece at most, also where nothing was found that is wanted."""

WORK, BREATH = 0.001, 0.001
"""Seconds of work after which the thread lets go of the interpreter, and for how long."""

_logger = logging.getLogger("inditree.record")

Recorded = tuple[Path, tuple[str, ...], bool]
"""The record of this router: its folder, the devices of which HTTP may speak (`http.devices`), and whether that takes
the token (`http.token_file`)."""

LOCKED = "the record is for who has the token (http.token_file), at /api/v1/history of the HTTP port"
"""A page has no token: there are no cookies."""


class Night:
    """A night on its way to a browser. `wake` is called when `pieces`, which gave None, has more to give."""

    etag = ""
    size: int | None = None

    def __init__(
        self, found: Iterator[bytes], kind: str, threads: ThreadPoolExecutor, done: Callable[[], None]
    ) -> None:
        self.type = kind
        self.wake: Callable[[], None] = lambda: None
        self._found = found
        self._threads = threads
        self._done = done
        self._piece: bytes | None = None
        self._working: asyncio.Future[bytes | None] | None = None
        self._released = False

    def pieces(self) -> Iterator[bytes | None]:
        """Give the text as it is made, None where it is not made yet. Raises OSError, ValueError."""
        while True:
            if self._working is None:
                self._working = asyncio.get_running_loop().run_in_executor(self._threads, self._make)
                self._working.add_done_callback(lambda _: self._released or self.wake())
            if not self._working.done():
                yield None
                continue
            try:
                piece, self._working = self._working.result(), None
            except (OSError, ValueError) as error:
                _logger.warning("the record cannot be read: %s", error, extra={"event": "record_unread"})
                raise
            if piece is None:
                return
            if piece:
                yield piece

    def _make(self) -> bytes | None:
        """Makes the next piece in the thread; None at the end."""
        began = since = time.monotonic()
        parts: list[bytes] = []
        size = 0
        for text in self._found:
            parts.append(text)
            size += len(text)
            now = time.monotonic()
            if size >= PIECE or now - began >= STEP or self._released:
                return b"".join(parts)
            if now - since > WORK:
                time.sleep(BREATH)
                since = time.monotonic()
        return b"".join(parts) or None

    def delivered(self) -> None:
        """Nothing counts nights."""

    def release(self) -> None:
        """The browser has it, or has gone."""
        self._released = True
        self._done()


class Nights:
    """Downloads of one router, one at a time: each takes a segment of memory. `record` gives None for none."""

    def __init__(self, record: Callable[[], Recorded | None]) -> None:
        self.busy = False
        self._record = record
        self._threads: ThreadPoolExecutor | None = None

    def open(self, path: str, query: str, devices: tuple[str, ...]) -> Night | tuple[int, str]:
        """Begin a download of what is said of `devices`, which is the caller's to release; else a status and why."""
        recorded = self._record()
        if recorded is None:
            return 404, "nothing is recorded here"
        folder, patterns, locked = recorded
        if locked:
            return 403, LOCKED
        try:
            keys = dict(parse_qsl(query, keep_blank_values=True))
            if "limit" in keys:
                raise ValueError("limit: a night is told whole")
            wanted = history.asked(keys).wanted
        except ValueError as error:
            return 400, str(error)
        if self.busy:
            return 503, "another download is under way"
        self.busy = True
        self._threads = self._threads or ThreadPoolExecutor(1, "inditree-night")
        shown = (Shown(devices), Shown(patterns))
        text = _text(folder, wanted, shown, table=path.endswith(".csv"))
        return Night(text, TYPES[path], self._threads, self._ended)

    def _ended(self) -> None:
        self.busy = False

    def close(self) -> None:
        """The router ends."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _text(folder: Path, wanted: Wanted, shown: tuple[Shown, ...], *, table: bool) -> Iterator[bytes]:
    """The text entry by entry, nothing for one that is not wanted. Raises OSError, ValueError."""
    if table:
        yield "".join(as_csv(())).encode()
    parts = chosen(segments(folder), wanted.begin, wanted.end)
    for entry in read(part.path for part in parts):
        found = lines([entry], wanted) if isinstance(entry, Entry) else ()
        told = [line for line in found if all(each(_device(line)) for each in shown)]
        if table:
            yield "".join(islice(as_csv(rows(told)), 1, None)).encode()
        else:
            yield b"".join(encode(_anonymous(line).as_object()) + b"\n" for line in told)


def _device(line: Line) -> str:
    return str(body_of(line.element)[1].get("device", ""))


def _anonymous(line: Line) -> Line:
    """The kind of who commanded, not the address: that is for who may ask HTTP for the clients."""
    return line._replace(source=line.source.partition(" ")[0]) if line.result else line
