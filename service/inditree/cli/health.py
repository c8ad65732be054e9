"""`inditree health`: the image's HEALTHCHECK."""

from __future__ import annotations

from argparse import Namespace
from contextlib import suppress

from inditree.cli.client import Answer, Router, RouterError


def run(chosen: Namespace) -> int:
    """0 when the router is ready; otherwise RouterError says why not."""
    answer = Router.find(chosen).request("GET", "/readyz")
    if answer.status != 200:
        raise RouterError(_reason(answer))
    print("ready")
    return 0


def _reason(answer: Answer) -> str:
    """What is not up, where the router tells."""
    said: object = None
    with suppress(RouterError):
        said = answer.json()
    if not isinstance(said, dict):
        return f"not ready (status {answer.status})"
    parts = ["draining"] if said.get("draining") else []
    for kind in ("drivers", "remotes"):
        rows = said.get(kind)
        if isinstance(rows, dict):
            parts += [f"{kind[:-1]} {name} is {state}" for name, state in rows.items()]
    return "not ready" + (f": {', '.join(parts)}" if parts else "")
