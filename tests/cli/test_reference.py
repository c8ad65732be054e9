"""docs/commands.md is what the parser says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_that_of_this_parser() -> None:
    words = [sys.executable, str(ROOT / "scripts/commands-reference")]
    made = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    said, kept = (" ".join(text.split()) for text in (made, (ROOT / "docs/commands.md").read_text()))
    # Python 3.13 words a usage line a little differently.
    if sys.version_info[:2] == (3, 11):
        assert said == kept, "run .venv/bin/python scripts/commands-reference > docs/commands.md"
    assert "Usage: indiserver [options] driver [driver ...]" in kept
    for command in ("serve", "check", "health", "status", "driver add", "remote restart"):
        assert f"inditree {command}" in said
