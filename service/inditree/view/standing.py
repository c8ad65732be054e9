"""Since when a property is in its state, and what was said with it: read from the start tags that pass. Pure.

The hot path compares bytes: a property that goes on in its state is not looked at any further.
"""

from __future__ import annotations

import re

STATES = frozenset((b"Idle", b"Ok", b"Busy", b"Alert"))

SAID = 256
"""Characters of a device's last message that are kept."""

_HEAD = 512
"""Bytes of a start tag in which a message is looked for."""

_BEFORE = rb"<[^\s<>]+(?:\s+[^\s=<>]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*?\s+"
_VALUE = rb"\s*=\s*(?:\"([^\"]*)\"|'([^']*)')"
_STATE = re.compile(_BEFORE + b"state" + _VALUE)
_MESSAGE = re.compile(_BEFORE + b"message" + _VALUE)


class Standing:
    """The state of a property, `since` seconds of the caller's clock; "" where none was said.

    `head` is how the element began that said so: one that begins in the same way need not be heard.
    """

    __slots__ = ("head", "since", "state")

    def __init__(self) -> None:
        self.state = ""
        self.since = 0.0
        self.head = b"<>"  # nothing begins like this

    def hear(self, data: bytes, start: int, end: int, now: float) -> bool:
        """Take the state from the element that stands there; False: it has none, and changes nothing."""
        found = _STATE.match(data, start, end)
        if found is None:
            return False
        said = found[1] if found[1] is not None else found[2]
        if said not in STATES:
            return False
        self.head = found[0]
        if (state := said.decode()) != self.state:
            self.state, self.since = state, now
        return True


def message_in(data: bytes, start: int, end: int) -> str:
    """The message that an element says with its values; "" without one, or far behind in a long start tag."""
    if data.find(b"message", start, min(end, start + _HEAD)) < 0:
        return ""
    found = _MESSAGE.match(data, start, end)
    if found is None:
        return ""
    said = found[1] if found[1] is not None else found[2]
    text = said[: 4 * SAID].decode(errors="replace")
    return _unescaped(text)[:SAID] if "&" in text else text[:SAID]


def _unescaped(text: str) -> str:
    from html import unescape  # its table of names is 7 ms of a start

    return unescape(text)
