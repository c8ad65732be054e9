"""A reader of the router's stderr that has stopped stops nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from live import Client, until
from ports import free_port
from security.parts import metrics


@pytest.mark.parametrize("format", ["text", "json"])
def test_connections_go_on_while_nobody_reads_stderr(format: str) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    words = ["serve", "--port", str(port), "--http", http, "--log-format", format]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)  # what is logged from the first line on is not taken
    os.set_blocking(writing, True)
    process = subprocess.Popen([sys.executable, "-m", "inditree", *words], stderr=writing)
    os.close(writing)
    try:

        def answers() -> bool:
            with contextlib.suppress(OSError), Client(port) as client:
                client.ping()
                return True
            return False

        until(answers, what="it listens")
        for _ in range(400):
            assert answers()
        assert metrics(http)["indi_log_lost_lines_total"] == 0  # they wait still
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
