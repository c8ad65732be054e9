"""Fuzz by hand: `PYTHONPATH=tests:service python -m fuzz.run SECONDS [TARGET ...]`, with atheris where it is installed.

The targets are framer, core and config; the time is for all of them together. A finding is printed and kept below
.cache/fuzz/found; once it is understood it becomes a test, or a vector (tests/vectors/found-*.xml).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from fuzz import config_target, core_target, framer_target
from fuzz.sayings import FILES, PLAYS, SAYINGS, WORDS
from fuzz.streams import STREAMS
from wire.streams import VECTORS

FOUND = Path(__file__).parent.parent.parent / ".cache" / "fuzz" / "found"


class Target(NamedTuple):
    check: Callable[[bytes, int], None]
    streams: st.SearchStrategy[bytes]
    corpus: Callable[[], list[bytes]]


def _core_corpus() -> list[bytes]:
    return [bytes([number % 9]) + said.encode() for number, said in enumerate(SAYINGS)]


def _captures() -> list[bytes]:
    return [path.read_bytes()[:4096] for path in sorted(VECTORS.glob("*.xml"))]


TARGETS = {
    "framer": Target(framer_target.check, STREAMS, _captures),
    "core": Target(core_target.check, PLAYS, _core_corpus),
    "config": Target(config_target.check, FILES, lambda: [word.encode() for word in WORDS]),
}


def main(seconds: int, *names: str) -> int:
    """Each target twice, in a process of its own: what Hypothesis builds goes deeper, what atheris mutates wider."""
    ways = ["fuzz.built", *(["fuzz.guided"] if util.find_spec("atheris") else [])]
    names = names or tuple(TARGETS)
    share = max(1, seconds // (len(ways) * len(names)))
    failed = 0
    for name in names:
        for way in ways:
            began = time.monotonic()
            code = subprocess.run([sys.executable, "-m", way, str(share), name], check=False).returncode
            told = "nothing found" if code == 0 else "FOUND SOMETHING"
            print(f"{name}, {way}: {time.monotonic() - began:.0f} s, {told}", flush=True)
            failed |= code != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, *sys.argv[2:]))
