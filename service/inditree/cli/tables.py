"""Makes the tables of `status` and `list`, with rich. Each takes rows of the HTTP API as they came."""

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
_NUMBERS = {"restarts", "refused", "last exit", "cpu", "memory", "rtt", "queue", "sent", "rate", "dropped BLOBs"}
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
    """The console that tables go to: stdout."""
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


def devices(rows: Sequence[Row], now: float) -> Table:
    """Each device as an astronomer asks for it; `now` is the router's time, in seconds since the epoch."""
    table = _table("Devices", "device", "connected", "state", "last image")
    for row in rows:
        table.add_row(
            Text(row["name"], style="cyan"),
            _connected(row.get("connected")),
            _standing(row, now),
            _last_image(row.get("image"), now),
        )
    return table


def messages(rows: Sequence[Row], now: float) -> Table:
    """The last message of each device that has said one, the newest first."""
    table = _table("Last messages", "device", "when", "message")
    said = sorted((row for row in rows if row.get("message")), key=lambda row: -float(row["message"]["at"]))
    for row in said:
        table.add_row(Text(row["name"], style="cyan"), _ago(row["message"]["at"], now), Text(row["message"]["text"]))
    return table


def _connected(said: bool | None) -> Text:
    return Text("-") if said is None else Text("yes" if said else "no", style="green" if said else "red")


def _standing(row: Row, now: float) -> Text:
    """The first of the states, and how many more there are; of a device whose link was lost, that it is stale."""
    if row.get("stale"):
        return Text("stale", style="yellow")
    states = row.get("states") or ()
    if not states:
        return Text("-")
    first = states[0]
    more = row.get("busy", 0) + row.get("alert", 0) - 1
    text = f"{first['state']} {span(max(0.0, now - first['since']))} {first['property']}{f' +{more}' if more else ''}"
    return Text(text, style="red" if first["state"] == "Alert" else "yellow")


def _last_image(image: Row | None, now: float) -> str:
    return "-" if image is None else f"{image['number']}: {size(image['size'])}, {_ago(image['at'], now)}"


def _ago(at: float, now: float) -> str:
    return f"{span(max(0.0, now - at))} ago"


def interlocks(rows: Sequence[Row]) -> Table:
    """Each interlock: whether it lets commands pass now, and how many it has refused."""
    table = _table("Interlocks", "name", "now", "refused", "unknown")
    for row in rows:
        passes = Text("passes", style="green") if row["holds"] else Text("refuses", style="red")
        if row["enforced"] == "partial":
            passes.append(" (partial: another server has the device)", style="yellow")
        table.add_row(row["name"], passes, str(row["refusals"]), _list(row["unknown"]))
    return table


def reactions(rows: Sequence[Row], now: float) -> Table:
    """Each reaction: its state, and how its last run ended."""
    table = _table("Reactions", "name", "state", "last run", "unknown")
    for row in rows:
        last = row["last"]
        ran = Text("-") if last is None else Text(f"{last['result']}, {_ago(last['at'], now)}")
        if last is not None and last["result"] != "ok":
            ran = Text(f"{ran}: {'; '.join(last['failures'])}", style="red")
        colour = "green" if row["state"] == "armed" else "yellow"
        table.add_row(row["name"], Text(row["state"], style=colour), ran, _list(row["unknown"]))
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
        table.add_column(column, justify="right" if column in _NUMBERS else "left", overflow="fold", header_style="dim")
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
