"""The messages of drivers, in DIRECTORY/YYYY-MM-DD.islog, as `indiserver -l` writes them."""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inditree.core import Peer
from inditree.errors import PeerError
from inditree.ops.queued import QueuedHandler, Unlocked
from inditree.wire.mend import mend_tag, to_utf8
from inditree.wire.syntax import parse_start, tag_end

_logger = logging.getLogger("inditree.fifo")
_START = re.compile(rb"<(?:def|set|message|del)[A-Za-z]*\s")


class MessageLog:
    """Looks through what drivers send. A thread writes, so that a slow disk delays nobody."""

    def __init__(self, directory: str) -> None:
        self._handler = QueuedHandler(_Days(Path(directory)))

    @property
    def lost(self) -> int:
        """Lines that found no room."""
        return self._handler.lost

    def feed(self, peer: Peer, data: bytes) -> None:
        """Look through what a driver has sent."""
        if b"message" not in data:
            return
        for found in _START.finditer(data):
            attributes = _attributes(data, found.start())
            if text := attributes.get("message"):
                now = datetime.now(UTC)
                timestamp = attributes.get("timestamp") or now.strftime("%Y-%m-%dT%H:%M:%S")
                line = f"{timestamp}: {attributes.get('device') or peer.name}: {text}".replace("\n", " ")
                self._handler.handle(logging.makeLogRecord({"msg": line, "day": _day(timestamp, now)}))

    def finish(self) -> None:
        """Write what waits, within a second."""
        self._handler.finish()


def _attributes(data: bytes, begin: int) -> dict[str, str]:
    """Attributes of the start tag there, repaired as clients get it; none where that cannot be."""
    try:
        end, _ = tag_end(data, begin + 1, len(data), 0)
    except PeerError:
        return {}
    tag = data[begin:end]
    try:
        return parse_start(tag)[1]
    except PeerError:
        mended = mend_tag(to_utf8(tag)[0])
        return parse_start(mended[0])[1] if mended else {}


def _day(timestamp: str, now: datetime) -> str:
    """The file's name: the driver's own date where that is today's or a neighbour's, so that no others are made."""
    days = [(now + timedelta(days)).strftime("%Y-%m-%d") for days in (0, -1, 1)]
    return timestamp[:10] if timestamp[:10] in days else days[0]


class _Days(Unlocked):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._complained = False

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line to the file of its day."""
        try:
            path = self._directory / f"{record.__dict__['day']}.islog"
            with open(path, "a", errors="backslashreplace", opener=_opened) as file:
                file.write(record.msg + "\n")
        except OSError as error:
            if not self._complained:
                self._complained = True
                _logger.error("messages are not logged: %s", error, extra={"event": "islog"})


def _opened(path: str, flags: int) -> int:
    """Opens no link: where others may write to the folder it would lead to any file of ours."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)
