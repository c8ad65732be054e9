"""The numbers of docs/invariants.md, "What one peer can make us keep", are those of the code."""

from __future__ import annotations

import importlib
import re

from docs.written import ROOT

_TABLE = (ROOT / "docs/invariants.md").read_text().partition("## What one peer can make us keep")[2]


def _value(name: str) -> int:
    module, _, constant = name.rpartition(".")
    return int(getattr(importlib.import_module(f"inditree.{module}"), constant))


def test_what_a_peer_can_make_us_keep_is_what_the_page_says() -> None:
    rows = [line.split("|")[2:4] for line in _TABLE.splitlines() if "_" in line and line.startswith("|")]
    assert len(rows) >= 15
    for bounds, names in rows:
        numbers = [int(each) for each in re.findall(r"\d+", bounds)]
        assert numbers == [_value(each) for each in re.findall(r"`([\w.]+[A-Z]+)`", names)], names
