"""Paths of definitions and of ownerless elements: the IDs of the routers that they passed, origin first."""

from __future__ import annotations

import re

from inditree.wire.syntax import attribute, with_attributes, with_spelt, without_attribute

VIA, SEQ = "via", "seq"


def ids(via: str | None) -> list[str]:
    """The IDs of a `via`."""
    return [each for each in (via or "").split(",") if each]


def origin(via: str) -> str:
    """Names the router where a path begins."""
    return via.split(",", 1)[0]


def extend(via: str, own: str) -> str:
    """The path with our own ID appended."""
    return f"{via},{own}" if via else own


def stamp(data: bytes, via: str, seq: str | None = None) -> bytes:
    """The element as it travels on a link between routers."""
    return with_attributes(data, via=via) if seq is None else with_attributes(data, via=via, seq=seq)


class Stamps:
    """Stamps many definitions for one router: what is written of a path is made once. `own` and `to` are both IDs."""

    __slots__ = ("_own", "_spelt", "_to")

    def __init__(self, own: str, to: str) -> None:
        self._own = own
        self._to = to
        self._spelt: dict[str, bytes] = {}

    def stamp(self, data: bytes, via: str) -> bytes:
        """As `stamp` makes it of the path so far; nothing where the router stands in that path."""
        spelt = self._spelt.get(via)
        if spelt is None:
            passed = self._to in ids(via)
            spelt = b"" if passed else b" via=%s" % attribute(extend(via, self._own))
            self._spelt[via] = spelt
        return with_spelt(without_attribute(data, VIA), spelt) if spelt else b""


def strip(data: bytes) -> bytes:
    """The element as clients and drivers see it."""
    return without_attribute(without_attribute(data, VIA), SEQ)


_NUMBER = re.compile("[0-9]{1,18}")


class Once:
    """Passes each origin's numbered elements on once, rising; and numbers our own.

    Rising among those of a kind and a device only: others take other ways (`share`, `devices`) and may come earlier.
    """

    __slots__ = ("_bytes", "_seen", "_seq")

    LIMIT = 1 << 20
    """Bytes of memory that the sources remembered may take."""

    SOURCE_BYTES = 400
    """Memory that one takes beside its names."""

    KEPT = 300.0
    """Seconds for which a silent source is remembered: nothing travels as long as that."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], tuple[int, float]] = {}  # the last that spoke at the end
        self._seq = 0
        self._bytes = 0

    def next(self) -> str:
        """The number of our next ownerless element."""
        self._seq += 1
        return str(self._seq)

    def is_new(self, origin: str, tag: str, device: str, seq: str | None, now: float) -> bool:
        """True the first time that this number, or a higher one, comes from its origin with that tag and device."""
        source = origin, tag, device
        number = int(seq) if seq is not None and _NUMBER.fullmatch(seq) else 0
        if number <= self._seen.get(source, (0, 0.0))[0]:
            return False
        if self._seen.pop(source, None) is None:
            self._bytes += self._weight(source)
        self._seen[source] = number, now
        while self._bytes > self.LIMIT:
            self._forget_oldest()
        return True

    def expire(self, now: float) -> None:
        """Forget the sources that have been silent for long."""
        while self._seen and next(iter(self._seen.values()))[1] + self.KEPT < now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        source = next(iter(self._seen))
        del self._seen[source]
        self._bytes -= self._weight(source)

    def _weight(self, source: tuple[str, str, str]) -> int:
        return self.SOURCE_BYTES + sum(map(len, source))
