"""The disk of the log and of the audit is full: what cannot be written is lost, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from chaos.listener import Listener
from chaos.test_chaos import tickers
from live import Client, Router, until
from ports import free_port
from security.parts import api, listen, metrics, number

FULL = Path("/dev/full")


def test_a_log_that_cannot_be_written_costs_no_client_anything(tmp_path: Path) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    file = tmp_path / "router.yaml"
    lines = (listen(port), tickers(200, "A", "B"), f"http: {{listen: {http}}}", f"audit: {{file: {FULL}}}")
    file.write_text("\n".join(lines))
    router = Router(FULL, ["serve", "--config", str(file)], port)
    try:
        until(lambda: _connects(port), what="it listens")
        with contextlib.closing(Listener(port, "near", near="AB")) as client:
            until(lambda: client.last.get("A") and client.last.get("B"), what="both are heard")
            with Client(port) as other:
                other.send(number("A", "ECHO", 5))
                until(
                    lambda: metrics(http).get("indi_audit_lost_lines_total", 0) > 0, what="the audit's loss is counted"
                )
            for restarts in (1, 2, 3):
                # Each end is logged, several lines.
                os.kill(next(row["pid"] for row in api(http, "drivers") if row["name"] == "A"), signal.SIGKILL)
                until(lambda n=restarts: _restarts(http) == n, what="it is started again")  # type: ignore[misc]
                until(lambda: client.last.get("A"), what="it is heard again")
            ticks = client.ticks
            until(lambda: client.ticks > ticks + 400, what="a second of elements")
            assert not client.faults
    finally:
        status = router.stop()
    assert status == 0


def _restarts(http: str) -> int:
    rows = [row for row in api(http, "drivers") if row["name"] == "A" and row["state"] == "running"]
    return int(rows[0]["restarts"]) if rows else -1


def _connects(port: int) -> bool:
    try:
        Client(port).__exit__(None, None, None)
    except OSError:
        return False
    return True
