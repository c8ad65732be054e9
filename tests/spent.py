"""What the tests cost, in seconds of the processor: a plugin of pytest, for whoever makes them cheaper.

PYTHONPATH=tests PYTEST_ADDOPTS="-p spent" make test

A line for each test is added to build/spent.jsonl: its name, the seconds of pytest itself, those of the programs that
ended meanwhile, those on the clock. What else the machine does makes the last longer, and hardly the others.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Generator
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "build/spent.jsonl"


def _now() -> list[float]:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return [*(each.ru_utime + each.ru_stime for each in used), time.monotonic()]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure one test with its fixtures; a fixture of a module or session counts where it is made or ended."""
    before = _now()
    try:
        return (yield)
    finally:
        spent = [round(end - begin, 3) for begin, end in zip(before, _now(), strict=True)]
        FILE.parent.mkdir(exist_ok=True)
        with FILE.open("a") as file:
            file.write(json.dumps([item.nodeid, *spent]) + "\n")
