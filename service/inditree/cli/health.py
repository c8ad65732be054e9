"""`inditree health`: the image's HEALTHCHECK."""

from __future__ import annotations

from argparse import Namespace
from contextlib import suppress

from inditree.cli.client import Answer, Router, RouterError
from inditree.config import units


def run(chosen: Namespace) -> int:
    """0 when the router is ready; otherwise RouterError says why not."""
    router = Router.find(chosen)
    answer = router.request("GET", "/readyz")
    said: object = None
    with suppress(RouterError):
        said = answer.json()
    if not isinstance(said, dict) or "ready" not in said:
        raise RouterError(router.indi() or _strange(router, answer))
    if answer.status != 200:
        raise RouterError(_reason(said))
    print("ready")
    return 0


def _strange(router: Router, answer: Answer) -> str:
    """Something else has that port."""
    where = router.socket.path if router.socket else units.join(router.host, router.port)
    return f"what answers at {where} is not inditree's health (status {answer.status} for /readyz): another program?"


def _reason(said: dict[str, object]) -> str:
    """The parts that are not up, as the router tells."""
    parts = ["draining"] if said.get("draining") else []
    for kind in ("drivers", "remotes"):
        rows = said.get(kind)
        if isinstance(rows, dict):
            parts += [f"{kind[:-1]} {name} is {state}" for name, state in rows.items()]
    return "not ready" + (f": {', '.join(parts)}" if parts else "")
