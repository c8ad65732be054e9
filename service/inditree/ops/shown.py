"""Applies `http.devices`: hides other devices from HTTP as if they were not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from msgspec.structs import replace

from inditree.ops.model import DriverRow, InterlockRow, ReactionRow, RemoteRow, Status, WaitingRow


class Shown:
    """Decides by globs over names of devices."""

    def __init__(self, patterns: Iterable[str] = ("*",)) -> None:
        self._patterns = patterns = tuple(patterns)
        self._all = "*" in patterns
        self._fits = re.compile("|".join(map(translate, patterns)) or r"(?!)").match

    def __call__(self, device: str) -> bool:
        """Says whether this device is shown."""
        return self._all or self._fits(device) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and self._patterns == other._patterns

    def __hash__(self) -> int:
        return hash(self._patterns)

    def status(self, status: Status) -> Status:
        """The status without what is not shown."""
        if self._all:
            return status
        return replace(
            status,
            drivers=tuple(self._driver(row) for row in status.drivers),
            remotes=tuple(self._remote(row) for row in status.remotes),
            devices=tuple(row for row in status.devices if self(row.name)),
            not_ready={name: reason for name, reason in status.not_ready.items() if self(name)},
            conflicts=tuple(row for row in status.conflicts if self(row.device)),
            interlocks=self.interlocks(status.interlocks),
            reactions=self.reactions(status.reactions),
            reload_refused=None,  # it may name one that is not shown
        )

    def interlocks(self, rows: Iterable[InterlockRow]) -> tuple[InterlockRow, ...]:
        """Leave out what names a device that is not shown."""
        return tuple(row for row in rows if all(map(self, row.devices)))

    def reactions(self, rows: Iterable[ReactionRow]) -> tuple[ReactionRow, ...]:
        """Leave out what names a device that is not shown."""
        return tuple(row for row in rows if all(map(self, row.devices)))

    def _driver(self, row: DriverRow) -> DriverRow:
        return replace(row, devices=tuple(filter(self, row.devices)), waiting=self._waiting(row.waiting))

    def _remote(self, row: RemoteRow) -> RemoteRow:
        return replace(row, devices=tuple(filter(self, row.devices)), waiting=self._waiting(row.waiting))

    def _waiting(self, rows: tuple[WaitingRow, ...]) -> tuple[WaitingRow, ...]:
        return tuple(row for row in rows if self(row.device))
