"""Paths of definitions and of ownerless elements: the IDs of the routers that they passed, origin first."""

from __future__ import annotations

import re

from inditree.wire.syntax import with_attributes, without_attribute

VIA, SEQ = "via", "seq"


def ids(via: str | None) -> list[str]:
    """The IDs of a `via`."""
    return [each for each in (via or "").split(",") if each]


def origin(via: str) -> str:
    """Where a path begins."""
    return via.split(",", 1)[0]


def extend(via: str, own: str) -> str:
    """The path with our own ID appended."""
    return f"{via},{own}" if via else own


def stamp(data: bytes, via: str, seq: str | None = None) -> bytes:
    """The element as it travels on a link between routers."""
    return with_attributes(data, via=via) if seq is None else with_attributes(data, via=via, seq=seq)


def strip(data: bytes) -> bytes:
    """The element as clients and drivers see it."""
    return without_attribute(without_attribute(data, VIA), SEQ)


_NUMBER = re.compile("[0-9]{1,18}")


class Once:
    """Passes each origin's numbered elements on once, rising; and numbers our own.

    Rising among those of a kind and a device only: others take other ways (`share`, `devices`) and may come earlier.
    """

    __slots__ = ("_seen", "_seq")

    LIMIT = 4096
    """Sources remembered; an origin is a router's run, so old ones are those of restarted routers."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], int] = {}
        self._seq = 0

    def next(self) -> str:
        """The number of our next ownerless element."""
        self._seq += 1
        return str(self._seq)

    def is_new(self, origin: str, tag: str, device: str, seq: str | None) -> bool:
        """True the first time that this number, or a higher one, comes from its origin with that tag and device."""
        source = origin, tag, device
        number = int(seq) if seq is not None and _NUMBER.fullmatch(seq) else 0
        if number <= self._seen.get(source, 0):
            return False
        self._seen.pop(source, None)
        self._seen[source] = number
        if len(self._seen) > self.LIMIT:
            del self._seen[next(iter(self._seen))]
        return True
