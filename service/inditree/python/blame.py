"""Finds whose code raised an exception, and where a driver's own code is."""

from __future__ import annotations

import sys
from collections.abc import Container


def within_package(error: BaseException, ours: Container[str]) -> bool:
    """Says whether no code but that of the package and of our modules of these names is in its traceback."""
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module not in ours and not module.startswith("indipydriver."):
            return module in ("base64", "asyncio.taskgroups")
        trace = trace.tb_next
    return True


def files_of(driver: object) -> frozenset[str]:
    """Finds the driver's code: the modules of its class and of the classes that it is made from."""
    modules = {kind.__module__ for kind in type(driver).__mro__ if not _is_library(kind)}
    files = {getattr(sys.modules.get(module), "__file__", None) for module in modules}
    return frozenset(file for file in files if file)


def _is_library(kind: type) -> bool:
    root = kind.__module__.partition(".")[0]
    return root == "indipydriver" or root in sys.stdlib_module_names
