"""What a start loads: no more than what every router needs, as each module costs its time before it listens."""

from __future__ import annotations

import subprocess
import sys

LATER = (
    "astropy",
    "docker",
    "dns",
    "h11",
    "html",
    "inditree.config.observatory",
    "inditree.observatory",
    "inditree.record",
    "inditree.web.endpoint",
    "inditree.webmanager",
    "prometheus_client",
    "psutil",
    "secrets",
    "starlette",
    "urllib.request",
    "uvicorn",
    "wsproto",
)
"""Loaded where the configuration asks for it, or once the router listens."""


def test_a_start_loads_nothing_that_only_some_routers_need() -> None:
    code = "import sys, inditree.cli.serve, inditree.server.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name for name in done.stdout.split() if name.startswith(tuple(f"{each}." for each in LATER))}
    assert not set(LATER) & set(done.stdout.split())
