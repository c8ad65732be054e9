"""`health`, `driver` and `remote` against a stand-in for a router."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from cli.router import CLIENTS, DRIVERS, REMOTES, running
from inditree.cli import main


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INDITREE_HTTP", raising=False)
    monkeypatch.delenv("INDITREE_TOKEN_FILE", raising=False)
    monkeypatch.setenv("INDITREE_SOCKET", "off")


def test_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:
        assert main(["health", "--http", router.address]) == 0
    assert capsys.readouterr().out == "ready\n"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            503,
            {"ready": False, "draining": False, "drivers": {"ccd": "backoff"}, "remotes": {"dome-b": "connecting"}},
            "not ready: driver ccd is backoff, remote dome-b is connecting",
        ),
        (503, {"ready": False, "draining": True, "drivers": {}, "remotes": {}}, "not ready: draining"),
        (503, {"ready": False}, "not ready"),
        (500, "oh", "what answers at {} is not inditree's health (status 500 for /readyz): another program?"),
        (404, [], "what answers at {} is not inditree's health (status 404 for /readyz): another program?"),
        (200, "<html>", "what answers at {} is not inditree's health (status 200 for /readyz): another program?"),
    ],
)
def test_not_healthy(status: int, body: object, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with running(**{"GET /readyz": (status, body)}) as router:
        assert main(["health", "--http", router.address]) == 1
    assert capsys.readouterr().err == f"inditree: {message.format(router.address)}\n"


def test_a_variable_says_where_and_a_wildcard_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as router:
        for host in ("0.0.0.0", "*", "", " 127.0.0.1"):
            monkeypatch.setenv("INDITREE_HTTP", f"{host}:{router.port}")
            assert main(["health"]) == 0
        monkeypatch.setenv("INDITREE_HTTP", "off")
        assert main(["health", "--http", router.address]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["health"],
        ["status"],
        ["status", "--json"],
        ["driver", "list"],
        ["driver", "add", "x"],
        ["remote", "restart", "x"],
        ["remote", "add", "x"],
    ],
)
def test_nobody_is_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:  # bound, but nobody listens
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        assert main([*words, "--http", address]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"inditree: no router answers at {address}: Connection refused\n"


def test_who_is_there_speaks_no_http(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        import threading

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"<getProperties version='1.7'/>\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert main(["health", "--http", f"127.0.0.1:{other.getsockname()[1]}"]) == 1
        thread.join()
    assert "inditree: no router answers at 127.0.0.1:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "words", "status", "message"),
    [
        ("off", [], 1, "no control socket answers, and HTTP is off (INDITREE_HTTP): there is no router to ask"),
        ("9724", [], 2, "INDITREE_HTTP: '9724' has no host (localhost:9724, or *:9724 for all addresses)"),
        ("off", ["--http", "x"], 2, "--http: 'x' has no port (host:port, [::1]:port)"),
        ("", ["--token-file", "no"], 2, "--token-file: no: No such file or directory"),
        ("", ["--token-file", "empty"], 2, "--token-file: empty: holds no token"),
        ("", ["--token-file", "binary"], 2, "--token-file: binary: is not text"),
    ],
)
def test_wrong_use(
    variable: str,
    words: list[str],
    status: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("INDITREE_HTTP", variable)
    assert main(["health", *words]) == status
    assert capsys.readouterr().err == f"inditree: {message}\n"


@pytest.mark.parametrize(("kind", "rows"), [("driver", DRIVERS), ("remote", REMOTES)])
def test_lists(kind: str, rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:
        assert main([kind, "list", "--json", "--http", router.address]) == 0
        assert json.loads(capsys.readouterr().out) == rows
        assert main([kind, "list", "--http", router.address]) == 0
        table = capsys.readouterr().out
    for row in rows:
        assert row["name"] in table and row["state"] in table
    assert "cpu" not in table  # one answer tells no percentage


def test_the_list_of_clients(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as router:
        assert main(["client", "list", "--http", router.address]) == 0
    table = capsys.readouterr().out
    for row in CLIENTS:
        assert str(row["id"]) in table and row["address"] in table


def test_a_list_of_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    with running(**{"GET /api/v1/drivers": (200, [{"x": 1}])}) as router:
        assert main(["driver", "list", "--http", router.address]) == 1
    with running(**{"GET /api/v1/drivers": (200, "<html>")}) as router:
        assert main(["driver", "list", "--http", router.address]) == 1
    assert capsys.readouterr().err == "inditree: what answers there is not inditree\n" * 2


@pytest.mark.parametrize(
    ("words", "asked", "said"),
    [
        (["driver", "remove", "ccd"], "DELETE /api/v1/drivers/ccd", "driver ccd: removed"),
        (["driver", "restart", "ccd"], "POST /api/v1/drivers/ccd/restart", "driver ccd: restarting"),
        (["driver", "stop", "Main CCD"], "POST /api/v1/drivers/Main%20CCD/stop", "driver Main CCD: stopping"),
        (
            ["remote", "start", "[::1]:7624"],
            "POST /api/v1/remotes/%5B%3A%3A1%5D%3A7624/start",
            "remote [::1]:7624: starting",
        ),
        (["client", "close", "12"], "DELETE /api/v1/clients/12", "client 12: closed"),
        (["device", "refresh", "a/b"], "POST /api/v1/devices/a%2Fb/refresh", "device a/b: asked"),
        (["reaction", "run", "wet"], "POST /api/v1/reactions/wet/run", "reaction wet: running"),
        (["reaction", "reset", "wet"], "POST /api/v1/reactions/wet/reset", "reaction wet: armed again"),
        (["remote", "remove", "a?b#c"], "DELETE /api/v1/remotes/a%3Fb%23c", "remote a?b#c: removed"),
    ],
)
def test_changes(words: list[str], asked: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with running(**{asked: (204, None)}) as router:
        assert main([*words, "--http", router.address]) == 0
    assert capsys.readouterr().out == said + "\n"


def _added(kind: str, words: list[str]) -> Any:
    with running(**{f"POST /api/v1/{kind}s": (201, {"name": "given"})}) as router:
        assert main([kind, "add", *words, "--http", router.address]) == 0
        ((_, _, headers, body),) = router.asked
    assert headers["Content-Type"] == "application/json"
    return body


def test_drivers_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert _added("driver", ["indi_x -v"]) == {"exec": ["indi_x", "-v"]}
    assert _added("driver", ["mine:make", "--name", "m"]) == {"python": "mine:make", "name": "m"}
    more = ["--env", "INDIDEV=Main CCD", "--env", "A=b=c", "--cwd", "/data", "--restart", "never", "--required"]
    assert _added("driver", ["x", *more]) == {
        "exec": ["x"],
        "env": {"INDIDEV": "Main CCD", "A": "b=c"},
        "cwd": "/data",
        "restart": {"policy": "never"},
        "required": True,
    }
    assert capsys.readouterr().out == "driver given: added\n" * 3


def test_remotes_are_added() -> None:
    assert _added("remote", ["dome-b"]) == {"host": "dome-b", "port": 7624, "blobs": True}
    assert _added("remote", ["Dome@[::1]:7625", "--no-blobs"]) == {
        "host": "::1",
        "port": 7625,
        "blobs": False,
        "device": "Dome",
    }
    assert _added("remote", ["h?blobs=off", "--name", "n", "--device", "A*", "--device", "B", "--share", "down"]) == {
        "host": "h",
        "port": 7624,
        "blobs": False,
        "name": "n",
        "devices": ["A*", "B"],
        "share": "down",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["driver", "add", "@dome-b"], "DRIVER: '@dome-b' is a remote: inditree remote add @dome-b"),
        (["driver", "add", ""], "DRIVER: the driver is empty"),
        (["driver", "add", "x", "--env", "A"], "--env: 'A' is not KEY=VALUE"),
        (["driver", "add", "x", "--name", "a/b"], "name: 'a/b' contains a slash or a control character"),
        (["driver", "add", "a:b", "--cwd", "/x"], "cwd: only with exec: a factory runs in the router's own process"),
        (["driver", "stop", ""], "NAME: is empty"),
        (["remote", "add", "h:0"], "HOST: '0' is not a port (1 to 65535)"),
        (["remote", "add", "h", "--device", "["], "devices[0]: '[' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ],
)
def test_mistakes_are_found_before_the_router_is_asked(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as router:
        assert main([*words, "--http", router.address]) == 2
        assert router.asked == []
    assert capsys.readouterr().err == f"inditree: {message}\n"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, {"error": "no driver ccd"}, "no driver ccd"),
        (409, {"error": "ccd is taken"}, "ccd is taken"),
        (401, {"error": "a token"}, "a token (a token is needed: --token-file)"),
        (
            403,
            {"error": "no"},
            "no (--token-file, or --socket as the router's user or root; in a container: "
            "docker compose exec router inditree ...)",
        ),
        (405, "not json", "Method Not Allowed"),
        (500, None, "Internal Server Error"),
    ],
)
def test_the_router_says_no(status: int, body: object, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with running(**{"POST /api/v1/drivers/ccd/restart": (status, body)}) as router:
        assert main(["driver", "restart", "ccd", "--http", router.address]) == 1
    assert capsys.readouterr().err == f"inditree: {message}\n"


def test_the_token_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flag", "variable"):
        (tmp_path / name).write_text(f"secret-{name}\n")
    monkeypatch.setenv("INDITREE_TOKEN_FILE", f"{tmp_path}/variable ")
    with running(**{"POST /api/v1/drivers/ccd/stop": (202, {})}) as router:
        main(["driver", "stop", "ccd", "--http", router.address])
        main(["driver", "stop", "ccd", "--http", router.address, "--token-file", f"{tmp_path}/flag"])
        monkeypatch.delenv("INDITREE_TOKEN_FILE")
        main(["driver", "stop", "ccd", "--http", router.address])
        sent = [headers.get("Authorization") for _, _, headers, _ in router.asked]
    assert sent == ["Bearer secret-variable", "Bearer secret-flag", None]
