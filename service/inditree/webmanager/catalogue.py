"""The drivers that the Web Manager may start, by label: installed ones and the router's, as far as the patterns fit.

Nothing that is posted adds a program to it: a custom driver is another label for a program that is in it already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any, Protocol

import msgspec

from inditree.config import Driver
from inditree.config.words import driver_name
from inditree.programs.supervisor import Supervisor
from inditree.webmanager.installed import Entry
from inditree.webmanager.profiles import Custom


class Unit(Protocol):
    """A driver of the router, whoever made it."""

    config: Driver
    supervisor: Supervisor


class Known(msgspec.Struct, frozen=True):
    """A driver by its label. `unit` is one of the router that others made: it is used instead of a second one."""

    entry: Entry
    unit: Any = None
    custom: bool = False


def catalogue(
    patterns: Collection[str], installed: Mapping[str, Entry], units: Iterable[Unit], custom: Mapping[str, Custom]
) -> dict[str, Known]:
    """Give what may be started. `units` are those that the Web Manager did not make."""
    others = list(units)
    programs = {_base(entry.program): entry for entry in installed.values()}
    known = {}
    for unit in others:
        entry = _entry_of(unit, programs)
        if _fits(entry, patterns):
            known[entry.label] = Known(entry, unit)
    allowed = {label: entry for label, entry in installed.items() if _fits(entry, patterns)}
    for label, entry in allowed.items():
        known.setdefault(label, Known(entry, _running(entry, others)))
    runnable = {entry.program: entry for entry in allowed.values()}
    for label, each in custom.items():
        if label not in known and each.exec in runnable:
            entry = Entry(
                label=label, name=each.name, program=each.exec, family=each.family or "Others", version=each.version
            )
            known[label] = Known(entry, custom=True)
    return known


def _entry_of(unit: Unit, programs: Mapping[str, Entry]) -> Entry:
    """A driver of the router as an entry; what its program is known for, where it is."""
    config = unit.config
    label, program = config.label or config.name, driver_name(config)
    like = programs.get(program)
    return Entry(
        label=label,
        name=config.env.get("INDIDEV") or (like.name if like else label),
        program=program,
        family=like.family if like else "Others",
        version=like.version if like else "1.0",
        mdpd=like.mdpd if like else False,
    )


def _running(entry: Entry, units: Iterable[Unit]) -> Unit | None:
    """The router's own driver that is this one: it has the program, and no label or device name of its own."""
    for unit in units:
        config = unit.config
        if config.exec is None or config.label is not None or driver_name(config) != _base(entry.program):
            continue
        if config.env.get("INDIDEV", entry.label) in (entry.label, entry.name):
            return unit
    return None


def _fits(entry: Entry, patterns: Iterable[str]) -> bool:
    words = (entry.label, entry.program, _base(entry.program))
    return any(fnmatchcase(word, pattern) for pattern in patterns for word in words)


def _base(program: str) -> str:
    return PurePath(program).name
