"""The command as a whole: help, version, wrong use, check."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inditree import __version__, config
from inditree.cli import main
from inditree.cli.parser import build
from live import until
from ports import free_port, listens
from waiting import DEADLINE


def test_without_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for command in ("serve", "check", "health", "status", "driver", "remote", "indiserver"):
        assert f"\n    {command}" in said.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"inditree {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [["serve"], ["check"], ["health"], ["status"], ["driver"], ["remote"], ["driver", "add"], ["remote", "add"]],
)
def test_each_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    assert f"usage: inditree {' '.join(words)}" in capsys.readouterr().out


def test_the_parser_of_one_command_is_the_one_among_all() -> None:
    _, commands = build()
    assert len(commands.choices) > 10
    for name, parser in commands.choices.items():
        _, alone = build(name)
        assert list(alone.choices) == [name]
        assert alone.choices[name].format_help() == parser.format_help()


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["check"], ["serve", "--nonsense"], ["driver"], ["driver", "fly"], ["driver", "stop"], ["--port"]],
)
def test_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: inditree" in capsys.readouterr().err


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inditree", "--version"], capture_output=True, text=True, timeout=DEADLINE
    )
    assert (done.returncode, done.stdout) == (0, f"inditree {__version__}\n")


def test_who_reads_our_output_may_hang_up(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("drivers:" + "\n- {exec: [x]}" * 2000)
    # Unbuffered, Python loses the error after a write that was cut short.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    words = [sys.executable, "-m", "inditree", "check", str(file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1


def test_check_prints_it_normalised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("drivers: [{exec: [indi_simulator_ccd]}]")
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr()
    assert said.out == config.normalised(config.load(file.read_text()))
    assert "- name: indi_simulator_ccd\n" in said.out
    assert said.err == ""


def test_check_names_file_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("drivers: [{exec: [x]}, {exec: [y], restart: {policy: no one}}]")
    assert main(["check", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"inditree: {file}: drivers[1].restart.policy: 'no one' is not one of always, never, on-failure\n"
    )


def test_check_of_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{tmp_path}/no.yaml"]) == 2
    assert capsys.readouterr().err == f"inditree: {tmp_path}/no.yaml: cannot be read: No such file or directory\n"


def test_check_of_no_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("a: b: c")
    assert main(["check", str(file)]) == 2
    assert capsys.readouterr().err == f"inditree: {file}: line 1, column 5: mapping values are not allowed here\n"


def test_check_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"listen: [{{tcp: '*:7624'}}]\nhttp: {{token_file: {tmp_path}/token}}")
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().err == (
        f"inditree: warning: http.token_file: {tmp_path}/token: No such file or directory\n"
        "inditree: warning: listen[0]: *:7624 is open to every network; restrict it with allow or tls.client_ca\n"
    )


@pytest.mark.parametrize(
    ("condition", "doubt"),
    [
        ('"W.P._STATE" == 1', ""),
        ('"W.P._STATE" == 4', "can never hold"),
        ('"W.P._STATE" >= 0', "always holds"),
        ('"W.P._STATE" == 1 && "V.P._STATE" > 3', "can never hold"),
        ("1 == 2", "can never hold"),
        ("pi > 3", "always holds"),
        ('clients("*") < 0', ""),
        ('"W.P.M" > 1 && 0', "can never hold"),
    ],
)
def test_check_says_what_conditions_read_and_which_can_never_hold(
    condition: str, doubt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"interlocks: [{{name: a, refuse: [Dome.X.Y], unless: '{condition}'}}]")
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr().err
    assert "interlocks[0].unless reads " in said
    assert ("W.P._STATE" in said) is ("W.P._STATE" in condition)
    expected = f"inditree: warning: interlocks[0].unless: {doubt}: {condition}\n"
    assert (expected in said) if doubt else ("warning" not in said)


@pytest.mark.parametrize(("words", "status"), [("--version", 0), ("check /nonexistent", 2), ("", 2)])
def test_without_standard_streams(words: str, status: int) -> None:
    """As a daemoniser starts it."""
    line = f"exec {sys.executable} -m inditree {words} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], check=False, timeout=DEADLINE).returncode == status


def test_a_router_without_standard_streams_stops_in_order() -> None:
    """libuv took the lowest descriptors for itself, and ended the process as it closed them."""
    port = free_port()
    line = f"exec {sys.executable} -m inditree serve --port {port} --http off <&- >&- 2>&-"
    process = subprocess.Popen(["sh", "-c", line])
    try:
        until(lambda: listens(port), what="it listens")
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
