"""What `status` and `list` show, as tables of rich. Each takes rows of the HTTP API as they came."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]

#: Columns where the output is no terminal: wide enough that nothing is cut in a log or a pipe.
_PIPE_COLUMNS = 200
_COLOURS = {
    "running": "green",
    "up": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "connecting": "yellow",
    "backoff": "red",
    "failed": "bold red",
    "stopped": "dim",
}


def console() -> Console:
    """Where tables go: stdout."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)


def drivers(rows: Sequence[Row], cpu: Mapping[str, float] | None = None) -> Table:
    """`cpu`: percent of one core by name, from two polls; without it there is no such column."""
    measured = () if cpu is None else ("cpu",)
    columns = ("name", "state", "since", "restarts", "last exit", *measured, "memory", "devices", "error")
    table = _table("Drivers", *columns)
    for row in rows:
        percent = None if cpu is None else cpu.get(row["name"])
        table.add_row(
            row["name"],
            _state(row["state"] if row["state"] != "running" or row.get("ready", True) else "running, not ready", row),
            span(row["since_seconds"]),
            str(row["restarts"]),
            _or_dash(row["last_exit"]),
            *("-" if percent is None else f"{percent:.1f} %" for _ in measured),
            _size(row.get("resident_bytes")),
            _list(row["devices"]),
            "" if row["state"] == "running" else row.get("last_error") or "",
        )
    return table


def remotes(rows: Sequence[Row]) -> Table:
    """The links that the router opened."""
    table = _table("Links", "name", "address", "state", "rtt", "queue", "devices", "error")
    for row in rows:
        rtt = row.get("rtt_seconds")
        table.add_row(
            row["name"],
            row["address"],
            _state(row["state"], row),
            "-" if rtt is None else f"{rtt * 1000:.1f} ms",
            _size(row.get("queue_bytes")),
            _list(row["devices"]),
            "" if row["state"] == "up" else row["last_error"] or "",
        )
    return table


def clients(rows: Sequence[Row], sent: Mapping[int, float] | None = None) -> Table:
    """`sent`: bytes a second by id, where two polls tell."""
    columns = ("id", "address", "listener", "since", "queue", "sent", "rate", "waiting", "dropped BLOBs", "devices")
    table = _table("Clients", *columns)
    for row in rows:
        rate = (sent or {}).get(row["id"])
        table.add_row(
            str(row["id"]),
            row["address"] + (" (link)" if row["link"] else ""),
            row["listener"],
            span(row["connected_seconds"]),
            _size(row["queue_bytes"]),
            _size(row["sent_bytes"]),
            "-" if rate is None else f"{size(rate)}/s",
            "; ".join(f"{each['device']} {each['images']} ({size(each['bytes'])})" for each in row.get("waiting", ())),
            Text(str(row["dropped_blobs"]), style="red" if row["dropped_blobs"] else ""),
            _list(row["devices"]),
        )
    return table


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def span(seconds: float) -> str:
    """A span in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    first = next((index for index, (number, _) in enumerate(parts) if number), 3)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2])


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column in ("restarts", "last exit", "cpu", "memory", "rtt", "queue", "sent", "rate", "dropped BLOBs")
        table.add_column(column, justify="right" if right else "left", overflow="fold", header_style="dim")
    return table


def _state(state: str, row: Row) -> Text:
    """The state, with why a source is not read and for how long."""
    unread = [f"{why} for {span(seconds)}" for why, seconds in sorted(row.get("unread", {}).items())]
    if unread:
        return Text(f"{state}, not read: {', '.join(unread)}", style="yellow")
    return Text(state, style=_COLOURS.get(state, "yellow"))


def _size(number: float | None) -> str:
    return "-" if number is None else size(number)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _list(names: Iterable[str]) -> Text:
    return Text(", ".join(names))
