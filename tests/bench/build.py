"""Compiles the C programs into the cache folder."""

import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "c"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"
PROGRAMS = ("load_driver", "client", "copy_loop")


class BenchError(Exception):
    """What keeps the benchmark, or one server of it, from running; the text names it."""


def program(name: str) -> Path:
    """Where a compiled program is."""
    return CACHE / name


def build() -> None:
    """Compiles what is missing or older than its sources. Raises BenchError with the compiler's words."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BenchError("no C compiler: install gcc (Debian: apt-get install gcc libc6-dev)")
    CACHE.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in SOURCES.iterdir())
    for name in PROGRAMS:
        target = program(name)
        if target.exists() and target.stat().st_mtime > newest:
            continue
        command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(target), str(SOURCES / f"{name}.c")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{name}.c does not compile:\n{done.stderr}")
