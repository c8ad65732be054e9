"""indiweb itself, in an environment of its own: it wants other versions of what we use."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from live import until
from ports import free_port
from webmanager.ekos import Ekos

ENVIRONMENT = Path(__file__).parents[2] / ".cache/indiweb"
WANTED = "indiweb==1.2.0"


def _ready() -> Path:
    """The environment, made where it is not there; several tests may want it at once."""
    ENVIRONMENT.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = ENVIRONMENT / f".{WANTED}"
        if not done.exists():
            venv = [sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)]
            subprocess.run(venv, check=True, timeout=120)
            pip = [sys.executable, "-m", "pip", "--python", str(ENVIRONMENT), "install", "-q", "--no-compile"]
            subprocess.run([*pip, "--disable-pip-version-check", WANTED], check=True, timeout=300)
            done.touch()
    return ENVIRONMENT / "bin/indi-web"


@contextlib.contextmanager
def indiweb(folder: Path) -> Iterator[tuple[Ekos, int]]:
    """indiweb with profiles of its own, and the port where its indiserver is to be; that is gone afterwards."""
    program, port, indi = _ready(), free_port(), free_port()
    tools = folder / "tools"
    tools.mkdir()
    # Where it does not find its indiserver it kills all of the machine; it asks for devices at 7624, whoever is there.
    scripts = {"pkill": "", "killall": "", "indi_getprop": f'exec /usr/bin/indi_getprop -p {indi} "$@"'}
    for name, text in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    env = {**os.environ, "HOME": str(folder), "PATH": f"{tools}:{os.environ['PATH']}"}
    words = [str(program), "-P", str(port), "-H", "127.0.0.1", "-f", str(folder / "fifo"), "-c", str(folder / "conf")]
    with (folder / "indiweb.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=env, cwd=folder)
    ekos = Ekos(port)
    try:
        until(lambda: _answers(ekos), what="indiweb answers")
        yield ekos, indi
    finally:
        with contextlib.suppress(OSError, http.client.HTTPException):
            ekos.call("POST", "/api/server/stop")
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _answers(ekos: Ekos) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ekos.call("GET", "/api/server/status")[0] == 200
    return False
