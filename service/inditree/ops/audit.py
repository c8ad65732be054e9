"""The audit log: who told which device to do what, as JSON lines. Rules: docs/http.md.

A thread writes, so that a slow disk delays nobody; what it cannot write is counted and said in the log, and the
router goes on.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import xml.etree.ElementTree as ET

import msgspec

from inditree.core.effects import Audit as AuditEffect
from inditree.errors import StartError
from inditree.ops.logs import utc
from inditree.view.fold import fold, member_values, parse

MAX_VALUE = 200
"""Characters of a value that are written."""

MAX_MEMBERS = 64
"""Members of a property that are written."""

MAX_ELEMENT = 16 * 1024
"""Bytes of an element beyond which its members are not looked at."""

MAX_WAITING = 2000
"""Lines that wait for the disk; with MAX_ELEMENT at most 32 MiB, in practice some hundred bytes each."""

COMPLAINT_INTERVAL = 60.0
"""Seconds between two complaints about a disk that does not take what we write."""

_logger = logging.getLogger("inditree.audit")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file. `time` is UTC; a control call over HTTP has `http` for its listener.

    Where a command has ended that was sent, `was` are the values that these members had before it, and `seconds` say
    after how long.
    """

    time: str
    client: str
    listener: str
    element: str
    device: str
    property: str
    members: dict[str, str]
    result: str
    was: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    seconds: float | msgspec.UnsetType = msgspec.UNSET


class Audit:
    """Appends to one file. `lost` counts the lines that could not be written.

    Raises StartError where the file cannot be opened. `command`, `control` and `reopen` never raise and never wait.
    """

    def __init__(self, file: str) -> None:
        self.lost = 0
        self._file = file
        self._complained = float("-inf")
        self._partial = False
        self._moved = False
        self._entries: queue.Queue[tuple[float, AuditEffect] | str] = queue.Queue(MAX_WAITING)
        try:
            self._descriptor: int | None = self._open()
        except OSError as error:
            raise StartError(f"audit.file: cannot write to {file}: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="inditree-audit", daemon=True)
        self._thread.start()

    def command(self, each: AuditEffect) -> None:
        """Write the fate of a `new*`, as the core tells it; of a long element the values are left out."""
        if len(each.data) > MAX_ELEMENT:
            each = msgspec.structs.replace(each, data=b"")
        self._put(each)

    def control(self, *, client: str, action: str, name: str, result: str) -> None:
        """A change over HTTP: `action` is `driver.add`, `remote.stop` ..., `name` whom it was about."""
        self._put(AuditEffect("", client, "http", action, "", name, b"", result))

    def reopen(self) -> None:
        """Go on in a new file: the old one was renamed (SIGHUP)."""
        try:
            self._entries.put_nowait("reopen")
        except queue.Full:
            self._moved = True  # for the thread to see before the next line: that belongs to the new file too

    def close(self, timeout: float = 0.5) -> None:
        """Write what waits and close the file, within `timeout` seconds."""
        try:
            self._entries.put("close", timeout=timeout)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _put(self, each: AuditEffect) -> None:
        try:
            self._entries.put_nowait((time.time(), each))
        except queue.Full:
            self._lose(1, "the disk is too slow")

    def _run(self) -> None:
        while (entry := self._entries.get()) != "close":
            if entry == "reopen" or self._moved:
                self._reopen()
            if isinstance(entry, tuple):
                try:
                    line = msgspec.json.encode(_line(*entry)) + b"\n"
                except Exception as error:  # it would end the thread, and with it the audit
                    self._lose(1, f"a line could not be made: {error!r}")
                else:
                    self._write(line)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _open(self) -> int:
        """Without waiting for who reads it, where it is a FIFO."""
        return os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)

    def _reopen(self) -> None:
        self._moved = False
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._partial = False
        try:
            self._descriptor = self._open()
        except OSError as error:
            self._lose(0, error.strerror or str(error))

    def _write(self, line: bytes) -> None:
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            if self._partial:
                line = b"\n" + line  # what a full disk cut off must not spoil this one
            written = os.write(self._descriptor, line)
        except OSError as error:
            return self._lose(1, error.strerror or str(error))
        self._partial = written < len(line)
        if self._partial:
            self._lose(1, "the disk is full")
        return None

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        if time.monotonic() - self._complained >= COMPLAINT_INTERVAL:
            self._complained = time.monotonic()
            fields = {"event": "audit_lost", "lost": self.lost}
            _logger.error("%s: %s; %d lines lost so far", self._file, reason, self.lost, extra=fields)


def _line(at: float, entry: AuditEffect) -> Line:
    members = _members(entry.data)
    ended = entry.seconds is not None
    return Line(
        time=utc(at),
        client=entry.client,
        listener=entry.listener,
        element=entry.element,
        device=entry.device,
        property=entry.property,
        members=members,
        result=entry.result,
        was=_was(entry.before, members) if ended else msgspec.UNSET,
        seconds=round(entry.seconds, 3) if entry.seconds is not None else msgspec.UNSET,
    )


def _was(before: tuple[bytes, ...], members: dict[str, str]) -> dict[str, str]:
    """The values that these members had."""
    if not before:
        return {}
    values = member_values(fold(before[0], before[1:]))
    return {name: _cut(values[name], "") for name in members if name in values}


def _members(data: bytes) -> dict[str, str]:
    try:
        root = parse(data) if data else ()
    except ET.ParseError:
        return {}
    members = {each.get("name", ""): _cut((each.text or "").strip(), each.tag) for each in root[:MAX_MEMBERS]}
    if len(root) > MAX_MEMBERS:
        members["..."] = f"{len(root) - MAX_MEMBERS} more"
    return members


def _cut(text: str, tag: str) -> str:
    if tag == "oneBLOB":
        return f"({len(text)} characters)"
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}... ({len(text)} characters)"
