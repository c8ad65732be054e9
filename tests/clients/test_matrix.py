"""What drivers really write, heard by the field's clients at once: nobody is thrown out, the driver's pid stays.

A strict client (ElementTree), indipyclient, a program on libindi's BaseClient and indi_getprop, under `serve`, under
`inditree indiserver`, through a link between the two, and at the real indiserver with what that can carry.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.players import AFTER, DEFINITION, GO, Strict
from integration.test_real_drivers import CASES
from live import Router, serve, tool, until
from ports import free_port

HERE = Path(__file__).parent
KINDS = {"Text": "old", "Number": "1", "Switch": "Off", "Light": "Ok", "BLOB": ""}
GARBAGE = {
    "ampersand": b"R & D; AT&T &nbsp;x",
    "less": b"a < b <Park>",
    "cdata": b"a ]]> b",
    "control": b"RES \x06\x15#",
    "utf-8": "H\u03b1 (\xbaC)".encode(),
    "latin-1": b"\xb0C",
    "doctype": b"x <!DOCTYPE html>",
}


def _said(kind: str, wrong: bytes, name: bytes) -> bytes:
    """A property of this kind from its definition to its end, wrong in label, group, value and messages."""
    given = {b"K": kind.encode(), b"P": name, b"W": wrong, b"V": wrong if kind == "Text" else KINDS[kind].encode()}
    lines = [
        b"<def%(K)sVector device='Mount' name='%(P)s' label='%(W)s' group='%(W)s' state='Idle' perm='ro' "
        b"rule='AnyOfMany'>"
        b"<def%(K)s name='m' label='%(W)s' format='%%g' min='0' max='1' step='1'>%(V)s</def%(K)s></def%(K)sVector>\n",
        b"<set%(K)sVector device='Mount' name='%(P)s' state='Ok' message='%(W)s'>"
        b"<one%(K)s name='m'>%(V)s</one%(K)s></set%(K)sVector>\n",
        b"<message device='Mount' message='%(W)s'/>\n",
        b"<delProperty device='Mount' name='%(P)s' message='%(W)s'/>\n",
    ]
    if kind == "BLOB":
        lines[1] = b"<setBLOBVector device='Mount' name='%(P)s' state='Busy' message='%(W)s'></setBLOBVector>\n"
    return b"".join(line % given for line in lines)


PLAYER = """
import os, sys
definition, *steps = open(sys.argv[1], 'rb').read().split(b'\\0\\0')
for line in sys.stdin.buffer:
    if b'<getProperties' in line:
        os.write(1, definition)
    elif b'<new' in line and steps:
        os.write(1, steps.pop(0))
