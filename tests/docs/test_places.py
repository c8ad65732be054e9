"""What the documentation points at is there: pages, headings, files of this repository, modules and names in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.written import PAGES, ROOT

_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
_PATH = re.compile(r"(?<![\w./-])((?:tests|service|drivers|docs|k8s|compose|scripts|make)/[\w./-]*\w)")
_ROOMS = sorted(path.name for path in (ROOT / "service/inditree").iterdir() if path.is_dir())
_MODULE = re.compile(rf"`((?:{'|'.join(_ROOMS)})/\w+\.py)`")


def _anchors(page: Path) -> set[str]:
    """The anchors of its headings, as web pages of repositories make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    text = page.read_text()
    missing = [name for name in _PATH.findall(text) if not (ROOT / name).exists()]
    missing += [name for name in _MODULE.findall(text) if not (ROOT / "service/inditree" / name).exists()]
    assert missing == []


def test_names_of_the_architecture_are_in_the_code() -> None:
    text = (ROOT / "docs/architecture.md").read_text() + (ROOT / "docs/flow.md").read_text()
    code = "\n".join(path.read_text() for folder in ("service", "tests") for path in (ROOT / folder).rglob("*.py"))
    names = {word for quoted in re.findall(r"`([\w.]+)`", text) for word in quoted.split(".")}
    # Families of counters get their `_total` from the library.
    unknown = [name for name in names if not re.search(rf"\b{name.removesuffix('_total')}\b", code)]
    assert unknown == []


def test_each_page_is_on_the_start_page() -> None:
    start = (ROOT / "docs/README.md").read_text()
    others = {page.name for page in PAGES if page.parent == ROOT / "docs"} - {"README.md"}
    assert len(others) > 20
    assert [name for name in sorted(others) if f"]({name}" not in start] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_is_long(page: Path) -> None:
    """One subject is 250 lines at most; docs/commands.md is made from the parser."""
    assert page.name == "commands.md" or len(page.read_text().splitlines()) <= 250
