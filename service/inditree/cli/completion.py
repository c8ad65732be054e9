"""`inditree completion SHELL`: what a shell needs to complete our commands, made of the parser by shtab."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import shtab

from inditree.cli.parser import build

_BY_METAVAR = {
    "FILE": shtab.FILE,
    "DIR": shtab.DIRECTORY,
    "DRIVER": {"bash": "_inditree_driver", "zsh": "_command_names"},
}

#: Programs whose name begins so; shtab calls it with the word to complete.
_PREAMBLE = {"bash": '_inditree_driver() { compgen -c -- "$1"; }'}


def run(chosen: Namespace) -> int:
    """Print the script."""
    parser, _ = build()
    for action in _actions(parser):
        kind = _BY_METAVAR.get(action.metavar) if isinstance(action.metavar, str) else None
        if kind is not None:
            action.complete = kind  # type: ignore[attr-defined]  # where shtab looks for it
    print(shtab.complete(parser, chosen.shell, preamble=_PREAMBLE.get(chosen.shell, "")))
    return 0


def _actions(parser: ArgumentParser) -> Iterator[argparse.Action]:
    """Gives all arguments, those of the commands within commands included."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
