"""How a server starts and ends: exit status, what is taken, drivers that cannot be had."""

from __future__ import annotations

import contextlib
import os
import re
import signal
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


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed(ignored: bool, tmp_path: Path) -> None:
    """SIGHUP ends both, with their drivers, and neither where it is ignored, as `nohup` does."""

    def session(side: Side) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
        try:
            server = side.serve(side.spy())
        finally:
            signal.signal(signal.SIGHUP, before)
        side.warm("Spy")
        server.process.send_signal(signal.SIGHUP)
        if ignored:
            client = side.client("client")
            client.send(get())
            client.until("defTextVector", device="Spy", name="ACT")
            server.process.terminate()
        assert server.process.wait(DEADLINE) == (0 if side.kind == "inditree" else -(15 if ignored else 1))

    for kind in SERVERS:  # not at once: a signal's disposition belongs to all threads, and only the main one sets it
        (tmp_path / kind).mkdir()
        with Side(kind, tmp_path / kind) as side:
            session(side)


def test_a_program_beside_where_it_was_started(tmp_path: Path) -> None:
    """`./driver` is looked for in the current directory (1.9.9 by the folder of its own path, where it has one)."""

    def session(side: Side) -> None:
        side.spy("here")
        side.serve("./here")
        side.warm("Spy")

    both(session, tmp_path)


@pytest.mark.parametrize("restarts", ["0", "2"])
def test_how_often_a_driver_is_started(restarts: str, tmp_path: Path) -> None:
    """Once, and as often as `-r` says; SIGPIPE is ignored in it."""
    starts = {}

    def session(side: Side) -> None:
        program = side.place / "ends"
        program.write_text("#!/bin/sh\ngrep SigIgn /proc/self/status >>starts\nexit 3\n")
        program.chmod(0o755)
        assert side.serve("-r", restarts, str(program), listening=False).process.wait(DEADLINE) == 1
        lines = (side.place / "starts").read_text().splitlines()
        starts[side.kind] = [int(line.split()[1], 16) >> (signal.SIGPIPE - 1) & 1 for line in lines]

    both(session, tmp_path)
    assert starts == dict.fromkeys(SERVERS, [1] * (int(restarts) + 1))


def test_messages_are_logged(tmp_path: Path) -> None:
    """`-l`: a file for the day, the same lines, in words of the driver's or of the server's clock."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    said = (
        f"<message device='D' timestamp='{day}T01:02:03' message='h\xe9 &amp; ho'/>"
        "<message device='D' message='now'/>"
        f"<defTextVector device='D' name='N' state='Ok' perm='ro' timestamp='{day}T01:02:04' message='with it'>"
        f"<defText name='a'>1</defText></defTextVector><message timestamp='{day}T01:02:05' message='whose'/>"
    )
    lines = {}

    def session(side: Side) -> None:
        program, logs = side.place / "says", side.place / "logs"
        program.write_text(f'#!/bin/sh\nread line\necho "{said}"\nexec cat >/dev/null\n')
        program.chmod(0o755)
        logs.mkdir()
        side.serve("-l", "logs", str(program))

        def written() -> str:
            return "".join(file.read_text() for file in sorted(logs.iterdir()))

        until(lambda: written().count("\n") == 4, DEADLINE, "four lines")
        lines[side.kind] = re.sub(r"\S+(?=: D: now)", "NOW", written()).splitlines()

    both(session, tmp_path)
    nobody = lines["indiserver"].pop(), lines["inditree"].pop()
    assert lines["indiserver"] == lines["inditree"]
    assert nobody == (f"{day}T01:02:05: : whose", f"{day}T01:02:05: says: whose")


def test_a_fifo_that_is_removed_while_it_runs(tmp_path: Path) -> None:
    """1.9.9 ends when its writer has gone; ours carries out what was written, says so, and goes on."""

    def session(side: Side) -> None:
        fifo = side.place / "fifo"
        os.mkfifo(fifo)
        server = side.serve("-f", "fifo")
        with fifo.open("w") as writer:
            fifo.unlink()
            writer.write(f"start {side.spy()}\n")
        if side.kind == "indiserver":
            assert server.process.wait(DEADLINE) == 1
            return
        side.warm("Spy")
        until(lambda: "is gone" in server.log, DEADLINE, server.log)
        assert server.process.poll() is None

    both(session, tmp_path)


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
