"""How the commands find the control socket, and whom they believe."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.router import running
from inditree.cli import local, main
from inditree.ops import places

STRANGER = 65534


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$XDG_RUNTIME_DIR; no other place is looked at."""
    for name in ("HTTP", "SOCKET", "PORT", "TOKEN_FILE"):
        monkeypatch.delenv(f"INDITREE_{name}", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(places, "SHORT_LIVED", str(tmp_path / "tmp-"))
    return tmp_path


class _Unix(HTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(str(self.server_address))
        self.server_name, self.server_port = "local", 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        return self.socket.accept()[0], ("local", 0)


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ready": true}')

    def log_message(self, *_: object) -> None:
        """Tests have no use for it."""


@contextlib.contextmanager
def answering(path: Path) -> Iterator[None]:
    """One that says it is ready, at a socket of ours."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    server = _Unix(str(path), _Ready)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        path.unlink()


def test_by_the_port_at_either_default_place(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDITREE_HTTP", "off")
    monkeypatch.setenv("INDITREE_PORT", "7777")
    for path in places.default_places(7777, os.environ, os.geteuid()):
        assert path.is_relative_to(runtime)
        assert main(["health"]) == 1
        with answering(path):
            assert main(["health"]) == 0
    assert "no control socket answers, and HTTP is off" in capsys.readouterr().err


def test_what_is_said_comes_first(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag, the variable, the default place of a port that is said, then HTTP."""
    sock = runtime / "said.sock"
    with running(**{"GET /readyz": (503, {"ready": False})}) as router:
        for http in (["--http", router.address], []):
            monkeypatch.setenv("INDITREE_HTTP", router.address)
            assert main(["health", *http]) == 1
            with answering(sock):
                assert main(["health", "--socket", str(sock), *http]) == 0
                monkeypatch.setenv("INDITREE_SOCKET", str(sock))
                assert main(["health", *http]) == 0
                assert main(["health", "--socket", "off", *http]) == 1
            assert main(["health", *http]) == 1, "nobody is there: HTTP is asked"
            monkeypatch.delenv("INDITREE_SOCKET")
            with answering(runtime / "inditree" / "7700.sock"):
                monkeypatch.setenv("INDITREE_PORT", "7700")
                assert main(["health", *http]) == 0
                monkeypatch.setenv("INDITREE_SOCKET", "off")
                assert main(["health", *http]) == 1
            monkeypatch.delenv("INDITREE_PORT")
            monkeypatch.delenv("INDITREE_SOCKET")


def test_a_router_of_another_machine_is_not_asked_here(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(runtime / "inditree" / "7624.sock"):
        assert main(["health"]) == 0
        assert main(["health", "--http", "192.0.2.1:1"]) == 1 or pytest.fail("asked here")  # nobody routes that
        with running(**{"GET /readyz": (503, {"ready": False})}) as router:
            assert main(["health", "--http", router.address]) == 1
            monkeypatch.setenv("INDITREE_PORT", "7624")
            assert main(["health", "--http", router.address]) == 0


def test_a_flag_that_leads_nowhere_is_an_error(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--socket", str(runtime / "none")]) == 1
    expected = f"inditree: --socket: no router answers at {runtime}/none: No such file or directory\n"
    assert capsys.readouterr().err == expected


LISTEN = """
import os, socket, sys, time
os.umask(0)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
sock = socket.socket(socket.AF_UNIX)
sock.bind(sys.argv[1])
sock.listen()
print("up", flush=True)
while True:
    other, _ = sock.accept()
    if other.recv(100):
        other.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 15\\r\\n\\r\\n{"ready": true}')
    other.close()
"""


@contextlib.contextmanager
def stranger_at(path: Path) -> Iterator[None]:
    """Somebody with a shell of uid 65534 listens there."""
    if os.geteuid() != 0:
        pytest.fail("needs root, as CI has it: another user must listen")
    for folder in [path.parent, *path.parent.parents]:
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o111)
    words = [sys.executable, "-c", LISTEN, str(path)]  # which drops its rights itself: it may not read our Python
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        try:
            yield
        finally:
            process.kill()
            path.unlink(missing_ok=True)


def test_a_strangers_socket_at_a_default_place_is_not_believed(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root's second default place, in /tmp, where anybody may have made the directory first."""
    path = places.default_places(7624, os.environ, os.geteuid())[1]
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, STRANGER, STRANGER)
    with running(**{"GET /readyz": (503, {"ready": False})}) as router, stranger_at(path):
        monkeypatch.setenv("INDITREE_HTTP", router.address)
        assert main(["health"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and f"{path} is not used: {path.parent} belongs to user nobody (65534)" in said.err


def test_a_strangers_socket_in_our_own_directory_is_not_believed(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However it came there."""
    path = runtime / "inditree" / "7624.sock"
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with running(**{"GET /readyz": (503, {"ready": False})}) as router, stranger_at(path):
        path.parent.chmod(0o700)
        monkeypatch.setenv("INDITREE_HTTP", router.address)
        assert main(["health"]) == 1
    assert "is not used: it is run by user nobody (65534)" in capsys.readouterr().err


def test_root_is_told_whose_router_it_talks_to(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = runtime / "session"  # below it, as /run/user/ID is
    path = session / "inditree" / "7624.sock"
    for folder in (session, path.parent):
        folder.mkdir(mode=0o700)
        os.chown(folder, STRANGER, STRANGER)
    with stranger_at(path):
        told = f"inditree: the router at {path} is run by user nobody (65534)\n"
        assert main(["health", "--socket", str(path)]) == 0
        assert capsys.readouterr().err == told
        monkeypatch.setenv("INDITREE_SOCKET", str(path))
        assert main(["health"]) == 0
        assert capsys.readouterr().err == told
        monkeypatch.delenv("INDITREE_SOCKET")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))  # sudo -E
        assert main(["health"]) == 0
        assert capsys.readouterr().err == told


def test_who_is_not_root_believes_itself_and_root_alone(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = runtime / "s"
    with answering(path):
        listens = os.geteuid()
        monkeypatch.setattr(local, "own_user", lambda: listens + 1)
        assert (main(["health", "--socket", str(path)]) == 0) == (listens == 0)
    runtime.chmod(0o777)
    with stranger_at(path):
        assert main(["health", "--socket", str(path)]) == 1
        monkeypatch.setenv("INDITREE_SOCKET", str(path))
        assert main(["health"]) == 1
    assert capsys.readouterr().err.count("it is run by user nobody (65534), not by you or root") == 2


def test_one_that_changes_hands_between_two_calls_is_left(runtime: Path) -> None:
    path = runtime / "s"
    with answering(path):
        found = local.asked(str(path))
    runtime.chmod(0o777)
    with stranger_at(path), pytest.raises(PermissionError, match="is run by user nobody"):
        found.connect(5.0)
