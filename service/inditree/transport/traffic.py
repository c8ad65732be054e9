"""XML traffic in the log, as RX:: and TX:: at DEBUG; long values are cut."""

from __future__ import annotations

import logging
import re

MAX_VALUE, MAX_TRAFFIC = 80, 2000
"""Characters of a value, and of a whole line, that are shown."""

_VALUE = re.compile(rf">([^<>]{{{MAX_VALUE + 1},}}+)<")  # a value with `>` is shown whole: linear
_logger = logging.getLogger("inditree.traffic")


def log(direction: str, data: bytes, peer: str) -> None:
    """Log elements that came from (`RX`) or went to (`TX`) a peer. Of a BLOB give the head alone."""
    if _logger.isEnabledFor(logging.DEBUG):
        extra = {"event": "traffic", "direction": direction, "peer": peer}
        _logger.debug("%s:: %s [%s]", direction, shortened(data), peer, extra=extra)


def shortened(data: bytes) -> str:
    """Elements as text, with long values cut, and cut as a whole."""
    text = data[: 16 * MAX_TRAFFIC].decode("utf-8", "backslashreplace").strip()
    text = _VALUE.sub(lambda found: f">{found[1][:MAX_VALUE]}...({len(found[1])})<", text)
    return text if len(text) <= MAX_TRAFFIC else f"{text[:MAX_TRAFFIC]}...({len(data)} bytes)"
