"""The differences of two configurations: what a reload has to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from inditree.config.structs import Config, Driver, Listen, Remote

_Named = TypeVar("_Named", Listen, Driver, Remote)


class Difference(Struct, Generic[_Named], frozen=True):
    """Entries by name: new ones, the names of those gone, and new versions of those that changed.

    One under a new name is one that is gone and one that is added: its driver ends, and starts under the new name.
    """

    added: tuple[_Named, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[_Named, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Changes(Struct, frozen=True):
    """The difference of two configurations. `sections` names the other top-level keys whose values differ."""

    listen: Difference[Listen]
    drivers: Difference[Driver]
    remotes: Difference[Remote]
    sections: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.listen or self.drivers or self.remotes or self.sections)


def compare(old: Config, new: Config) -> Changes:
    """The changes from one complete configuration to another; the order of entries means nothing."""
    lists = ("listen", "drivers", "remotes")
    return Changes(
        listen=_difference(old.listen, new.listen),
        drivers=_difference(old.drivers, new.drivers),
        remotes=_difference(old.remotes, new.remotes),
        sections=tuple(
            key for key in Config.__struct_fields__ if key not in lists and getattr(old, key) != getattr(new, key)
        ),
    )


def _difference(old: Sequence[_Named], new: Sequence[_Named]) -> Difference[_Named]:
    before = {entry.name: entry for entry in old}
    after = {entry.name: entry for entry in new}
    return Difference(
        added=tuple(entry for name, entry in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(entry for name, entry in after.items() if name in before and before[name] != entry),
    )
