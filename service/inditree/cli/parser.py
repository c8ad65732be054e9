"""The command line of `inditree`. Commands are imported when they run, so that `--version` starts quickly."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial

from inditree.cli import indi_commands, router_commands
from inditree.cli.options import Commands, add, runs
from inditree.config.structs import HTTP_ADDRESS
from inditree.version import __version__

_SERVE = """\
Serve drivers and remotes to INDI clients until a signal stops it.

A DRIVER is a program with its arguments in one word ("indi_simulator_ccd -v"),
a Python factory of IPyDriver objects (pkg.module:callable), or a device of
another server ([DEVICE]@HOST[:PORT])."""

_SERVE_MORE = """\
A flag overrides a variable, and a variable overrides the file; a list
replaces the whole list. Variables: INDITREE_CONFIG, INDITREE_HOST,
INDITREE_PORT, INDITREE_HTTP, INDITREE_TOKEN_FILE, INDITREE_SOCKET,
INDITREE_DRIVERS (one a line, or separated by ;), INDITREE_REMOTES
(host[:port][?blobs=off], separated by commas), INDITREE_LOG_LEVEL,
INDITREE_LOG_FORMAT.

Signals: SIGTERM and SIGINT stop it in order; a second one stops it at once.
SIGHUP reads the configuration again."""

INTERMIXED = frozenset({"serve", "get", "set", "watch", "record", "list", "show", "export"})
"""Commands with more than one positional word."""


def parse(words: Sequence[str]) -> Namespace:
    """Parse the words; `run` of the result is a function of the result itself. Exits 2 after wrong use."""
    parser, commands = build(words[0])
    chosen, rest = commands, list(words)
    while rest and rest[0] in INTERMIXED and rest[0] in chosen.choices:
        # Only so may options stand between drivers, patterns and the like.
        inner, rest = chosen.choices[rest[0]], rest[1:]
        actions = [each for each in inner._actions if isinstance(each, argparse._SubParsersAction)]
        if not actions:
            return inner.parse_intermixed_args(rest)
        chosen = actions[0]
    return parser.parse_args(words)


def build(word: str | None = None) -> tuple[ArgumentParser, Commands]:
    """The parser, and its commands; where `word` is one of them, that one alone: all of them take 15 ms to make."""
    parser = ArgumentParser(
        prog="inditree",
        description="An INDI server: runs drivers, serves clients, links servers into a tree, and measures.",
        epilog="inditree COMMAND --help says more about a command.",
    )
    parser.add_argument("--version", action="version", version=f"inditree {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for make in [_MAKERS[word]] if word in _MAKERS else _MAKERS.values():
        make(commands)
    return parser, commands


def _serve(commands: Commands) -> None:
    parser = add(commands, "serve", "serve drivers and remotes to clients", _SERVE, _SERVE_MORE)
    parser.add_argument(
        "drivers", nargs="*", metavar="DRIVER", help="driver to run, instead of those of the configuration"
    )
    parser.add_argument("--config", metavar="FILE", help="configuration in YAML (docs/configuration.md)")
    parser.add_argument("--host", metavar="H", help="address of the first TCP listener; * for all (default: localhost)")
    parser.add_argument("--port", metavar="P", help="port of the first TCP listener (default: 7624)")
    parser.add_argument(
        "--http", metavar="H:P|off", help=f"address of health, metrics and control (default: {HTTP_ADDRESS})"
    )
    parser.add_argument("--token-file", metavar="FILE", help="file with the token for HTTP")
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
        help="server to link to, instead of those of the configuration; may be repeated",
    )
    parser.add_argument("--max-connections", metavar="N", help="connections of the first TCP listener (default: 256)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning, error (default: info)")
    parser.add_argument("--log-format", metavar="FORMAT", help="text or json (default: text)")
    runs(parser, "serve")


def _check(commands: Commands) -> None:
    parser = add(
        commands,
        "check",
        "check a configuration",
        "Say what is wrong in a configuration, with the path of the key, or print it with every default filled in.\n"
        "Exit status: 0 no mistake, 2 a mistake. Flags and variables are not looked at.",
    )
    parser.add_argument("file", metavar="FILE", help="configuration in YAML")
    runs(parser, "check")


_COMPLETION = """\
Print a script that lets a shell complete inditree's commands, options and files.

  bash   echo 'eval "$(inditree completion bash)"' >> ~/.bashrc
  zsh    inditree completion zsh > a directory of $fpath/_inditree
  tcsh   inditree completion tcsh > ~/.inditree.csh; source it in ~/.cshrc"""


def _completion(commands: Commands) -> None:
    parser = add(commands, "completion", "print a script that completes commands in a shell", _COMPLETION)
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), metavar="SHELL", help="bash, zsh or tcsh")
    runs(parser, "completion")


def _indiserver(commands: Commands) -> None:
    add(commands, "indiserver", "run with the command line of indiserver", "Run with the command line of indiserver.")


_MAKERS: dict[str, Callable[[Commands], None]] = {
    "serve": _serve,
    "check": _check,
    "health": router_commands.health,
    "status": router_commands.status,
    "driver": partial(router_commands.control, kind="driver"),
    "remote": partial(router_commands.control, kind="remote"),
    "client": router_commands.client,
    "device": router_commands.device,
    "reaction": router_commands.reaction,
    "get": indi_commands.get,
    "set": indi_commands.set,
    "watch": indi_commands.watch,
    "image": indi_commands.image,
    "record": indi_commands.record,
    "replay": indi_commands.replay,
    "completion": _completion,
    "indiserver": _indiserver,
}
"""The commands in the order of the help, each with the function that adds it."""
