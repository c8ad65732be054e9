"""The ports that the tests are given."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from ports import SLICE, free_port

START = "import ports, sys; ports.secrets.randbelow = lambda number: 7; "
OTHER = START + "print([ports.free_port() for _ in range(ports.SLICE)], flush=True); sys.stdin.read()"


def test_two_processes_are_given_no_port_twice() -> None:
    mine = {free_port() for _ in range(SLICE)}
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parent)},
        )
        for _ in range(2)
    ]
    try:
        given = [set(eval(each.stdout.readline())) for each in others]  # type: ignore[union-attr]
    finally:
        for each in others:
            each.communicate("")
    assert len(mine.union(*given)) == len(mine) + sum(map(len, given))  # where some are in use a process begins anew


def test_a_port_that_somebody_listens_at_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        assert taken.getsockname()[1] not in {free_port() for _ in range(SLICE)}
