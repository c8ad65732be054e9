"""DEVICE.PROPERTY.MEMBER as people write it: globs, and parts in double quotes that are themselves. Pure.

Property and member are what stands behind the last two dots, so that a device's name may have dots. Within double
quotes every sign, a dot too, is part of the name.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from glob import escape
from typing import NamedTuple


class Names(NamedTuple):
    """Three globs. What stood in quotes is escaped, so that it fits itself alone."""

    device: str
    property: str
    member: str

    def fits(self, device: str, name: str, member: str | None = None) -> bool:
        """Says whether a property fits, or where `member` is given a member of it."""
        if not (fnmatchcase(device, self.device) and fnmatchcase(name, self.property)):
            return False
        return member is None or fnmatchcase(member, self.member)


def split(text: str, stops: str = "") -> tuple[list[str], int]:
    """The parts between dots up to the first of `stops` outside quotes, and where that stands (or the text ends).

    Raises ValueError where a quote is not closed.
    """
    parts, part, at = [], "", 0
    while at < len(text) and text[at] not in stops:
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise ValueError(f'{text!r}: no closing "')
            part += escape(text[at + 1 : end])
            at = end
        elif text[at] == ".":
            parts.append(part)
            part = ""
        else:
            part += text[at]
        at += 1
    return [*parts, part], at


def pattern(text: str) -> Names:
    """A pattern: one part is a device, two are a device and a property, three or more have a member at the end.

    Raises ValueError where a part is empty or a quote not closed.
    """
    parts = split(text)[0]
    if not all(parts):
        raise ValueError(f"{text!r} has an empty part: DEVICE[.PROPERTY[.MEMBER]]")
    if len(parts) < 3:
        return Names(*parts, *["*"] * (3 - len(parts)))
    return Names(".".join(parts[:-2]), parts[-2], parts[-1])


def assignment(text: str) -> tuple[str, str, str, str]:
    """Device, property, member and value of `DEVICE.PROPERTY.MEMBER=VALUE`, none of them a glob. Raises ValueError."""
    parts, at = split(text, "=")
    parts = [unescaped(each) for each in parts]
    if at == len(text) or len(parts) < 3 or not all(parts):
        raise ValueError(f"{text!r} is not DEVICE.PROPERTY.MEMBER=VALUE")
    return ".".join(parts[:-2]), parts[-2], parts[-1], text[at + 1 :]


def literal(glob: str) -> str | None:
    """The one name that a glob fits; None where it may fit several."""
    name = unescaped(glob)
    return name if escape(name) == glob or not set(glob) & set("*?[") else None


def unescaped(glob: str) -> str:
    """A quoted name as it was meant, without the quoting."""
    for sign in "*?[":
        glob = glob.replace(f"[{sign}]", sign)
    return glob
