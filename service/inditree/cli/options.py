"""Options that several commands share, and how commands are added."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from importlib import import_module
from typing import TypeAlias

from inditree.config import units
from inditree.config.structs import HTTP_ADDRESS

Commands: TypeAlias = "argparse._SubParsersAction[ArgumentParser]"
"""Where commands are added."""

PATTERNS = """\
A PATTERN is DEVICE, DEVICE.PROPERTY or DEVICE.PROPERTY.MEMBER, each part a glob.
The last two dots separate the parts. A part in double quotes is taken literally."""

TIMES = """\
A TIME is 2026-01-02T20:00:00Z (UTC if it has no zone), or a date, which means its midnight."""


def add(commands: Commands, name: str, brief: str, text: str, more: str | None = None) -> ArgumentParser:
    """Add a command with its description; `more` stands below its options."""
    return commands.add_parser(
        name, help=brief, description=text, epilog=more, formatter_class=RawDescriptionHelpFormatter
    )


def runs(parser: ArgumentParser, module: str, function: str = "run") -> None:
    """Have a command run a function of a module of `cli/`, which is imported when it does."""

    def run(chosen: Namespace) -> int:
        status: int = getattr(import_module(f"inditree.cli.{module}"), function)(chosen)
        return status

    parser.set_defaults(run=run)


def between(parser: ArgumentParser) -> None:
    """Options of commands that read a part of a record."""
    parser.add_argument("--from", dest="begin", metavar="TIME", help="leave out what was before TIME")
    parser.add_argument("--to", dest="end", metavar="TIME", help="leave out what was at TIME or later")


def session(parser: ArgumentParser, timeout: float | None = 10.0, of: str = "", json: str = "") -> None:
    """Options of commands that speak INDI; `of` says what the time is by default, `json` what it prints then."""
    parser.add_argument("--host", metavar="H", help="host of the server (INDITREE_HOST; default: localhost)")
    parser.add_argument("--port", metavar="P", help="its INDI port (INDITREE_PORT; default: 7624)")
    default = of or ("10s" if timeout else "none")
    parser.add_argument(
        "--timeout", type=_duration, default=timeout, metavar="TIME", help=f"wait at most TIME (default: {default})"
    )
    if json:
        parser.add_argument("--json", action="store_true", help=json)


def _duration(text: str) -> float:
    try:
        return units.duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def where(parser: argparse.ArgumentParser) -> None:
    """Options of commands that ask a running router."""
    parser.add_argument(
        "--socket",
        metavar="PATH|off",
        help="control socket (INDITREE_SOCKET; default: that of your router on port INDITREE_PORT, or 7624)",
    )
    parser.add_argument(
        "--http",
        metavar="H:P",
        help=f"HTTP of the router, if it has no control socket (INDITREE_HTTP; default: {HTTP_ADDRESS})",
    )
    parser.add_argument("--token-file", metavar="FILE", help="file with the token for HTTP (INDITREE_TOKEN_FILE)")
