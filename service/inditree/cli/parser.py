"""What `inditree` can be told. Commands are imported when they run, so that `--version` and `check` start quickly."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module

from inditree.config import units
from inditree.config.structs import HTTP_ADDRESS
from inditree.envelope.numbers import number
from inditree.version import __version__

_SERVE = """\
Serve drivers and remotes to INDI clients until a signal stops it.

A DRIVER is a program with its arguments in one word ("indi_simulator_ccd -v"),
a Python factory of IPyDriver objects (pkg.module:callable), or a device of
another server ([DEVICE]@HOST[:PORT])."""

_SERVE_MORE = """\
A flag beats a variable, a variable beats the file; a list given by one
replaces the list below it. Variables: INDITREE_CONFIG, INDITREE_HOST,
INDITREE_PORT, INDITREE_HTTP, INDITREE_TOKEN_FILE, INDITREE_SOCKET,
INDITREE_DRIVERS (one a line, or separated by ;), INDITREE_REMOTES
(host[:port][?blobs=off], separated by commas), INDITREE_LOG_LEVEL,
INDITREE_LOG_FORMAT.

Signals: SIGTERM and SIGINT stop it in order, a second one at once; SIGHUP
reads the configuration again."""

_STATUS = "Show a running router: its tree, devices, their last messages, drivers, links, clients and rates."


INTERMIXED = frozenset({"serve", "get", "set", "watch", "record", "list", "show", "export"})
"""Commands with more than one positional word."""


def parse(words: Sequence[str]) -> Namespace:
    """What the words say; `run` of the result is a function of the result itself. Exits 2 after wrong use."""
    parser, commands = build()
    chosen, rest = commands, list(words)
    while rest and rest[0] in INTERMIXED and rest[0] in chosen.choices:
        # Only so may options stand between drivers, patterns and the like.
        inner, rest = chosen.choices[rest[0]], rest[1:]
        actions = [each for each in inner._actions if isinstance(each, argparse._SubParsersAction)]
        if not actions:
            return inner.parse_intermixed_args(rest)
        chosen = actions[0]
    return parser.parse_args(words)


def build() -> tuple[ArgumentParser, argparse._SubParsersAction[ArgumentParser]]:
    """The parser, and its commands."""
    parser = ArgumentParser(
        prog="inditree",
        description="An INDI server: routes, supervises drivers, links servers into a tree, and measures.",
        epilog="inditree COMMAND --help tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"inditree {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _serve(commands)
    _check(commands)
    _health(commands)
    _status(commands)
    _control(commands, "driver")
    _control(commands, "remote")
    _client(commands)
    _device(commands)
    _get(commands)
    _set(commands)
    _watch(commands)
    _image(commands)
    _record(commands)
    _replay(commands)
    _completion(commands)
    _add(commands, "indiserver", "run with the command line of indiserver", "Run with the command line of indiserver.")
    return parser, commands


def _add(
    commands: argparse._SubParsersAction[ArgumentParser], name: str, brief: str, text: str, more: str | None = None
) -> ArgumentParser:
    return commands.add_parser(
        name, help=brief, description=text, epilog=more, formatter_class=RawDescriptionHelpFormatter
    )


def _runs(parser: ArgumentParser, module: str, function: str = "run") -> None:
    def run(chosen: Namespace) -> int:
        status: int = getattr(import_module(f"inditree.cli.{module}"), function)(chosen)
        return status

    parser.set_defaults(run=run)


def _serve(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(commands, "serve", "serve drivers and remotes to clients", _SERVE, _SERVE_MORE)
    parser.add_argument("drivers", nargs="*", metavar="DRIVER", help="in place of the configuration's drivers")
    parser.add_argument("--config", metavar="FILE", help="configuration in YAML (docs/configuration.md)")
    parser.add_argument("--host", metavar="H", help="address of the first TCP listener; * for all (default: localhost)")
    parser.add_argument("--port", metavar="P", help="port of the first TCP listener (default: 7624)")
    parser.add_argument(
        "--http", metavar="H:P|off", help=f"address of health, metrics and control (default: {HTTP_ADDRESS})"
    )
    parser.add_argument("--token-file", metavar="FILE", help="file with the token that HTTP needs")
    parser.add_argument(
        "--socket",
        metavar="PATH|off",
        help="control socket (default: PORT.sock in $XDG_RUNTIME_DIR/inditree, else in /tmp/inditree-UID)",
    )
    parser.add_argument(
        "--remote",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="link to this server; may be repeated, in place of the configuration's remotes",
    )
    parser.add_argument("--max-connections", metavar="N", help="of the first TCP listener (default: 256)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning, error (default: info)")
    parser.add_argument("--log-format", metavar="FORMAT", help="text or json (default: text)")
    _runs(parser, "serve")


def _check(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(
        commands,
        "check",
        "check a configuration",
        "Say what is wrong in a configuration, with the path of the key, or print it with every default filled in.\n"
        "Exit status: 0 fine, 2 wrong. Flags and variables are not looked at.",
    )
    parser.add_argument("file", metavar="FILE", help="configuration in YAML")
    _runs(parser, "check")


def _health(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(
        commands,
        "health",
        "ask a router whether it is ready",
        "Exit status: 0 when the router's /readyz says yes, 1 otherwise.",
    )
    _where(parser)
    _runs(parser, "health")


def _status(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(commands, "status", "show a running router", _STATUS)
    parser.add_argument("--json", action="store_true", help="what /api/v1/status answers, on one line")
    parser.add_argument(
        "--watch",
        nargs="?",
        const="2",
        metavar="SECONDS",
        help="show it again and again until interrupted (every 2 seconds)",
    )
    _where(parser)
    _runs(parser, "status")


def _control(commands: argparse._SubParsersAction[ArgumentParser], kind: str) -> None:
    text = f"Look at and change the {kind}s of a running router."
    parent = _add(commands, kind, f"list, add, remove, restart, stop and start {kind}s", text)
    actions = parent.add_subparsers(title="actions", metavar="ACTION", required=True)
    _listing(actions, kind)
    (_driver_add if kind == "driver" else _remote_add)(actions)
    for action, brief in (
        ("remove", "stop it and forget it"),
        ("restart", "stop it and start it again"),
        ("stop", "stop it until it is started"),
        ("start", "start it again"),
    ):
        _change(actions, kind, action, brief).add_argument("name", metavar="NAME", help=f"of the {kind}")


def _client(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = "Look at who is connected to a running router, and close connections."
    actions = _add(commands, "client", "list and close the connections of clients", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    _listing(actions, "client")
    parser = _change(actions, "client", "close", "close its connection; it may come back")
    parser.add_argument("name", metavar="ID", help="of the client, as list shows it")


def _device(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = "Have a device of a running router asked for its definitions."
    actions = _add(commands, "device", "refresh what is known of a device", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    parser = _change(actions, "device", "refresh", "ask for all its definitions anew; clients hear what differs")
    parser.add_argument("name", metavar="NAME", help="of the device")


def _listing(actions: argparse._SubParsersAction[ArgumentParser], kind: str) -> None:
    parser = _add(actions, "list", f"list the {kind}s", f"List the {kind}s of a running router.")
    parser.add_argument("--json", action="store_true", help=f"what /api/v1/{kind}s answers, on one line")
    _where(parser)
    parser.set_defaults(kind=kind)
    _runs(parser, "control", "listing")


def _change(actions: argparse._SubParsersAction[ArgumentParser], kind: str, action: str, brief: str) -> ArgumentParser:
    parser = _add(actions, action, brief, f"{brief.capitalize()}.")
    _where(parser)
    parser.set_defaults(kind=kind, action=action)
    _runs(parser, "control", "change")
    return parser


def _driver_add(actions: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(
        actions, "add", "add a driver and start it", "Add a driver and start it. It lasts until the router ends."
    )
    parser.add_argument(
        "word", metavar="DRIVER", help="a program with its arguments in one word, or pkg.module:callable"
    )
    parser.add_argument("--name", help="default: the program's name")
    parser.add_argument("--env", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    parser.add_argument("--cwd", metavar="DIR", help="directory to run in")
    parser.add_argument("--restart", choices=("always", "on-failure", "never"), help="default: always")
    parser.add_argument("--required", action="store_true", help="the router is not ready while this driver is not")
    _where(parser)
    _runs(parser, "control", "add_driver")


def _remote_add(actions: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(actions, "add", "link to a server", "Link to another server. The link lasts until the router ends.")
    parser.add_argument("word", metavar="HOST[:PORT]", help="or DEVICE@HOST[:PORT] for one device")
    parser.add_argument("--name", help="default: HOST:PORT")
    parser.add_argument("--no-blobs", action="store_true", help="no BLOBs over this link")
    parser.add_argument("--device", action="append", default=[], metavar="PATTERN", help="take these; may be repeated")
    parser.add_argument("--share", choices=("both", "down"), help="down: our devices are not shown there")
    parser.add_argument("--required", action="store_true", help="the router is not ready while this link is down")
    _where(parser)
    _runs(parser, "control", "add_remote")


_PATTERNS = """\
A PATTERN is DEVICE, DEVICE.PROPERTY or DEVICE.PROPERTY.MEMBER, each a glob;
the last two dots count, and a part in double quotes is itself."""


def _get(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = (
        "Print the values of properties of any INDI server, DEVICE.PROPERTY.MEMBER=VALUE a line.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 4 something is not there in time."
    )
    parser = _add(commands, "get", "print values of properties", text, _PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="default: all")
    _session(parser, json="objects of docs/web.md, one a line")
    _runs(parser, "get", "get")


def _watch(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = "Print the values of properties, and then each change, until interrupted."
    parser = _add(commands, "watch", "print values as they change", text, _PATTERNS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="default: all")
    _session(parser, timeout=None, json="objects of docs/web.md, one a line")
    _runs(parser, "get", "watch")


def _set(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = (
        "Set members of properties at any INDI server; those of one property go out in one command.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."
    )
    parser = _add(commands, "set", "set values, and wait for the answer", text, "A part in double quotes is itself.")
    parser.add_argument("assignments", nargs="+", metavar="DEVICE.PROPERTY.MEMBER=VALUE", help="numbers may be 5:30:00")
    parser.add_argument("--wait", nargs="?", const="", metavar="TIME", help="until it is done, e.g. 5m (default: 10m)")
    _session(parser, json="the properties when they have answered, one a line")
    _runs(parser, "setting")


def _image(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = (
        "Write the next images of a camera to files, and print their names.\n"
        "Exit status: 0 done, 1 no connection, 2 wrong use, 3 Alert or refused, 4 the time is up."
    )
    parser = _add(commands, "image", "take images", text)
    parser.add_argument("device", metavar="DEVICE", help="the camera")
    parser.add_argument("--expose", type=_seconds, metavar="S", help="seconds to expose (default: wait for an image)")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="with {device} {property} {n} {time}; - is stdout (default: {device}-{time}-{n} and the image's ending)",
    )
    parser.add_argument("-n", dest="number", type=_number, default=1, metavar="N", help="how many images (default: 1)")
    _session(parser, timeout=None, of="the exposure and 60s")
    _runs(parser, "image")


_TIMES = """\
A TIME is 2026-01-02T20:00:00Z, without a zone UTC; a date is its midnight."""


def _record(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = "Look at what was recorded (record in docs/configuration.md)."
    actions = _add(commands, "record", "look at a record of the night", text).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    for action, brief in (
        ("list", "list the files of a record"),
        ("show", "print what was said, for a person"),
        ("export", "print what was said as JSON lines, or values as CSV"),
    ):
        parser = _add(actions, action, brief, f"{brief.capitalize()}.", f"{_PATTERNS}\n\n{_TIMES}")
        parser.add_argument("place", nargs="?", metavar="DIR|FILE", help="default: --dir, --config, or the router's")
        parser.set_defaults(pattern=None)
        if action == "export":
            form = parser.add_mutually_exclusive_group(required=True)
            form.add_argument("--csv", action="store_true", help="time,device,property,member,value,state")
            form.add_argument("--json", action="store_true", help="an object a line (docs/record.md)")
        if action != "list":
            parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="default: all")
        parser.add_argument("--dir", metavar="DIR", help="the folder")
        parser.add_argument("--config", metavar="FILE", help="the configuration that names it")
        _between(parser)
        _where(parser)
        _runs(parser, "record", {"list": "listing"}.get(action, action))


def _replay(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    text = (
        "Be a driver that says what was recorded: it begins when it is first asked, answers a command with what\n"
        "came then or with Alert, and stays with the last state. Run it as one:\n"
        '  inditree serve "inditree replay /data --speed 10"'
    )
    parser = _add(commands, "replay", "serve a record as a driver", text, _TIMES)
    parser.add_argument("place", metavar="DIR|FILE", help="the record")
    parser.add_argument("--speed", metavar="N|max", type=_speed, default=1.0, help="times as quick (default: 1)")
    _between(parser)
    _runs(parser, "replay")


def _between(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="begin", metavar="TIME", help="leave out what was before")
    parser.add_argument("--to", dest="end", metavar="TIME", help="leave out what was then and after")


def _speed(text: str) -> float:
    value = float("inf") if text == "max" else number(text)
    if value is None or not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor max")
    return value


def _session(parser: ArgumentParser, timeout: float | None = 10.0, of: str = "", json: str = "") -> None:
    parser.add_argument("--host", metavar="H", help="of the server (INDITREE_HOST; default: localhost)")
    parser.add_argument("--port", metavar="P", help="its INDI port (INDITREE_PORT; default: 7624)")
    default = of or ("10s" if timeout else "none")
    parser.add_argument("--timeout", type=_duration, default=timeout, metavar="TIME", help=f"default: {default}")
    if json:
        parser.add_argument("--json", action="store_true", help=json)


def _duration(text: str) -> float:
    try:
        return units.duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    value = number(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images")
    return int(text)


_COMPLETION = """\
Print what lets a shell complete inditree's commands, options and files.

  bash   echo 'eval "$(inditree completion bash)"' >> ~/.bashrc
  zsh    inditree completion zsh > a directory of $fpath/_inditree
  tcsh   inditree completion tcsh > ~/.inditree.csh; source it in ~/.cshrc"""


def _completion(commands: argparse._SubParsersAction[ArgumentParser]) -> None:
    parser = _add(commands, "completion", "print a script that completes commands in a shell", _COMPLETION)
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), metavar="SHELL", help="bash, zsh or tcsh")
    _runs(parser, "completion")


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--socket",
        metavar="PATH|off",
        help="control socket of the router (INDITREE_SOCKET; default: of your router with port INDITREE_PORT, or 7624)",
    )
    parser.add_argument(
        "--http", metavar="H:P", help=f"where the router is without one (INDITREE_HTTP; default: {HTTP_ADDRESS})"
    )
    parser.add_argument("--token-file", metavar="FILE", help="file with its token (INDITREE_TOKEN_FILE)")
