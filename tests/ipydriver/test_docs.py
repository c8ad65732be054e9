"""The driver of docs/python-drivers.md works as it says there: in the router, as a child, and in a script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ipydriver.scripts import listens
from live import serve, tool, until
from ports import free_port

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name: str) -> list[str]:
    """Its Python."""
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "heater.py").write_text(blocks("python-drivers.md")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def works(port: int) -> None:
    at = ("-p", str(port))
    assert tool("indi_getprop", *at, "-1", "Heater.TEMPERATURE.celsius").stdout.strip() == "20.0"
    assert tool("indi_setprop", *at, "Heater.POWER.percent=50").returncode == 0
    done = tool("indi_eval", *at, "-t", "10", "-w", '"Heater.TEMPERATURE.celsius">24')
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["heater:make_driver", f"{sys.executable} heater.py"])
def test_served(here: Path, word: str) -> None:
    with serve(here, word) as router:
        works(router.port)


def test_in_a_script(here: Path) -> None:
    port = free_port()
    source = blocks("python-drivers.md")[1]
    assert "7624" in source
    (here / "mine.py").write_text(source.replace("7624", str(port)))
    process = subprocess.Popen([sys.executable, "mine.py"])
    try:
        until(lambda: process.poll() is not None or listens(process.pid, port), what="it listens")
        works(port)
    finally:
        process.kill()
        process.wait()
