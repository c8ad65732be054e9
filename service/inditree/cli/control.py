"""`inditree driver ...`, `remote ...`, `client ...`, `device ...` and `reaction ...`."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from typing import Any

from inditree import config
from inditree.cli.client import Router, RouterError
from inditree.config.sources import parsed
from inditree.config.words import driver_or_remote, remote
from inditree.errors import ConfigError

_DONE = {
    "remove": "removed",
    "restart": "restarting",
    "stop": "stopping",
    "start": "starting",
    "close": "closed",
    "refresh": "asked",
    "run": "running",
    "reset": "armed again",
}


def listing(chosen: Namespace) -> int:
    """The drivers, remotes or clients as a table, or as JSON."""
    rows = Router.find(chosen).get(f"/api/v1/{chosen.kind}s")
    if chosen.json:
        print(json.dumps(rows))
        return 0
    from inditree.cli import tables

    make = {"driver": tables.drivers, "remote": tables.remotes, "client": tables.clients}[chosen.kind]
    try:
        tables.console().print(make(rows))
    except (KeyError, TypeError, AttributeError):
        raise RouterError("what answers there is not inditree") from None
    return 0


def change(chosen: Namespace) -> int:
    """Remove, restart, stop or start one; close a client, refresh a device, run or reset a reaction."""
    method, action = ("DELETE", "") if chosen.action in ("remove", "close") else ("POST", chosen.action)
    if not chosen.name:
        raise ConfigError("NAME", "is empty")
    Router.find(chosen).change(method, chosen.kind, chosen.name, action)
    print(f"{chosen.kind} {chosen.name}: {_DONE[chosen.action]}")
    return 0


def add_driver(chosen: Namespace) -> int:
    """Add a driver; mistakes are found here, before the router is asked."""
    found = parsed(chosen.word, "DRIVER", driver_or_remote)
    if isinstance(found, config.Remote):
        raise ConfigError("DRIVER", f"{chosen.word!r} is a remote: inditree remote add {shlex.quote(chosen.word)}")
    entry: dict[str, Any] = {"exec": list(found.exec)} if found.exec is not None else {"python": found.python}
    if chosen.env:
        entry["env"] = dict(_variable(text) for text in chosen.env)
    if chosen.restart:
        entry["restart"] = {"policy": chosen.restart}
    entry |= _given(chosen, "name", "cwd", "required")
    config.driver(entry)
    return _add(chosen, "driver", entry)


def add_remote(chosen: Namespace) -> int:
    """Add a link."""
    found = parsed(chosen.word, "HOST", remote)
    entry: dict[str, Any] = {"host": found.host, "port": found.port, "blobs": found.blobs and not chosen.no_blobs}
    if found.device:
        entry["device"] = found.device
    if chosen.device:
        entry["devices"] = chosen.device
    entry |= _given(chosen, "name", "share", "required")
    config.remote(entry)
    return _add(chosen, "remote", entry)


def _add(chosen: Namespace, kind: str, entry: dict[str, Any]) -> int:
    row = Router.find(chosen).change("POST", kind, body=entry)
    name = row.get("name") if isinstance(row, dict) else None
    print(f"{kind} {name or chosen.name or chosen.word}: added")
    return 0


def _given(chosen: Namespace, *keys: str) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(chosen, key))}


def _variable(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ConfigError("--env", f"{text!r} is not KEY=VALUE")
    return key, value
