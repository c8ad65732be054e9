"""Bounds on a client that is slow on purpose or asks without end. Off unless configured (`limits`)."""

from __future__ import annotations

from typing import Protocol


class ClientLimits(Protocol):
    """Seconds and elements per second, None: no limit."""

    @property
    def first_element(self) -> float | None: ...
    @property
    def incomplete_element(self) -> float | None: ...
    @property
    def elements_per_second(self) -> float | None: ...


def guard(limits: ClientLimits, now: float) -> Guard | None:
    """The guard of a new client, None where nothing is bounded."""
    bounds = (limits.first_element, limits.incomplete_element, limits.elements_per_second)
    return None if bounds == (None, None, None) else Guard(limits, now)


class Guard:
    """The behaviour of one client: when it came, since when an element is incomplete, how many it may send now."""

    def __init__(self, limits: ClientLimits, now: float) -> None:
        self._limits = limits
        self._joined = now
        self._first = False
        self._incomplete_since: float | None = None
        self._tokens = limits.elements_per_second or 0.0
        self._filled = now

    def passed(self, count: int, incomplete: bool, now: float) -> float:
        """Count elements, and perhaps the beginning of one; returns for how many seconds not to read their sender."""
        self._first = self._first or count > 0
        if not incomplete:
            self._incomplete_since = None
        elif count or self._incomplete_since is None:
            self._incomplete_since = now
        rate = self._limits.elements_per_second
        if rate is None:
            return 0.0
        self._tokens = min(rate, self._tokens + (now - self._filled) * rate) - count
        self._filled = now
        return max(0.0, -self._tokens / rate)

    def overdue(self, now: float) -> str | None:
        """The reason why it is to be closed; None: it is not."""
        first, incomplete = self._limits.first_element, self._limits.incomplete_element
        if first is not None and not self._first and now - self._joined >= first:
            return f"sent no complete element within {first:g} s (limits.first_element)"
        since = self._incomplete_since
        if incomplete is not None and since is not None and now - since >= incomplete:
            return f"left an element incomplete for {incomplete:g} s (limits.incomplete_element)"
        return None
