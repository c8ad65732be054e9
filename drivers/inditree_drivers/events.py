"""Checks what a client asked for: numbers in range, a switch by its name."""

import math
from typing import Any


class Refused(Exception):
    """A request that the instrument does not carry out; the text goes to the client."""


def wanted(event: Any) -> dict[str, float]:
    """Gives all members of a number vector: those that the client sent, the others as they are.

    Raises Refused for text that is no number, for NaN and infinity, and for a value outside `min`..`max`.
    """
    return {name: _checked(event, name) for name in event.vector}


def _checked(event: Any, name: str) -> float:
    member = event.vector.data[name]
    if name not in event:
        return float(member.getfloatvalue())
    try:
        value = float(event.getfloatvalue(name))
    except (TypeError, ValueError) as error:
        raise Refused(f"{name}: {event[name]!r} is not a number") from error
    low, high = float(member.min), float(member.max)
    if not math.isfinite(value) or (low < high and not low <= value <= high):
        raise Refused(f"{name}: {value:g} is outside {low:g}..{high:g}")
    return value


def chosen(event: Any) -> str | None:
    """The member that the client switches On, None where it switches all Off. Two at once are Refused."""
    on = [name for name, value in event.items() if value == "On"]
    if len(on) > 1:
        raise Refused(f"{event.vectorname}: only one of {', '.join(on)} can be on")
    return on[0] if on else None


def one_of(event: Any) -> str:
    """The member of a OneOfMany vector that the client switches On; Refused where there is none."""
    name = chosen(event)
    if name is None:
        raise Refused(f"{event.vectorname}: one member must be on")
    return name
