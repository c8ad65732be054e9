"""How a server starts and ends: exit status, what is taken, drivers that cannot be had."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from indiserver.recorder import act, get
from indiserver.sessions import SERVERS, Side, both
from live import until
from ports import free_port
from waiting import DEADLINE


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["-v"], 2),
        (["-x", "indi_simulator_wheel"], 2),
        (["-p"], 2),
        (["-h"], 2),
        (["-r", "0", "indi_no_such_driver"], 1),
        (["@127.0.0.1:x"], 1),
        (["-l", "/dev/null/x", "-r", "0", "false"], 1),
        (["-r", "0", "false"], 1),
        (["-r", "0", "true"], 1),
    ],
)
def test_exit_status(words: list[str], status: int, tmp_path: Path) -> None:
    """Ours ends as Debian's does."""
    ended = {}

    def session(side: Side) -> None:
        ended[side.kind] = side.serve(*words, listening=False).process.wait(DEADLINE)

    both(session, tmp_path)
    assert ended == dict.fromkeys(SERVERS, status)


@pytest.mark.parametrize("what", ["port", "name"])
def test_what_is_taken(what: str, tmp_path: Path) -> None:
    """Exit 1, before any driver is started; ours names what it was."""
    logs = {}

    def session(side: Side) -> None:
        first = side.serve(side.spy())
        words = ["-p", str(first.port)] if what == "port" else ["-u", first.name]
        second = side.serve(*words, side.spy("second"), listening=False)
        assert second.process.wait(DEADLINE) == 1
        assert not (side.place / "second.1").exists()
        logs[side.kind] = (second.log, str(first.port) if what == "port" else f"@{first.name}")

    both(session, tmp_path)
    log, name = logs["inditree"]
    assert name in log


def test_a_driver_that_ends_for_good_is_reported_in_indiservers_words(tmp_path: Path) -> None:
    """KStars looks for them; with a FIFO the server goes on."""

    def session(side: Side) -> None:
        fifo = side.place / "fifo"
        if side.kind == "inditree":  # ours makes a FIFO that is missing; 1.9.9 ends
            server = side.serve("-r", "0", "-f", "fifo")
            until(fifo.is_fifo, DEADLINE, "a FIFO")
        else:
            assert side.serve("-f", "fifo", listening=False).process.wait(DEADLINE) == 1
            os.mkfifo(fifo)
            server = side.serve("-r", "0", "-f", "fifo")
        program = side.spy()
        fifo.write_text(f"start {program}\n")
        client = side.client("client", server)
        client.send(get())
        client.until("defTextVector", device="Spy", name="ACT")
        client.send(act("crash"))
        client.until("delProperty", device="Spy")
        said = f"Driver {program}: Terminated after #0 restarts."
        until(lambda: said in server.log, DEADLINE, f"{said!r} in\n{server.log}")
        fifo.write_text(f"start {program}\n")
        client.until("defTextVector", device="Spy", name="ACT")
        assert server.process.poll() is None

    both(session, tmp_path)


def test_port_and_name_are_taken_before_the_program_is_loaded(tmp_path: Path) -> None:
    """A client that connects while it loads is served."""
    with Side("inditree", tmp_path) as side:
        server = side.serve(side.spy(), listening=False)
        began = time.monotonic()
        sock = None
        while sock is None:
            with contextlib.suppress(ConnectionRefusedError):
                sock = socket.create_connection(("127.0.0.1", server.port))
            assert time.monotonic() < began + DEADLINE
        by_name = socket.socket(socket.AF_UNIX)
        by_name.connect("\0" + server.name)  # a client tries this once, and is content with TCP where nobody is there
        early = "listening on" not in server.log
        by_name.sendall(get().encode())
        by_name.settimeout(DEADLINE)
        heard = b""
        while b"defTextVector" not in heard:
            heard += by_name.recv(65536)
        by_name.close()
        sock.close()
        client = side.client("client")
        client.send(get())
        client.until("defTextVector", device="Spy", name="ACT")
        assert early


def test_it_is_found_by_its_name(tmp_path: Path) -> None:
    """Web managers look for `indiserver` by the process's name and its arguments: a symlink, as in the image."""
    (tmp_path / "indiserver").symlink_to(Path(sys.executable).with_name("inditree"))
    port = free_port()
    words = [str(tmp_path / "indiserver"), "-p", str(port), "-m", "100", "cat"]
    server = subprocess.Popen(words, env={**os.environ, "INDITREE_HTTP": "off"}, stderr=subprocess.DEVNULL)
    try:
        found = psutil.Process(server.pid)
        until(lambda: found.name() == "indiserver", what="the name")
        until(lambda: any(each.laddr.port == port for each in found.net_connections("tcp")), what="it listens")
        assert found.name() == "indiserver"
        assert found.cmdline()[-6:] == words
    finally:
        server.terminate()
        server.wait(15)
