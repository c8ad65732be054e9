"""Every configuration that the documentation shows is one that the router takes."""

from __future__ import annotations

import re

import pytest

from docs.written import PAGES
from inditree import config

_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(body, id=f"{page.name}-{number}")
    for page in PAGES
    for number, (_, body) in enumerate(_BLOCK.findall(page.read_text()))
    if not re.search(r"^(services|apiVersion):", body, re.MULTILINE)  # Compose's and Kubernetes' own
]


def test_there_are_some() -> None:
    assert len(BLOCKS) >= 7


@pytest.mark.parametrize("body", BLOCKS)
def test_it_is_taken(body: str) -> None:
    assert config.load(body)
