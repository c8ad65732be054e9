"""Who may run programs: a running router, attacked by somebody with a shell of another user on the same machine."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from live import Router, serve, until
from ports import free_port, listens
from waiting import DEADLINE

ADD = b'{"name": "evil", "exec": ["/bin/touch", "%s"]}'


def command(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inditree", *words],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def own_place(router: Router, runtime: Path) -> Path:
    return runtime / "inditree" / f"{router.port}.sock"


def post(port: int, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("POST", "/api/v1/drivers", body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def as_stranger(work: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python of uid 65534."""
    if os.geteuid() != 0:
        pytest.fail("needs root, as CI has it: another user must try")
    drop = "import os, sys, socket; os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)\n"
    words = [sys.executable, "-c", drop + work, *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=False)


CALL = """
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
try:
    sock.sendall(b"GET /api/v1/status HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    print(sock.recv(100))
except (ConnectionResetError, BrokenPipeError):
    print(b"")
"""


def test_another_user_of_this_machine_runs_nothing(tmp_path: Path) -> None:
    """HTTP trusts nobody for coming from loopback; the socket is shut, and who gets past its mode is refused."""
    port, made, path = free_port(), tmp_path / "made", tmp_path / "control"
    with serve(tmp_path, "--socket", str(path), http=f"127.0.0.1:{port}") as router:
        assert post(port, ADD % bytes(made)) == 403
        assert post(port, ADD % bytes(made), host="localhost", authorization="Bearer x") == 403
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
        tried = as_stranger(CALL, str(path))
        assert tried.returncode == 1 and "PermissionError" in tried.stderr
        path.chmod(0o666)
        tried = as_stranger(CALL, str(path))
        assert (tried.returncode, tried.stdout) == (0, "b''\n")
        router.wait_for("control socket: user nobody (65534) refused")
        assert not made.exists()
        assert command("driver", "add", f"touch {made}", "--socket", str(path), "--restart", "never").returncode == 0
        until(made.exists, what="its own user may")


def test_who_is_behind_a_proxy_of_this_machine_runs_nothing(tmp_path: Path) -> None:
    """A proxy with default headers makes everybody come from loopback."""
    port, made = free_port(), tmp_path / "made"
    with serve(tmp_path, http=f"127.0.0.1:{port}"), socket.create_connection(("127.0.0.1", port), 10) as proxied:
        body = ADD % bytes(made)
        head = f"POST /api/v1/drivers HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        proxied.sendall(head.encode() + body)
        assert proxied.recv(100).startswith(b"HTTP/1.1 403")
    assert not made.exists()


def test_a_squatted_default_place_is_a_warning_and_nothing_is_put_there(tmp_path: Path) -> None:
    """In /tmp anybody may have been there first: with a directory, or with a link to one of ours."""
    for number, squat in enumerate(("directory", "link")):
        runtime = tmp_path / f"runtime{number}"
        (target := tmp_path / f"target{number}").mkdir(mode=0o700)
        runtime.mkdir(mode=0o700)
        if squat == "directory":
            (runtime / "inditree").mkdir(mode=0o700)
            os.chown(runtime / "inditree", 65534, 65534)
        else:
            (runtime / "inditree").symlink_to(target)
        with serve(tmp_path, env={"XDG_RUNTIME_DIR": str(runtime)}, name=f"router{number}") as router:
            router.wait_for("no control socket: ")
            assert not own_place(router, runtime).exists() and not list(target.iterdir())


def test_a_path_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("precious")
    done = command("serve", "--port", str(free_port()), "--http", "off", "--socket", str(path))
    assert done.returncode == 1
    assert f"control.socket: {path}: exists and is not a socket" in done.stderr
    assert path.read_text() == "precious"
    done = command("serve", "--port", str(free_port()), "--http", "off", "--socket", "/" + "x" * 120)
    assert (done.returncode, done.stderr) == (2, "inditree: --socket: longer than 107 bytes\n")


def test_what_a_killed_router_left_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with serve(tmp_path, "--socket", str(path), name="first") as first:
        first.stop(signal.SIGKILL)
        assert path.exists()
        with serve(tmp_path, "--socket", str(path), name="second"):
            third = command("serve", "--port", str(free_port()), "--http", "off", "--socket", str(path))
            assert third.returncode == 1 and "another router listens there" in third.stderr
            assert command("health", "--socket", str(path)).stdout == "ready\n"
    assert not path.exists()


def test_the_commands_find_it_by_the_port_without_http(tmp_path: Path) -> None:
    """Also one that the system chose."""
    (runtime := tmp_path / "runtime").mkdir(mode=0o700)
    env = {"XDG_RUNTIME_DIR": str(runtime), "INDITREE_HTTP": "off"}
    with serve(tmp_path, "inditree-telescope", "--port", "0", env=env) as router:
        router.wait_for("control socket at ")
        (path,) = (runtime / "inditree").iterdir()
        env["INDITREE_PORT"] = path.stem
        assert path.stem != "0" and path.stem.isdigit()
        router.wait_for("Py Telescope: provided by")
        assert command("driver", "restart", "inditree-telescope", env=env).stdout.endswith(": restarting\n")
        until(lambda: "Py Telescope" in command("status", "--json", env=env).stdout, what="it is there again")
        assert command("client", "list", env=env).returncode == 0


@pytest.mark.parametrize("face", ["indiserver", "IPyServer"])
def test_the_faces_have_it_only_where_it_is_asked_for(face: str, tmp_path: Path) -> None:
    (runtime := tmp_path / "runtime").mkdir(mode=0o700)
    port, path = free_port(), tmp_path / "c"
    script = f"import asyncio; from inditree import IPyServer; asyncio.run(IPyServer(port={port}).asyncrun())"
    words = {
        "indiserver": ["-m", "inditree", "indiserver", "-u", f"/tmp/{port}", "-p", str(port), "-f", f"{tmp_path}/f"],
        "IPyServer": ["-c", script],
    }[face]
    for asked in (False, True):
        env = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)} | ({"INDITREE_SOCKET": str(path)} if asked else {})
        with subprocess.Popen([sys.executable, *words], env=env, stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: listens(port), what="it listens")
                if asked:
                    until(path.exists, what="it has the socket")
                    assert command("status", "--json", "--socket", str(path)).returncode == 0
                assert not list(runtime.iterdir())
            finally:
                process.kill()
