"""The machine's clock is set while it works (NTP after a cold start, a person): nothing is timed by it.

libfaketime sets the clock of the router and its drivers alone; the steady clock, which nobody can set, is left to them.
"""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos.listener import Listener
from chaos.test_chaos import tickers
from live import Client, until
from ports import free_port
from security.parts import api, audited, configured, listen, number

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("libfaketime: apt-get install faketime"))
STEPS = (0, -3600, 7200, -86400 * 365, 86400 * 3650, 0)


def commanded(port: int, audit: Path, value: int) -> datetime:
    """When, by its own clock, the router says that it passed on this command."""

    def lines() -> list[str]:  # one as it is passed on, and one as it is answered
        return [each["time"] for each in audited(audit) if each.get("members") == {"N": str(value)}]

    with Client(port) as client:
        client.send(number("C", "ECHO", value))
        return datetime.fromisoformat(until(lines, what="it is audited")[0])


def test_a_step_of_the_clock_is_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    leaf_port, hub_port, http = free_port(), free_port(), f"127.0.0.1:{free_port()}"
    audit = tmp_path / "audit"
    # Each is far less than a step, and far more than a loaded machine stands still.
    limits = "limits: {stall_timeout: 60s, link_timeout: 60s, first_element: 60s, incomplete_element: 60s}"
    remotes = f"remotes: [{{host: 127.0.0.1, port: {leaf_port}, name: leaf}}]"
    hub_lines = (
        listen(hub_port),
        tickers(20, "C"),  # a picture each 2.5 s: none is too old where the machine stands still
        remotes,
        limits,
        f"http: {{listen: {http}}}",
        f"audit: {{file: {audit}}}",
    )
    with (
        configured(tmp_path, leaf_port, listen(leaf_port), tickers(200, "A"), limits, name="leaf"),
        configured(tmp_path, hub_port, *hub_lines, name="hub", ready="A: provided by", env=faked) as hub,
        contextlib.closing(Listener(hub_port, "far", near="C")) as client,
    ):
        until(lambda: client.last.get("A") and client.last.get("C"), what="both are heard")
        (before,) = api(http, "remotes")
        commands = itertools.count()
        for step in STEPS:
            # In one step: within a second of its own, looks at the time read this file.
            (tmp_path / "next").write_text(f"{step:+d}")
            (tmp_path / "next").replace(clock)
            ticks = client.ticks
            wanted = timedelta(seconds=step)

            def is_set(wanted: timedelta = wanted) -> bool:
                off = commanded(hub_port, audit, next(commands)) - datetime.now(UTC)
                return abs(off - wanted) < timedelta(seconds=60)

            until(is_set, what="its clock is set")
            until(lambda ticks=ticks: client.ticks > ticks + 150, what="elements go on")  # type: ignore[misc]
        assert not client.faults
        (link,) = api(http, "remotes")
        drivers = api(http, "drivers")
        assert (link["state"], link["last_error"]) == ("up", before["last_error"])
        assert [row["restarts"] for row in drivers] == [0]
        assert 0 <= drivers[0]["since_seconds"] < 1000
        assert 0 <= api(http, "status")["uptime_seconds"] < 1000
        assert "Traceback" not in hub.log
