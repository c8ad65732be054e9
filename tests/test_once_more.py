"""scripts/tests runs what failed once more, alone: a real failure stays one, an interrupted run is not repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/tests"
ONCE = """
from pathlib import Path
def test_good(): Path("good").open("a").write("x")
def test_bad():
    runs = Path("runs")
    runs.open("a").write("x")
    assert len(runs.read_text()) > {failures}
"""


def run(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [str(SCRIPT), sys.executable, "-q", "test_it.py"]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("failures", "code", "runs"), [(0, 0, 1), (1, 0, 2), (2, 1, 2)])
def test_what_failed_alone_as_well_is_a_failure(tmp_path: Path, failures: int, code: int, runs: int) -> None:
    done = run(tmp_path, ONCE.format(failures=failures))
    assert done.returncode == code, done.stdout + done.stderr
    assert (tmp_path / "runs").read_text() == "x" * runs
    assert (tmp_path / "good").read_text() == "x", "what passed is not repeated"
    assert ("once more, alone" in done.stdout) == (runs == 2)


@pytest.mark.parametrize("source", ["import nothing_of_this_name", "", "def test_it(): raise KeyboardInterrupt"])
def test_a_run_that_broke_off_or_found_no_test_is_not_repeated(tmp_path: Path, source: str) -> None:
    done = run(tmp_path, source)
    assert done.returncode != 0
    assert "once more, alone" not in done.stdout
