"""Loads IPyDriver objects: from `pkg.module:callable`, or from a script that has made them."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from inditree.programs.supervisor import CannotStart
from inditree.python.ending import LEAVING, LeftError


class NoDriver(CannotStart, TypeError):
    """Something else stands where an IPyDriver should."""


class SameDevice(CannotStart, ValueError):
    """A device name is given twice."""


def load_factory(target: str) -> list[Any]:
    """Call the factory `pkg.module:callable` and give its IPyDriver objects, one or more.

    Raises CannotStart (NoDriver is a TypeError and SameDevice a ValueError as well) with the target's name in it; what
    the factory itself raises passes through: its hardware may come back.
    """
    factory = import_factory(target)
    try:
        made = factory()
    except LEAVING as end:
        raise LeftError(end) from end
    if inspect.iscoroutine(made):
        made.close()
    if not isinstance(made, list | tuple | set | frozenset):
        made = [made]
    if not made:
        raise NoDriver(f"{target} gave no driver")
    try:
        return check_drivers(made)
    except CannotStart as error:
        raise type(error)(f"{target}: {error}") from None


def import_factory(target: str) -> Callable[[], Any]:
    """The callable of `pkg.module:callable`; the current directory is looked in first. Raises CannotStart."""
    module_name, colon, path = target.partition(":")
    if not (colon and path and all(part.isidentifier() for part in f"{module_name}.{path}".split("."))):
        raise CannotStart(f"{target}: not of the form pkg.module:callable")
    here = os.getcwd()  # noqa: PTH109 - as sys.path has it
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
        importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, *LEAVING) as error:  # a module may raise anything as it is run
        raise CannotStart(f"{target}: cannot import {module_name}: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise CannotStart(f"{target}: {module_name} has no {path}") from None
    if not callable(found):
        raise CannotStart(f"{target}: is a {type(found).__name__}, not a callable that returns IPyDriver objects")
    factory: Callable[[], Any] = found
    return factory


def check_drivers(drivers: Iterable[object]) -> list[Any]:
    """Check drivers and their devices. Raises NoDriver (a TypeError) or SameDevice (a ValueError), with the names."""
    known = _ipydriver()
    checked: list[Any] = []
    owners: dict[str, str] = {}
    for driver in drivers:
        if known is None or not isinstance(driver, known):
            shown = driver.__name__ + " itself" if isinstance(driver, type) else f"a {type(driver).__name__}"
            extra = "" if known else " (indipydriver is not installed: the extra `ipydriver` has it)"
            raise NoDriver(f"{shown} is no IPyDriver{extra}")
        for device in driver:
            if device in owners:
                raise SameDevice(
                    f"device name {device!r} is given twice, by {owners[device]} and {type(driver).__name__}"
                )
            owners[device] = type(driver).__name__
        checked.append(driver)
    return checked


def _ipydriver() -> Any:
    try:
        from indipydriver import IPyDriver
    except ImportError:
        return None
    return IPyDriver
