"""The table of docs/from-indiserver.md: each difference is seen in a session, and no session sees another one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from indiserver.sessions import DOCUMENT


def _known(path: Path) -> Iterator[str]:
    """The differences that the sessions of a file expect: by `same(..., NAME=...)` or `known["NAME"] = ...`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "same":
            yield from (each.arg for each in node.keywords if each.arg not in (None, "once"))
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "known":
            yield ast.literal_eval(node.slice)


def test_each_line_of_the_table_is_seen_by_a_session_and_no_other() -> None:
    table = DOCUMENT.read_text().split("## Differences that transcripts show")[1].split("\n## ")[0]
    lines = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    seen = {name.replace("_", "-") for path in Path(__file__).parent.glob("test_*.py") for name in _known(path)}
    assert sorted(lines) == sorted(seen)
