"""The command line of indiserver. What is said of 1.9.9 was seen with Debian's."""

from __future__ import annotations

import pytest

from inditree import config
from inditree.cli import indiserver, main
from inditree.config import Config, ControlSocket, Driver, Http, Launch, Limits, Listen, Log, Overlay, Remote, Restart
from inditree.errors import InditreeError
from inditree.indiserver.command_line import Options, companion_of, config_of, launch_of, parse
from inditree.indiserver.companion import Companion


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("x", Options(drivers=["x"])),
        ("x y", Options(drivers=["x", "y"])),
        ("-v x", Options(verbosity=1, drivers=["x"])),
        ("-vv x", Options(verbosity=2, drivers=["x"])),
        ("-vvv x", Options(verbosity=3, drivers=["x"])),
        ("-v -v x", Options(verbosity=2, drivers=["x"])),
        ("-vp 7625 x", Options(verbosity=1, port=7625, drivers=["x"])),
        ("-pr 7625 3 x", Options(port=7625, restarts=3, drivers=["x"])),
        ("-p 7625 x -v", Options(port=7625, drivers=["x", "-v"])),  # seen: what follows a driver is a driver
        ("-v -p 7624 -m 1024 -r 0 -f /tmp/indi", Options(verbosity=1, behind=1024, restarts=0, fifo="/tmp/indi")),
        ("-l /var/log -d 0 -u /tmp/x x", Options(log_dir="/var/log", stream=0, socket="/tmp/x", drivers=["x"])),
        ("-r -3 x", Options(restarts=0, drivers=["x"])),
        ("-f fifo x", Options(fifo="fifo", drivers=["x"])),
        ("- x", Options(drivers=["x"])),
        ("--definitions view x", Options(definitions="view", drivers=["x"])),
        ("-v --definitions=view -p 7625 x", Options(verbosity=1, port=7625, definitions="view", drivers=["x"])),
        ("--definitions forwarded x", Options(drivers=["x"])),
        ("-l -v x", Options(log_dir="-v", drivers=["x"])),
    ],
)
def test_command_lines(words: str, options: Options) -> None:
    assert parse(words.split()) == options


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", ""),
        ("-v", ""),
        ("-vvvv", ""),
        ("-x a", ""),
        ("-h", ""),
        ("--help", ""),
        ("-- a", ""),
        ("-p7625 a", "-p requires port value, not 'a'\n"),
        ("-l", "-l requires log directory\n"),
        ("-m", "-m requires max MB behind\n"),
        ("-d", "-d requires max stream MB behind\n"),
        ("-u", "-u requires local socket path\n"),
        ("-p", "-p requires port value\n"),
        ("-f", "-f requires fifo node\n"),
        ("-r", "-r requires number of restarts\n"),
        ("-p indi x", "-p requires port value, not 'indi'\n"),
        ("-p 65536 x", "-p requires port value, not '65536'\n"),
        ("-m 1.5 x", "-m requires max MB behind, not '1.5'\n"),
        ("--definitions x", "--definitions is view or forwarded, not 'x'\n"),
        ("--definitions", "--definitions is view or forwarded, not ''\n"),
        ("--definitionsx view x", "--definitions is view or forwarded, not 'view'\n"),
    ],
)
def test_wrong_use(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["indiserver", *words.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{message}Usage: indiserver [options] driver [driver ...]\n")
    assert said.err.endswith("With INDITREE_WEB=on in the environment browsers get a page at the TCP port.\n")


def test_the_configuration() -> None:
    options = parse(
        [
            "-p",
            "7625",
            "-u",
            "/tmp/sock",
            "-m",
            "64",
            "-r",
            "2",
            "indi_a",
            "/opt/b",
            "indi_a",
            "@dome-b",
            "Dome@dome-b:7626",
        ]
    )
    restart = Restart(policy="always", max_restarts=2)
    assert config_of(options) == Config(
        name=config.load("").name,
        listen=(
            Listen(tcp="*:7625", name="*:7625", max_connections=None),
            Listen(unix="@/tmp/sock", name="@/tmp/sock", max_connections=None),
        ),
        drivers=(
            Driver(name="indi_a", exec=("indi_a",), restart=restart, stderr_level="warning"),
            Driver(name="b", exec=("/opt/b",), restart=restart, stderr_level="warning"),
            Driver(name="indi_a-2", exec=("indi_a",), restart=restart, stderr_level="warning"),
        ),
        remotes=(
            Remote(name="dome-b:7624", host="dome-b"),
            Remote(name="Dome@dome-b:7626", host="dome-b", port=7626, device="Dome"),
        ),
        definitions="forwarded",
        limits=Limits(queue=64 << 20),
        http=Http(listen=None),
        control=ControlSocket(socket=None),
        log=Log(level="warning"),
    )


def test_a_driver_is_one_word_without_arguments() -> None:
    assert config_of(parse(["/opt/my drivers/x -v"])).drivers[0].exec == ("/opt/my drivers/x -v",)


def test_the_same_remote_twice() -> None:
    names = [entry.name for entry in config_of(parse(["@h", "@h"])).remotes]
    assert names == ["h:7624", "h:7624-2"]


@pytest.mark.parametrize(
    ("restarts", "restart"),
    [("0", Restart(policy="never")), ("10", Restart(max_restarts=10)), ("-1", Restart(policy="never"))],
)
def test_restarts(restarts: str, restart: Restart) -> None:
    options = parse(["-r", restarts, "x"])
    assert config_of(options).drivers[0].restart == restart
    assert companion_of(options).restart == restart


@pytest.mark.parametrize(
    ("words", "level"), [("x", "warning"), ("-v x", "info"), ("-vv x", "debug"), ("-vvv x", "debug")]
)
def test_verbosity(words: str, level: str) -> None:
    options = parse(words.split())
    assert config_of(options).log.level == level
    assert launch_of(options).log_traffic == (words == "-vvv x")


def test_variables_stand_below_the_options() -> None:
    said = Overlay(
        http="h:1", token_file="t", socket="/run/c", log_level="error", log_format="json", port=1, host="h", drivers=()
    )
    made = config_of(parse(["x"]), said)
    assert made.control == ControlSocket(socket="/run/c")
    assert (made.http, made.log) == (Http(listen="h:1", token_file="t"), Log(level="error", format="json"))
    assert (made.listen[0].tcp, len(made.drivers)) == ("*:7624", 1)
    assert config_of(parse(["-v", "x"]), said).log.level == "info"


def test_how_it_is_run() -> None:
    assert launch_of(parse(["x"])) == Launch(
        ends_with_drivers=True,
        http_may_fail=True,
        streams=5 << 20,
        signals=True,
        skips_text=True,
    )
    options = parse(["-f", "fifo", "-l", "logs"])
    beside = companion_of(options)
    assert (beside.fifo, beside.message_directory, beside.starts_drivers) == ("fifo", "logs", True)
    assert not launch_of(options).ends_with_drivers
    assert launch_of(parse(["-d", "0", "x"])).streams is None


@pytest.mark.parametrize("word", ["@", "x@", "x@h:y", "@h:0"])
def test_what_is_no_remote(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InditreeError):
        config_of(parse([word]))
    assert main(["indiserver", word]) == 1
    assert capsys.readouterr().err == f"inditree: Bad remote device syntax: {word}\n"


def test_what_drivers_of_the_fifo_inherit(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str | None] = []

    def serve(config: Config, launch: Launch, *, beside: Companion) -> int:
        served.append(beside.fifo)
        return 0

    monkeypatch.setattr("inditree.cli.serve.serve", serve)
    environ = {"INDIDEV": "a", "INDICONFIG": "b", "INDISKEL": "c", "INDIPREFIX": "d"}
    assert indiserver.run(["x"], environ) == 0
    assert len(environ) == 4
    assert indiserver.run(["-f", "fifo"], environ) == 0
    assert environ == {"INDIPREFIX": "d"}
    assert served == [None, "fifo"]


def test_called_by_the_name_of_indiserver(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/indiserver", "-p"])
    assert main() == 2
    assert capsys.readouterr().err.startswith("-p requires port value\n")


@pytest.mark.parametrize("definitions", ["view", "forwarded"])
def test_who_answers_for_the_drivers(definitions: str) -> None:
    assert config_of(parse(["--definitions", definitions, "x"])).definitions == definitions
    assert config_of(parse(["x"])).definitions == "forwarded"
