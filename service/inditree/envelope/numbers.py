"""Numbers as INDI writes them, and as JSON has them."""

from __future__ import annotations

import math
import re

_PLAIN = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?")
_SEXAGESIMAL = re.compile(r"([+-]?)(\d++)[ :;]++(\d++(?:\.\d*+)?)(?:[ :;]++(\d++(?:\.\d*+)?))?")

EXACT = 1 << 53
"""From here on a double is no longer each whole number."""


def number(text: str) -> float | None:
    """Read a number as INDI writes it: `12.5`, `-0:30:15.5`, `12 30`; None where it is none, or too large."""
    text = text.strip()
    if _PLAIN.fullmatch(text):
        value = float(text)
    elif match := _SEXAGESIMAL.fullmatch(text):
        sign, whole, minutes, seconds = match.groups()
        # Not int(), which refuses more than 4300 digits, and whose sum with a float may overflow.
        value = float(whole) + float(minutes) / 60 + float(seconds or 0) / 3600
        value = -value if sign == "-" else value
    else:
        return None
    return value if math.isfinite(value) else None


def json_number(text: str | None) -> float | int | None:
    """Read a number of INDI as one that JSON has; None for what JSON has not (nan, infinity, nothing)."""
    value = number(text) if text else None
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < EXACT else value


def spell(value: float) -> str:
    """Write a number for an element: the shortest text that is exactly this double, without a needless `.0`."""
    short = json_number(repr(float(value)))
    return repr(short) if short is not None else "0"
