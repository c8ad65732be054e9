"""`inditree serve`: what it makes of flags, variables and a file, and how it ends. The server is a stand-in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inditree import config, server
from inditree.cli import main
from inditree.config import Config, Driver, Launch, Remote
from inditree.errors import ConfigError, StartError
from inditree.ops import logs


@dataclass
class Stage:
    """What the server was made with, and what it shall do."""

    config: Config = field(default_factory=Config)
    launch: Launch = field(default_factory=Launch)
    loop: str = ""
    logs: list[object] = field(default_factory=list)
    end: int | Exception = 0


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    result = Stage()

    class Server:
        def __init__(self, config: Config, *, launch: Launch, beside: object) -> None:
            result.config, result.launch = config, launch

        async def asyncrun(self) -> int:
            import asyncio

            result.loop = type(asyncio.get_running_loop()).__module__
            if isinstance(result.end, Exception):
                raise result.end
            return result.end

    for name in [name for name in os.environ if name.startswith("INDITREE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(server, "Server", Server)
    monkeypatch.setattr(logs, "setup", lambda *arguments: result.logs.append(arguments))
    return result


def test_defaults(stage: Stage) -> None:
    assert main(["serve"]) == 0
    assert stage.config == config.load("")
    assert (stage.launch.signals, stage.loop) == (True, "uvloop")
    assert stage.logs == [(stage.config.log, None)]


def test_every_flag(stage: Stage, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    words = "--host 0.0.0.0 --port 7777 --http 127.0.0.1:9777 --max-connections 3 --remote dome-b --remote c:7625"
    more = ["--log-level", "DEBUG", "--log-format", "json", "--token-file", str(token)]
    # Options may stand between drivers.
    assert main(["serve", "indi_a -v", *words.split(), "mine:make", *more, "Dome@d"]) == 0
    made = stage.config
    assert [(entry.tcp, entry.max_connections) for entry in made.listen] == [("0.0.0.0:7777", 3)]
    assert made.drivers == (
        Driver(name="indi_a", exec=("indi_a", "-v")),
        Driver(name="make", python="mine:make"),
    )
    assert made.remotes == (
        Remote(name="Dome@d:7624", host="d", device="Dome"),
        Remote(name="dome-b:7624", host="dome-b"),
        Remote(name="c:7625", host="c", port=7625),
    )
    assert (made.http.listen, made.http.token_file) == ("127.0.0.1:9777", str(token))
    assert (made.log.level, made.log.format) == ("debug", "json")


def test_flag_variable_file(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("listen: [{tcp: 'a:1'}]\ndrivers: [{exec: [f]}]\nlog: {format: json}\nhttp: {listen: 'h:1'}")
    monkeypatch.setenv("INDITREE_CONFIG", str(file))
    monkeypatch.setenv("INDITREE_PORT", "2")
    monkeypatch.setenv("INDITREE_DRIVERS", "v")
    assert main(["serve", "--port", "3", "--http", "off"]) == 0
    assert stage.config.listen[0].tcp == "a:3"
    assert [entry.name for entry in stage.config.drivers] == ["v"]
    assert (stage.config.log.format, stage.config.http.listen) == ("json", None)
    file.write_text("listen: [{tcp: 'b:1'}]")
    assert stage.launch.reread
    assert stage.launch.reread().listen[0].tcp == "b:3"


def test_it_ends_as_the_server_ends(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.end = 1
    assert main(["serve"]) == 1
    stage.end = StartError("port 7624 is taken")
    assert main(["serve"]) == 1
    stage.end = ConfigError("drivers[0].python", "no module named 'mine'")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err == (
        "inditree: port 7624 is taken\ninditree: drivers[0].python: no module named 'mine'\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "x"], "--port: 'x' is not a port (0 to 65535)"),
        (["--host", "a b"], "--host: 'a b' is not a host"),
        (["--http", "9724"], "--http: '9724' has no host (localhost:9724, or *:9724 for all addresses)"),
        (["--max-connections", "0"], "--max-connections: '0' is not a number of connections (1 or more)"),
        (["--remote", "a:x"], "--remote: 'x' is not a port (1 to 65535)"),
        (["'open"], 'DRIVER: "\'open": no closing quotation'),
        (["--log-level", "x"], "--log-level: 'x' is not one of debug, info, warning, error, critical"),
        (["--log-format", "x"], "--log-format: 'x' is not one of text, json"),
        (["--config", "no.yaml"], "no.yaml: cannot be read: No such file or directory"),
        (["--token-file", "no"], "http.token_file: no: No such file or directory"),
    ],
)
def test_a_mistake_names_the_flag(
    stage: Stage,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *words]) == 2
    assert capsys.readouterr().err == f"inditree: {message}\n"
    assert stage.loop == ""


def test_an_open_listener_is_a_warning(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["serve", "--host", "*"]) == 0
    assert caplog.messages == ["listen[0]: *:7624 is open to every network; restrict it with allow or tls.client_ca"]
