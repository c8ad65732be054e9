"""The house has no circle: no module and no room imports one that imports it, however it does so.

import-linter holds the order of the rooms; this looks at every import, also those for type checkers only and those
inside functions. What is long is named in docs/architecture.md with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import inditree

ROOT = Path(inditree.__file__).parent
LONG = (Path(__file__).parents[1] / "docs/architecture.md").read_text().partition("## Long on purpose")[2]
MODULES = {
    ".".join(("inditree", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in ROOT.rglob("*.py")
}

Graph = dict[str, set[str]]


def imports(name: str, file: Path) -> Iterator[str]:
    """The modules of the service that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                yield whole if whole in MODULES else node.module or ""


def modules() -> Graph:
    return {name: {each for each in imports(name, file) if each in MODULES} - {name} for name, file in MODULES.items()}


def rooms(graph: Graph) -> Graph:
    """The same between the folders (and single modules) of the first level."""

    def room(name: str) -> str:
        return ".".join(name.split(".")[:2])

    result: Graph = {}
    for name, others in graph.items():
        result.setdefault(room(name), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in result.items() if name != "inditree"}


def circles(graph: Graph) -> list[list[str]]:
    """The sets of modules from which each can be reached from each (Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            circle = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]


def test_no_module_is_in_a_circle() -> None:
    assert circles(modules()) == []


def test_no_room_is_in_a_circle() -> None:
    assert circles(rooms(modules())) == []


def test_no_room_has_a_single_module() -> None:
    counts = {folder.name: len(list(folder.rglob("*.py"))) for folder in ROOT.iterdir() if folder.is_dir()}
    alone = {name for name, count in counts.items() if count == 2 and (ROOT / name / "__init__.py").exists()}
    assert alone == set(), "a folder of one file is a file"


def test_long_modules_are_those_that_have_a_reason() -> None:
    sizes = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in MODULES.values()}
    named = set(re.findall(r"`(\w+/\w+\.py)`", LONG.partition("Functions over")[0]))
    assert {name for name, size in sizes.items() if size > 300} <= named
    assert {name for name in named if sizes.get(name, 0) < 250} == set(), "named, and not long any more"
    assert max(sizes.values()) <= 400


def test_long_functions_are_those_that_have_a_reason() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for file in MODULES.values() for node in ast.walk(ast.parse(file.read_text())))
    long = {each.name for each in nodes if isinstance(each, functions) and each.end_lineno - each.lineno >= 40}  # type: ignore[operator]
    assert long <= set(re.findall(r"`(?:\w+\.)?(\w+)`", LONG.partition("Functions over")[2]))
