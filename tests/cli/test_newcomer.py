"""What people get wrong in their first hour, and the words that they are told."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inditree import config
from inditree.cli import main
from live import Router, serve, tool, until
from ports import free_port
from security.certificates import Authority, Pair
from waiting import DEADLINE

STAMP = re.compile(r"^\S+Z ", re.MULTILINE)


def said(router: Router) -> list[str]:
    """The lines of the log without their time."""
    return STAMP.sub("", router.log).splitlines()


# Before anything runs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve", "--http", "9625"], "--http: '9625' has no host (localhost:9625, or *:9625 for all addresses)"),
        (["check", "two.yaml"],
         "two.yaml: line 3, column 1: a second document begins (---): a configuration is one document"),
        (["serve", "--config", "two.yaml"],
         "two.yaml: line 3, column 1: a second document begins (---): a configuration is one document"),
    ],
)  # fmt: skip
def test_a_mistake_at_the_start(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.yaml").write_text("name: a\ndrivers: []\n---\nname: b\n")
    assert main(words) == 2
    assert capsys.readouterr().err == f"inditree: {message}\n"


@pytest.mark.parametrize("text", ["http: off", 'http: "off"', "http: {listen: off}", 'http: {listen: "off"}'])
def test_http_can_be_switched_off_as_people_write_it(text: str) -> None:
    assert config.load(text).http.listen is None


# Certificates


class Files:
    """Files of a TLS section, right and wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.one, self.other = self.authority.server("one"), self.authority.server("other")
        (folder / "notes.txt").write_text("nothing of that kind")
        locked = self.one.key.read_text().replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE")
        (folder / "locked.key").write_text(locked)
        for each in (self.one.cert, self.one.key):
            lines = each.read_text().splitlines()
            (folder / f"torn{each.suffix}").write_text("\n".join([lines[0], "no base64!", lines[-1]]))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


MISTAKES = [
    ("cert: F/one.pem, key: F/nowhere.key", "key: F/nowhere.key: No such file or directory"),
    ("cert: F/notes.txt, key: F/one.key", "cert: F/notes.txt: holds no certificate in PEM"),
    ("cert: F/one.pem, key: F/notes.txt", "key: F/notes.txt: holds no private key in PEM"),
    ("cert: F/one.pem, key: F/other.key", "key: F/other.key: is the key of another certificate than F/one.pem"),
    (
        "cert: F/one.key, key: F/one.pem",
        "cert: F/one.key holds a key, and F/one.pem a certificate: cert and key are swapped",
    ),
    (
        "cert: F/one.pem, key: F/locked.key",
        "key: F/locked.key: is encrypted: the router has no way to ask for its passphrase",
    ),
    (
        "cert: F/torn.pem, key: F/one.key",
        "cert: F/torn.pem: is damaged: the text between BEGIN and END cannot be read",
    ),
    (
        "cert: F/one.pem, key: F/torn.key",
        "key: F/torn.key: is damaged: the text between BEGIN and END cannot be read",
    ),
]
AUTHORITIES = [
    ("F/notes.txt", "F/notes.txt: holds no certificate in PEM"),
    ("F/one.key", "F/one.key: holds no certificate in PEM"),
    ("F", "F: Is a directory"),
]


@pytest.mark.parametrize(("section", "message"), MISTAKES)
@pytest.mark.parametrize(
    "place", ["listen: [{tcp: 'localhost:1', tls: {SECTION}}]", "remotes: [{host: h, tls: {SECTION}}]"]
)
def test_what_is_wrong_with_which_file(files: Files, place: str, section: str, message: str) -> None:
    text = place.replace("SECTION", section).replace("F/", f"{files.folder}/")
    (mistake,) = config.files(config.load(text))
    assert str(mistake) == f"{place.split(':')[0]}[0].tls.{message.replace('F/', f'{files.folder}/')}"


@pytest.mark.parametrize(("file", "message"), AUTHORITIES)
def test_what_is_wrong_with_authorities(files: Files, file: str, message: str) -> None:
    folder = str(files.folder)
    keys = f"cert: {folder}/one.pem, key: {folder}/one.key, client_ca: {file.replace('F', folder)}"
    (mistake,) = config.files(config.load(f"listen: [{{tcp: 'localhost:1', tls: {{{keys}}}}}]"))
    assert str(mistake) == f"listen[0].tls.client_ca: {message.replace('F', folder, 1)}"
    (mistake,) = config.files(config.load(f"remotes: [{{host: h, tls: {{ca: {file.replace('F', folder)}}}}}]"))
    assert str(mistake) == f"remotes[0].tls.ca: {message.replace('F', folder, 1)}"


