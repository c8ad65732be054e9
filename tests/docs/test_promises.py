"""SECURITY.md: each promise names a test that is there."""

from __future__ import annotations

import ast
import re

from docs.written import ROOT

REFERENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def promises() -> list[str]:
    text = (ROOT / "SECURITY.md").read_text()
    section = re.search(r"^## What is promised\n(.*?)^Not promised", text, re.DOTALL | re.MULTILINE)
    assert section is not None
    return re.split(r"^- ", section[1], flags=re.MULTILINE)[1:]


def test_each_promise_names_its_test() -> None:
    found = promises()
    assert len(found) > 20
    assert [each for each in found if not REFERENCE.search(each)] == []


def test_the_tests_that_are_named_are_there() -> None:
    missing = []
    for file, name in {pair for each in promises() for pair in REFERENCE.findall(each)}:
        path = ROOT / file
        tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
        if (name and name not in tests) or not tests:
            missing.append(f"{file}::{name}")
    assert missing == []