"""

STEPS = [said for said, _ in CASES.values()]
STEPS += [
    _said(kind, wrong, b"%s_%d" % (kind.encode(), number))
    for kind, (number, wrong) in itertools.product(KINDS, enumerate(GARBAGE.values()))
]
STEPS += [b"<defSwitchVector device='' name='HOME' state='Idle' perm='rw' rule='AnyOfMany'></defSwitchVector>\n"]

CARRIED = [_said(kind, GARBAGE["utf-8"], kind.encode()) for kind in KINDS]
"""Of these steps what the real indiserver passes on to everybody. Control characters it leaves out of attributes and
passes on in texts: the strict client ends its connection there.
"""


def _after(number: int) -> bytes:
    return AFTER.replace("after", f"after {number};").encode()


@pytest.fixture(scope="session")
def base_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("client") / "base_client"
    source = str(HERE / "base_client.cpp")
    subprocess.run(["g++", "-I/usr/include/libindi", "-o", str(program), source, "-lindiclient", "-lz"], check=True)
    return program


class Program:
    """A client in a process of its own; what it said is `lines`."""

    def __init__(self, *words: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def heard(self, line: str) -> None:
        until(lambda: line in self.lines, what=f"{self.process.args!r}: {line}, but {self.lines[-5:]}")

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _driver(tmp_path: Path, steps: list[bytes], definition: bytes = DEFINITION.encode()) -> Path:
    said, code, program = tmp_path / "said", tmp_path / "player.py", tmp_path / "driver"
    parts = [definition, *(step + _after(number) for number, step in enumerate(steps))]
    said.write_bytes(b"\0\0".join(parts))
    code.write_text(PLAYER)
    words = [sys.executable, str(code), str(said)]
    program.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
    program.chmod(0o755)
    return program


@contextlib.contextmanager
def _faced(tmp_path: Path, driver: Path) -> Iterator[Router]:
    port = free_port()
    words = ["indiserver", "-p", str(port), "-u", str(tmp_path / "u"), str(driver)]
    router = Router(tmp_path / "face.log", words, port, {"INDITREE_HTTP": "off"})
    try:
        until(lambda: tool("indi_getprop", "-p", str(port), "-t", "1", "Mount.TXT.T").stdout, what="its device")
        yield router
    finally:
        router.stop()


@contextlib.contextmanager
def _real(tmp_path: Path, driver: Path) -> Iterator[int]:
    port = free_port()
    words = ["indiserver", "-p", str(port), "-u", str(tmp_path / "u"), str(driver)]
    with (tmp_path / "real.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            until(lambda: tool("indi_getprop", "-p", str(port), "-t", "1", "Mount.TXT.T").stdout, what="its device")
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def _at(tmp_path: Path, server: str, driver: Path) -> Iterator[int]:
    """The port of that server, with this driver."""
    if server == "serve":
        with serve(tmp_path, str(driver)) as router:
            yield router.port
    elif server == "face":
        with _faced(tmp_path, driver) as router:
            yield router.port
    elif server == "real":
        with _real(tmp_path, driver) as port:
            yield port
    elif server == "link":
        with (
            serve(tmp_path, str(driver), name="far") as far,
            serve(tmp_path, "--remote", f"127.0.0.1:{far.port}") as near,
        ):
            near.wait_for("Mount: provided by")
            yield near.port
    else:  # a plain server far away: it passes garbage on as its driver wrote it
        with _plain(tmp_path, driver) as far_port, serve(tmp_path, "--remote", f"127.0.0.1:{far_port}") as near:
            near.wait_for("Mount: provided by")
            yield near.port


RELAY = """
import os, socket, subprocess, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    connection, _ = server.accept()
os.dup2(connection.fileno(), 0)
os.dup2(connection.fileno(), 1)
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def _plain(tmp_path: Path, driver: Path) -> Iterator[int]:
    """The driver itself at a TCP port, as a server that passes everything on."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", RELAY, str(port), str(driver)])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def _pid(tmp_path: Path) -> int:
    """Of the one process that plays."""
    import psutil

    script = str(tmp_path / "player.py")
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if script in each.cmdline():
                found.append(each.pid)
    (pid,) = found
    return int(pid)


@pytest.mark.parametrize("server", ["serve", "face", "link", "plain", "real"])
def test_nobody_is_thrown_out(tmp_path: Path, base_client: Path, server: str) -> None:
    steps = CARRIED if server == "real" else STEPS
    driver = _driver(tmp_path, steps)
    with _at(tmp_path, server, driver) as port, contextlib.ExitStack() as stack:
        programs = [
            Program(str(base_client), "127.0.0.1", str(port)),
            Program(sys.executable, str(HERE / "reader.py"), str(port)),
        ]
        for program in programs:
            stack.callback(program.stop)
        strict = Strict(port)
        stack.enter_context(strict.client)
        strict.until(lambda element: element.tag == "defTextVector")
        for program in programs:
            program.heard("text old")
        pid = _pid(tmp_path)
        for number in range(len(steps)):
            strict.client.send(GO)
            text = f"after {number};"
            strict.until(lambda element, text=text: any((one.text or "").strip() == text for one in element))  # type: ignore[misc]
            for program in programs:
                program.heard(f"text {text}")
        assert _pid(tmp_path) == pid
        for program in programs:
            assert "disconnected" not in program.lines
            assert program.process.poll() is None
        asked_again = server in ("face", "real")  # the driver answers, and this one answers as it began
        value = "old" if asked_again else f"after {len(steps) - 1};"
        assert tool("indi_getprop", "-p", str(port), "-t", "3", "Mount.TXT.T").stdout == f"Mount.TXT.T={value}\n"


@pytest.mark.parametrize(
    "spelt", ["M\u00e9t\u00e9o".encode(), "M\u00e9t\u00e9o".encode("latin-1")], ids=["utf-8", "latin-1"]
)
@pytest.mark.parametrize("far", [False, True], ids=["serve", "link"])
def test_a_killed_driver_leaves_the_screen_whatever_its_device_is_called(
    tmp_path: Path, base_client: Path, spelt: bytes, far: bool
) -> None:
    """libindi knows no character references: told of `M&#233;t&#233;o` it kept the device for good."""
    driver = _driver(tmp_path, [], DEFINITION.encode().replace(b"Mount", spelt))
    with contextlib.ExitStack() as stack:
        router = stack.enter_context(serve(tmp_path, str(driver)))
        if far:
            words = ["--remote", f"127.0.0.1:{router.port}"]
            router = stack.enter_context(serve(tmp_path, *words, name="near"))
        router.wait_for("M\u00e9t\u00e9o: provided by")
        program = Program(str(base_client), "127.0.0.1", str(router.port))
        stack.callback(program.stop)
        program.heard("device M\u00e9t\u00e9o")
        os.kill(_pid(tmp_path), signal.SIGKILL)
        program.heard("removed M\u00e9t\u00e9o")
        until(lambda: program.lines.count("device M\u00e9t\u00e9o") == 2, what="it is there again")