def test_files_that_are_right(files: Files) -> None:
    both = files.folder / "both.pem"
    both.write_bytes(files.one.cert.read_bytes() + files.one.key.read_bytes())
    for pair in (files.one, files.other, Pair(both, both)):
        text = f"listen: [{{tcp: 'localhost:1', tls: {{{pair.yaml}, client_ca: {files.authority.cert}}}}}]"
        assert config.files(config.load(text)) == []


def test_a_wrong_file_ends_the_start(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tls.yaml"
    file.write_text(f"listen: [{{tcp: 'localhost:1', tls: {{cert: {files.one.cert}, key: {files.other.key}}}}}]\n")
    assert main(["serve", "--config", str(file)]) == 2
    text = f"listen[0].tls.key: {files.other.key}: is the key of another certificate than {files.one.cert}"
    assert capsys.readouterr().err == f"inditree: {text}\n"


# While it runs


def test_nothing_to_serve(tmp_path: Path) -> None:
    with serve(tmp_path) as router:
        text = "nothing to serve: no drivers and no remotes (inditree serve DRIVER ..., or `drivers` in the file)"
        router.wait_for(text)
        assert [line for line in said(router) if not line.startswith("INFO")] == [f"WARNING router: {text}"]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("indi_nonesuch", "no such program on PATH"),
        (
            "localhost:7625",
            "no such program on PATH; a server is --remote localhost:7625 or @localhost:7625",
        ),
        ("/opt/nowhere/driver", "No such file or directory"),
    ],
)
def test_a_program_that_is_not_there(tmp_path: Path, program: str, reason: str) -> None:
    name = program.rpartition("/")[2]
    with serve(tmp_path, program) as router:
        router.wait_for(f"WARNING driver: {name}: cannot be started: {program}: {reason}\n")
        again = (
            rf"WARNING driver: {name}: starts again in \d\.\d\d s: cannot be started: {program}: {re.escape(reason)}\n"
        )
        router.wait_for("s: cannot be started")
        assert re.search(again, router.log)


def test_the_same_driver_twice(tmp_path: Path) -> None:
    with serve(tmp_path, "indi_simulator_focus", "indi_simulator_focus") as router:
        found = "device Focuser Simulator is provided by driver "
        router.wait_for(found)
        (line,) = [line for line in said(router) if found in line]
    assert re.fullmatch(
        r"WARNING router: device Focuser Simulator is provided by driver (\S+) and by driver (\S+): "
        r"driver \2 is refused; most drivers take the name of their device from INDIDEV \(`env` of the driver\)",
        line,
    )


@contextlib.contextmanager
def web_server(body: bytes) -> Iterator[int]:
    """One that knows HTTP alone; its port."""

    class Handler(BaseHTTPRequestHandler):
        def send_error(self, *_: object, **__: object) -> None:
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + body)

        def log_message(self, *_: object) -> None:
            """Tests have no use for it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "why"), [(b"<!DOCTYPE html><html><body>no</body></html>", "hung up"), (b"bad request\n", "hung up")]
)
def test_a_remote_that_speaks_http(tmp_path: Path, body: bytes, why: str) -> None:
    with web_server(body) as port, serve(tmp_path, "--remote", f"127.0.0.1:{port}") as router:
        router.wait_for(f"WARNING link: link 127.0.0.1:{port}: what answers is not INDI ({why})\n")


def test_a_remote_is_named_once(tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, "--remote", f"127.0.0.1:{port}") as router:
        router.wait_for(f"WARNING link: link 127.0.0.1:{port}: cannot connect: connection refused\n")
    (tmp_path / "named.yaml").write_text(f"remotes: [{{host: '127.0.0.1:{port}', name: dome-b}}]\n")
    with serve(tmp_path, "--config", str(tmp_path / "named.yaml"), name="named") as router:
        router.wait_for(f"WARNING link: link dome-b (127.0.0.1:{port}): cannot connect: connection refused\n")


@contextlib.contextmanager
def drop_in(tmp: Path, name: str, *words: str) -> Iterator[Router]:
    port = free_port()
    router = Router(tmp / name, ["indiserver", "-p", str(port), *words], port, {"INDITREE_HTTP": "off"})
    try:
        yield router
    finally:
        router.stop()


def test_a_local_name_that_is_taken(tmp_path: Path) -> None:
    name = str(tmp_path / "local")
    with drop_in(tmp_path, "first", "-vu", name, "indi_simulator_focus") as first:
        first.wait_for(f"listening on @{name}")
        with drop_in(tmp_path, "second", "-u", name, "indi_simulator_focus") as second:
            second.wait_for(
                f"inditree: cannot listen on @{name}: Address already in use: does another server run there? "
                "Choose another name with `unix` of `listen` in the file (indiserver: -u)\n"
            )
            assert second.process.wait(15) == 1


def test_what_a_driver_says_as_it_starts_is_no_error(tmp_path: Path) -> None:
    """libindi's simulated telescope writes of its rates on stderr, each time."""
    with serve(tmp_path, "indi_simulator_telescope") as router:
        router.wait_for("INFO driver: indi_simulator_telescope: HaAxis:")
        router.wait_for("Telescope Simulator: provided by")
        assert "ERROR" not in router.log
    with drop_in(tmp_path, "drop-in", "-u", str(tmp_path / "u"), "indi_simulator_telescope") as router:
        router.wait_for("WARNING driver: indi_simulator_telescope: HaAxis:")  # as with indiserver, without -v
        assert "ERROR" not in router.log


