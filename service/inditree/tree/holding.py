"""A blip of a link between routers: `delProperty ... held="MS"`, the ping behind a question. Rules: docs/tree.md."""

from __future__ import annotations

import re

HELD = "held"
"""The attribute of a `delProperty` between routers: for how many milliseconds more the device may come back."""

UID = "hold/"
"""The uid begins so of a ping whose answer ends what the other end had to say."""

_MILLISECONDS = re.compile("[0-9]{1,9}")


def milliseconds(seconds: float) -> str:
    """The time that is left, as a link has it: rounded up, as 0 would be no hold."""
    return str(max(1, round(seconds * 1000)))


def seconds(text: str | None, most: float) -> float:
    """The time that is left by an attribute, `most` at the most; 0 where there is none, or no number."""
    if text is None or _MILLISECONDS.fullmatch(text) is None:
        return 0.0
    return min(int(text) / 1000, most)


def number(uid: str) -> int:
    """The number of a ping; 0 where it is none of ours."""
    text = uid.removeprefix(UID)
    return int(text) if _MILLISECONDS.fullmatch(text) else 0
