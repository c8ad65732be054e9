"""Every key of the configuration and every variable is in the documentation, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from docs.written import PAGES, ROOT
from inditree.config.structs import Config, Parts

PAGE = (ROOT / "docs/configuration.md").read_text()
# In these sections of the page keys stand without their path.
PARTS = {"rules": "listen[].rules", "restart": "drivers[].restart"}
WORDS = ("listen[].tls", "remotes[].tls", "log.parts")
"""What is said in a sentence or a cell instead of a table."""


def _structs(kind: Any) -> Iterator[tuple[type, bool]]:
    """The structures in a type, and whether there are several of them."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind, False
    for part in get_args(kind):
        for found, several in _structs(part):
            yield found, several or getattr(kind, "__origin__", None) is tuple


def keys(struct: type, path: str = "") -> set[str]:
    """The paths of all keys: `drivers[].restart.policy`."""
    found = set()
    for each in msgspec.structs.fields(struct):
        here = f"{path}{each.encode_name}"
        found.add(here)
        for inner, several in _structs(each.type):
            found |= keys(inner, f"{here}[]." if several else f"{here}.")
    return found


def documented() -> set[str]:
    """The keys of the page's tables, with the section (or the bold word before the table) as their path."""
    found, path = set(), ""
    for line in PAGE.splitlines():
        if heading := re.fullmatch(r"## ([\w, \[\]]+)", line):
            path = "" if heading[1] in ("The whole", "log, audit, metrics") else f"{heading[1]}."
        elif bold := re.match(r"\*\*(\w+)(\[\])?\*\*", line):
            path = f"{PARTS[bold[1]]}{bold[2] or ''}." if bold[1] in PARTS else path
        elif (row := re.match(r"\| `([\w.\[\]]+)` \| ", line)) is not None:
            found.add(row[1] if row[1].startswith(path) else path + row[1])
    return found


def test_every_key_is_documented_and_every_documented_key_is_one() -> None:
    all_keys, said = keys(Config), documented()
    assert len(all_keys) > 100
    assert said - all_keys == set()
    missing = {each for each in all_keys - said if not each.startswith(tuple(f"{word}." for word in WORDS))}
    assert {
        each for each in missing if not any(other.startswith((f"{each}.", f"{each}[].")) for other in said)
    } == set()


@pytest.mark.parametrize("path", WORDS)
def test_keys_that_a_sentence_has(path: str) -> None:
    (line,) = [each for each in PAGE.splitlines() if each.startswith((f"| `{path.split('.')[-1]}`", f"| `{path}`"))][
        -1:
    ]
    text = line + "".join(each for each in PAGE.splitlines() if each.startswith(f"**{path.split('.')[-1]}**"))
    names = {each.removeprefix(f"{path}.") for each in keys(Config) if each.startswith(f"{path}.")}
    assert names
    assert [each for each in sorted(names) if f"`{each}`" not in text] == []


def test_every_variable_is_documented_and_every_documented_variable_is_read() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    read = set(re.findall(r"INDITREE_[A-Z_]*[A-Z]", code))
    told = set(re.findall(r"INDITREE_[A-Z_]*[A-Z]", (ROOT / "docs/variables.md").read_text()))
    assert read == told
    mentioned = {name for page in PAGES for name in re.findall(r"\bINDITREE_[A-Z_]*[A-Z]", page.read_text())}
    elsewhere = "\n".join(
        path.read_text()
        for folder in ("tests", "make", "scripts", "compose")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in ("", ".py", ".mk", ".yaml") and path.is_file()
    )
    assert {name for name in mentioned - told if name not in elsewhere} == set()


def test_every_part_that_logs_can_have_a_level_of_its_own() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    loggers = set(re.findall(r'getLogger\("inditree\.(\w+)"\)', code))
    parts = {each.name for each in msgspec.structs.fields(Parts)}
    assert loggers - parts == {"ipyserver", "metrics", "tasks"}, "these three say next to nothing"
    assert parts - loggers == set()
