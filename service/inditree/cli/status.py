"""`inditree status`: two polls, what they say, and what happened between them."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from inditree.cli import tables
from inditree.cli.client import Router, RouterError
from inditree.errors import ConfigError

#: Seconds between the two polls of one look: long enough for a rate that means something.
BETWEEN_POLLS = 0.5
#: Seconds between two looks, at least: each costs the router a rendering.
_WATCH_SHORTEST = 0.1
#: Devices that are not in their desired state and are named at the top: the others are only counted.
LATE = 5
_TOTALS = {
    f"indi_{what}_{way}_total": f"{what} {way}" for what in ("messages", "bytes") for way in ("received", "sent")
}


@dataclass(frozen=True, slots=True)
class Poll:
    """One look at a router: all that it said; `totals` are its counters, none where /metrics says nothing.

    `clock` is that time in seconds since the epoch, for the spans since then.
    """

    at: float
    status: dict[str, Any]
    clients: list[dict[str, Any]]
    totals: Mapping[str, float]
    clock: float = 0.0


def run(chosen: Namespace) -> int:
    """Show it once, or until interrupted."""
    router = Router.find(chosen)
    if chosen.watch is not None:
        return _watch(router, _interval(chosen.watch), as_json=chosen.json)
    if chosen.json:
        print(json.dumps(router.get("/api/v1/status")))
        return 0
    before = poll(router)
    time.sleep(BETWEEN_POLLS)
    tables.console().print(_drawn(before, poll(router)))
    return 0


def poll(router: Router) -> Poll:
    """Ask for all of it. Raises RouterError."""
    return Poll(
        at=time.monotonic(),
        status=router.get("/api/v1/status"),
        clients=router.get("/api/v1/clients"),
        totals=_totals(router),
        clock=time.time(),
    )


def _totals(router: Router) -> dict[str, float]:
    answer = router.request("GET", "/metrics")
    totals: dict[str, float] = {}
    if answer.status == 200:
        try:
            for family in text_string_to_metric_families(answer.body.decode(errors="replace")):
                for sample in family.samples:
                    if key := _TOTALS.get(sample.name):
                        totals[key] = totals.get(key, 0.0) + sample.value
        except ValueError:
            totals = {}
    return totals


def _interval(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not _WATCH_SHORTEST <= seconds <= 3600:
        raise ConfigError("--watch", f"{text!r} is not a number of seconds ({_WATCH_SHORTEST} to 3600)")
    return seconds


def _watch(router: Router, seconds: float, *, as_json: bool) -> int:
    """Ends when it is interrupted; while the router is away that is shown."""
    with suppress(KeyboardInterrupt):
        if as_json:
            while True:
                print(json.dumps(router.get("/api/v1/status")), flush=True)
                time.sleep(seconds)
        elif sys.stdout.isatty():
            with Live(console=tables.console(), auto_refresh=False, screen=True) as live:
                _look(router, seconds, lambda drawn: live.update(drawn, refresh=True))
        else:
            _look(router, seconds, tables.console().print)
    return 0


def _look(router: Router, seconds: float, show: Callable[[RenderableType], object]) -> None:
    before: Poll | None = None
    while True:
        try:
            now = poll(router)
            show(_drawn(before or now, now))
            before = now
        except RouterError as error:
            show(Text(str(error), style="red"))
            before = None
        time.sleep(seconds)


def _drawn(before: Poll, now: Poll) -> RenderableType:
    try:
        return draw(before, now)
    except (KeyError, TypeError, AttributeError):
        raise RouterError("what answers there is not inditree") from None


def draw(before: Poll, now: Poll) -> RenderableType:
    """Draws all that there is to see."""
    seconds = now.at - before.at
    status = now.status
    parts: list[RenderableType] = [_head(status), _rates(before, now, seconds), Text(), _tree(status), Text()]
    if status["devices"]:
        parts += [tables.devices(status["devices"], now.clock), Text()]
    if any(row.get("message") for row in status["devices"]):
        parts += [tables.messages(status["devices"], now.clock), Text()]
    if status.get("interlocks"):
        parts += [tables.interlocks(status["interlocks"]), Text()]
    if status.get("reactions"):
        parts += [tables.reactions(status["reactions"], now.clock), Text()]
    if status["drivers"]:
        parts += [tables.drivers(status["drivers"], _cpu(before, now, seconds)), Text()]
    if status["remotes"]:
        parts += [tables.remotes(status["remotes"]), Text()]
    if now.clients:
        parts += [tables.clients(now.clients, _sent(before, now, seconds)), Text()]
    for row in status.get("conflicts", []):
        text = f"conflict: {row['device']} is provided by {row['owner']} and refused from {row['refused']}"
        parts.append(Text(text, style="red"))
    return Group(*parts[:-1] if not status.get("conflicts") else parts)


def _head(status: Mapping[str, Any]) -> Text:
    state = "draining" if status["draining"] else "ready" if status["ready"] else "not ready"
    text = Text(status["name"], style="bold")
    text.append(f"  inditree {status['version']}  up {tables.span(status['uptime_seconds'])}  ", style="not bold")
    text.append(state, style="not bold green" if state == "ready" else "not bold red")
    for row in status["listeners"]:
        most = "" if row["max_connections"] is None else f" of {row['max_connections']}"
        text.append(f"\n{row['name']}: {row['address']}, {row['clients']}{most} connections", style="not bold")
    if refused := status.get("reload_refused"):
        text.append(f"\nthe configuration that is on the disk now was refused: {refused}", style="not bold red")
    if lost := (status.get("record") or {}).get("lost"):
        text.append(f"\nthe record has lost {_many(lost, 'record')}: the log says why", style="not bold red")
    late = {row["name"]: row["reason"] for row in status["devices"] if row.get("ready") is False}
    late |= status.get("not_ready") or {}  # the required ones, also those that are not there
    for name in list(late)[:LATE]:
        text.append(f"\n{name}: not in its desired state: {late[name]}", style="not bold red")
    if len(late) > LATE:
        text.append(f"\n{_many(len(late) - LATE, 'more device')}: likewise", style="not bold red")
    return text


def _rates(before: Poll, now: Poll, seconds: float) -> Text:
    if not seconds or not before.totals or not now.totals:
        return Text("rates: -", style="dim")
    rate = {key: max(0.0, now.totals.get(key, 0.0) - before.totals.get(key, 0.0)) / seconds for key in _TOTALS.values()}
    sides = [f"{way} {rate[f'messages {way}']:.0f} msg/s {tables.size(rate[f'bytes {way}'])}/s" for way in _WAYS]
    counts = (_many(now.status["clients"], "client"), _many(len(now.status["devices"]), "device"))
    return Text(" · ".join((*sides, *counts)))


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


_WAYS = ("received", "sent")


def _tree(status: Mapping[str, Any]) -> Tree:
    """The router, who provides devices to it, and the devices."""
    tree = Tree(Text(status["name"], style="bold"))
    owners: dict[tuple[str, str], list[str]] = {}
    for kind in ("driver", "remote"):
        owners |= {(kind, row["name"]): [] for row in status[f"{kind}s"]}
    for row in status["devices"]:
        owners.setdefault((row["owner"]["kind"], row["owner"]["name"]), []).append(row["name"])
    for (kind, name), devices in owners.items():
        branch = tree.add(Text(f"{name} ({kind})"))
        for device in devices:
            branch.add(Text(device, style="cyan"))
    return tree


def _cpu(before: Poll, now: Poll, seconds: float) -> dict[str, float]:
    spent = {row["name"]: row.get("cpu_seconds") for row in before.status["drivers"]}
    result = {}
    for row in now.status["drivers"]:
        first, last = spent.get(row["name"]), row.get("cpu_seconds")
        if seconds and first is not None and last is not None:
            result[row["name"]] = max(0.0, last - first) / seconds * 100
    return result


def _sent(before: Poll, now: Poll, seconds: float) -> dict[int, float]:
    bytes_before = {row["id"]: row["sent_bytes"] for row in before.clients}
    return {
        row["id"]: max(0, row["sent_bytes"] - bytes_before[row["id"]]) / seconds
        for row in now.clients
        if seconds and row["id"] in bytes_before
    }
