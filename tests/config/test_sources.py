"""Flags over variables over a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inditree import config
from inditree.config import Config, Driver, Listen, Overlay, Remote, Sources, variables
from inditree.errors import ConfigError

_FILE = """
listen: [{unix: "@x"}, {tcp: "10.0.0.1:7000", max_connections: 9}, {tcp: "10.0.0.2:7001"}]
drivers: [{exec: [from_file]}, {exec: [also_from_file]}]
remotes: [{host: from-file}]
http: {listen: "10.0.0.1:9000", token_file: from-file}
log: {level: error, format: json}
"""


def _load(tmp_path: Path, variables: Overlay = Overlay(), flags: Overlay = Overlay()) -> Config:  # noqa: B008
    file = tmp_path / "c.yaml"
    file.write_text(_FILE)
    return Sources(file=str(file), variables=variables, flags=flags).load()


def _tcp(result: Config) -> list[str | None]:
    return [entry.tcp for entry in result.listen]


def test_the_file_alone(tmp_path: Path) -> None:
    result = _load(tmp_path)
    assert _tcp(result) == [None, "10.0.0.1:7000", "10.0.0.2:7001"]
    assert [entry.name for entry in result.drivers] == ["from_file", "also_from_file"]


def test_nothing_at_all() -> None:
    assert Sources().load() == config.load("")


def test_every_variable() -> None:
    said = variables(
        {
            "INDITREE_HOST": "0.0.0.0",
            "INDITREE_PORT": "7777",
            "INDITREE_HTTP": "0.0.0.0:9777",
            "INDITREE_TOKEN_FILE": "/run/token",
            "INDITREE_DRIVERS": "indi_a -v; mine:make\n\n Dome@dome-b \n",
            "INDITREE_REMOTES": "dome-c, dome-d:7625?blobs=off,",
            "INDITREE_LOG_LEVEL": "WARNING",
            "INDITREE_LOG_FORMAT": "json",
            "INDITREE_SOMETHING": "else",
            "PATH": "/bin",
        }
    )
    assert said == Overlay(
        host="0.0.0.0",
        port=7777,
        http="0.0.0.0:9777",
        token_file="/run/token",
        drivers=(Driver(exec=("indi_a", "-v")), Driver(python="mine:make")),
        remotes=(
            Remote(host="dome-b", device="Dome"),
            Remote(host="dome-c"),
            Remote(host="dome-d", port=7625, blobs=False),
        ),
        log_level="warning",
        log_format="json",
    )


def test_an_empty_variable_says_nothing() -> None:
    names = ("HOST", "PORT", "HTTP", "TOKEN_FILE", "DRIVERS", "REMOTES", "LOG_LEVEL", "LOG_FORMAT")
    assert variables({f"INDITREE_{name}": " " for name in names}) == Overlay()


def test_the_port_that_kubernetes_sets_for_a_service_of_our_name_is_no_port() -> None:
    assert variables({"INDITREE_PORT": "tcp://10.96.0.12:7624"}) == Overlay()


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    said = variables(
        {"INDITREE_PORT": "7777", "INDITREE_HTTP": "off", "INDITREE_DRIVERS": "a", "INDITREE_LOG_LEVEL": "info"}
    )
    result = _load(tmp_path, said)
    assert _tcp(result) == [None, "10.0.0.1:7777", "10.0.0.2:7001"]
    assert [entry.name for entry in result.listen] == ["@x", "10.0.0.1:7777", "10.0.0.2:7001"]
    assert result.listen[1].max_connections == 9
    assert (result.http.listen, result.http.token_file) == (None, "from-file")
    assert [entry.name for entry in result.drivers] == ["a"]
    assert [entry.host for entry in result.remotes] == ["from-file"]
    assert (result.log.level, result.log.format) == ("info", "json")


def test_a_flag_beats_a_variable(tmp_path: Path) -> None:
    low = Overlay(host="0.0.0.0", port=1, http_off=True, drivers=(Driver(exec=("low",)),), log_level="debug")
    high = Overlay(
        port=2, http="h:3", max_connections=4, drivers=(Driver(exec=("high",)),), remotes=(Remote(host="r"),)
    )
    result = _load(tmp_path, low, high)
    assert result.listen[1].tcp == "0.0.0.0:2"
    assert result.listen[1].max_connections == 4
    assert result.http.listen == "h:3"
    assert [entry.name for entry in result.drivers] == ["high"]
    assert [entry.host for entry in result.remotes] == ["r"]
    assert result.log.level == "debug"


def test_off_as_a_flag_beats_an_address_as_a_variable(tmp_path: Path) -> None:
    assert _load(tmp_path, Overlay(http="h:3"), Overlay(http_off=True)).http.listen is None


def test_an_ipv6_host(tmp_path: Path) -> None:
    for text in ("::1", "[::1]"):
        assert _load(tmp_path, variables({"INDITREE_HOST": text})).listen[1].tcp == "[::1]:7000"
    assert _load(tmp_path, variables({"INDITREE_HOST": "*"})).listen[1].tcp == "*:7000"


def test_each_load_reads_the_file_anew(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    sources = Sources(file=str(file), flags=Overlay(port=7777))
    for level in ("debug", "error"):
        file.write_text(f"log: {{level: {level}}}")
        assert sources.load().log.level == level
        assert sources.load().listen == (Listen(tcp="localhost:7777", name="localhost:7777"),)


def test_without_a_tcp_listener(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("listen: [{unix: '@x'}]")
    # The image says where to listen by variables, whatever the file says: that must not open a port.
    assert _tcp(Sources(file=str(file), variables=Overlay(host="0.0.0.0", port=1)).load()) == [None]
    for name, flags in (("--port", Overlay(port=1)), ("--host", Overlay(host="h"))):
        with pytest.raises(ConfigError) as caught:
            Sources(file=str(file), flags=flags).load()
        assert str(caught.value) == f"{name}: the configuration has no TCP listener"


def test_the_control_socket(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"

    def socket(text: str, variable: str = "", **flags: Any) -> str | None:
        file.write_text(text)
        said = variables({"INDITREE_SOCKET": variable})
        return Sources(file=str(file), flags=Overlay(**flags), variables=said).load().control.socket

    assert socket("") == socket("control: {}") == socket("control: {socket: default}") == "default"
    for text in ("off", "'off'", "false", "null"):
        assert socket(f"control: {{socket: {text}}}") is None
    assert socket("control: {socket: /run/a}") == "/run/a"
    assert socket("control: {socket: /run/a}", "/run/b") == "/run/b"
    assert socket("control: {socket: /run/a}", "off") is None
    assert socket("control: {socket: off}", "default") == "default"
    assert socket("", "/run/b", socket="/run/c") == "/run/c"
    assert socket("", "off", socket="/run/c") == "/run/c"
    assert socket("", "/run/b", socket_off=True) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "indi", "INDITREE_PORT: 'indi' is not a port (0 to 65535)"),
        ("HOST", "a b", "INDITREE_HOST: 'a b' is not a host"),
        ("HTTP", "9724", "INDITREE_HTTP: '9724' has no host (localhost:9724, or *:9724 for all addresses)"),
        ("HTTP", "OFF", "INDITREE_HTTP: 'OFF' has no port (host:port, [::1]:port)"),
        ("SOCKET", "x", "INDITREE_SOCKET: 'x' is not an absolute path (and neither default nor off)"),
        ("DRIVERS", "a;'b", 'INDITREE_DRIVERS: "\'b": no closing quotation'),
        ("REMOTES", "a,b:x", "INDITREE_REMOTES: 'x' is not a port (1 to 65535)"),
        ("REMOTES", "a?blobs=no", "INDITREE_REMOTES: 'a?blobs=no': after the ? only blobs=on or blobs=off"),
        ("LOG_LEVEL", "loud", "INDITREE_LOG_LEVEL: 'loud' is not one of debug, info, warning, error, critical"),
        ("LOG_FORMAT", "xml", "INDITREE_LOG_FORMAT: 'xml' is not one of text, json"),
    ],
)
def test_a_mistake_names_the_variable(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        variables({f"INDITREE_{name}": value})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("drivers: [{exec: 3}]", Overlay(), "FILE: drivers[0].exec: "),
        ("drivers: [{exec: [x], cwd: y, python: 'a:b'}]", Overlay(), "FILE: drivers[0]: has both exec and python"),
        ("listen: []", Overlay(drivers=(Driver(exec=("x",)),)), "FILE: listen: is empty"),
        ("a: b: c", Overlay(), "FILE: line 1"),
        ("", Overlay(drivers=(Driver(exec=("x",), name="a/b"),)), "drivers[0].name: "),
    ],
)
def test_a_mistake_in_the_file_names_it_and_one_in_a_flag_does_not(
    tmp_path: Path, text: str, flags: Overlay, message: str
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Sources(file=str(file), flags=flags).load()
    assert str(caught.value).startswith(message.replace("FILE", str(file)))
    assert str(caught.value).count(str(file)) == message.count("FILE")
