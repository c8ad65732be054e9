"""A docstring stands alone: it does not lean on what happens to be written above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEANS = re.compile(
    r"(What|The same|Those|These|They|It|Its|Their|And|Or|But|Also|As (it|they|above|if|an?)|Of|By name"
    r"|This reason|In place|Called (by|before|when)|To be|With what"
    r"|Whether|Why|How|Where|When|Who|Whose|Which|Until|All|Not|Only|Else|Ours|One (that|who)|That of)\b"
)
"""Beginnings that say nothing unless one has read the name of the function, or the docstring before."""


def leaning(source: str) -> Iterator[str]:
    """The first lines that lean on something else."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node)
            if text and LEANS.match(text):
                yield text.splitlines()[0]


@pytest.mark.parametrize("text", ["The same for tags.", "Those of one.", "It has.", "As they are now.", "Whether so."])
def test_it_finds_what_leans(text: str) -> None:
    assert list(leaning(f'def f():\n    """{text}"""\n')) == [text]


def test_docstrings_stand_alone() -> None:
    paths = [path for folder in ("service", "drivers") for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): list(leaning(path.read_text())) for path in paths}
    assert not {path: lines for path, lines in found.items() if lines}