def test_what_is_open_by_design_is_no_warning(tmp_path: Path) -> None:
    """The image says INDITREE_HOST=*; the drop-in has no `listen` to be told of. What a person wrote is."""
    (tmp_path / "open.yaml").write_text("listen: [{tcp: '0.0.0.0:1'}]\n")
    words, env = ["--config", str(tmp_path / "open.yaml"), "indi_simulator_focus"], {"INDITREE_HOST": "0.0.0.0"}
    with serve(tmp_path, *words, env=env) as router:
        router.wait_for("Focuser Simulator: provided by")
        assert "WARNING" not in router.log
    with drop_in(tmp_path, "drop-in", "-vu", str(tmp_path / "u"), "indi_simulator_focus") as router:
        router.wait_for("Focuser Simulator: provided by")
        assert "WARNING" not in router.log
    with serve(tmp_path, *words, name="file") as router:
        router.wait_for("is open to every network; restrict it with allow or tls.client_ca")


# Commands


def ask(*words: str) -> tuple[int, str]:
    """A command's exit status and what it says on stderr."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("INDITREE_")}
    command = [sys.executable, "-m", "inditree", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, env=env)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [("status",), ("health",), ("driver", "list"), ("driver", "stop", "x")])
def test_a_command_at_the_port_of_indi(tmp_path: Path, words: tuple[str, ...]) -> None:
    with serve(tmp_path, "indi_simulator_focus") as router:
        where = f"127.0.0.1:{router.port}"
        assert ask(*words, "--http", where) == (
            1,
            f"inditree: what answers at {where} is INDI: health, metrics and control have a port of their own "
            "(--http HOST:PORT, by default 127.0.0.1:9724)\n",
        )


def test_a_command_at_the_port_of_another_server(tmp_path: Path) -> None:
    port = free_port()
    words = ["indiserver", "-p", str(port), "-u", str(tmp_path / "local"), "indi_simulator_focus"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: tool("indi_getprop", "-p", str(port), "-t", "1").stdout, what="its device")
            for command in ("status", "health"):
                assert ask(command, "--http", f"127.0.0.1:{port}")[1].startswith(
                    f"inditree: what answers at 127.0.0.1:{port} is INDI"
                )
        finally:
            process.kill()


def test_a_command_where_nobody_listens() -> None:
    where = f"127.0.0.1:{free_port()}"
    assert ask("status", "--http", where) == (1, f"inditree: no router answers at {where}: Connection refused\n")


def test_a_change_from_the_host_of_a_container(tmp_path: Path) -> None:
    """By a published port the control socket is out of reach."""
    http = f"127.0.0.1:{free_port()}"
    with serve(tmp_path, "indi_simulator_focus", http=http):
        status, text = ask("driver", "stop", "indi_simulator_focus", "--socket", "off", "--http", http)
    assert (status, text) == (
        1,
        "inditree: changes need a token (http.token_file) or the control socket (--token-file, or --socket as "
        "the router's user or root; in a container: docker compose exec router inditree ...)\n",
    )


# A driver that crashes


def test_the_status_has_the_last_words_of_a_driver_that_crashed(tmp_path: Path) -> None:
    (tmp_path / "crasher").write_text("#!/bin/sh\necho cannot open /dev/ttyUSB7 >&2\nexit 3\n")
    (tmp_path / "crasher").chmod(0o755)
    env = {"XDG_RUNTIME_DIR": str(tmp_path), "COLUMNS": "200"}
    with serve(tmp_path, str(tmp_path / "crasher"), env=env) as router:
        words = [sys.executable, "-m", "inditree", "status"]
        said = {**os.environ, **env, "INDITREE_PORT": str(router.port)}

        def status() -> str:
            return subprocess.run(words, env=said, capture_output=True, text=True, timeout=DEADLINE).stdout

        router.wait_for("ended with exit code 3")
        until(lambda: "ended with exit code 3; it said last: cannot open /dev/ttyUSB7" in status())
