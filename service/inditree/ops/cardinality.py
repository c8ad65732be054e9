"""Labels of metrics, bounded: the first names have series of their own, all others share `_other`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

MAX_NAMES = 40
"""Devices that have series of their own; as many drivers, and remotes: keeps a router below 2 000 series."""

MAX_LISTENERS = 10
"""Listeners that have series of their own: nobody has more."""

MAX_RULES = 10
"""Interlocks that have series of their own; as many reactions."""

MAX_KEPT = 20
"""Devices whose desired state has series of its own."""

OTHER = "_other"

_T = TypeVar("_T")


class Slots:
    """Decides which names have series of their own.

    A name keeps its place until it is gone; a free place goes to the next newcomer. A name for which `shown` is false
    never has one.
    """

    def __init__(self, size: int = MAX_NAMES, shown: Callable[[str], bool] = bool) -> None:
        self._size = size
        self._shown = shown
        self._own: set[str] = set()
        self._rest: set[str] = set()

    def divide(self, rows: Mapping[str, _T]) -> tuple[dict[str, _T], list[_T]]:
        """(those with series of their own, in order; the rest)."""
        self._own.intersection_update(rows)
        self._rest.intersection_update(rows)
        for name in rows:
            if name in self._own or name in self._rest:
                continue
            (self._own if len(self._own) < self._size and self._shown(name) else self._rest).add(name)
        own = {name: row for name, row in rows.items() if name in self._own}
        return own, [row for name, row in rows.items() if name in self._rest]


class Rising:
    """Sums that must not fall when one of those that they are made of goes away: Prometheus would see a restart."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], tuple[float, float]] = {}  # the last sum, and what was told of it

    def value(self, key: tuple[str, ...], now: float) -> float:
        """The sum `now`, and all that has gone from it."""
        last, told = self._seen.get(key, (0.0, 0.0))
        # Only ever added to: what is subtracted and added again can come out an ulp smaller.
        told += max(now - last, 0.0)
        self._seen[key] = (now, told)
        return told


def known(counts: Mapping[str, float], labels: Iterable[str]) -> dict[str, float]:
    """A value for each of these labels, zero where there is none; what has another goes to `_other`."""
    values = dict.fromkeys(labels, 0.0)
    rest = sum(count for label, count in counts.items() if label not in values)
    for label in values:
        values[label] = counts.get(label, 0)
    if rest:
        values[OTHER] = rest
    return values
