"""Drivers and remotes as words: on the command line, in variables, in indiserver's FIFO.

Each function raises ValueError with what is wrong.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from pathlib import PurePath
from urllib.parse import parse_qsl

from inditree.config import units
from inditree.config.structs import INDI_PORT, Driver, Remote

_FACTORY = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")
#: A remote: the device may contain spaces, but neither a path nor an option, which make it a program's argument.
_REMOTE = re.compile(r"(?!-)(?:(?!\s-)[^@/])*@[^@/\s]+")
#: Interpreters, whose script or module names the driver.
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_OTHERS = {"sh", "bash", "dash", "zsh", "ksh", "perl", "ruby", "node", "inditree"}
#: Options of Python that take the next word.
_PYTHON_VALUES = {"-X", "-W", "--check-hash-based-pycs"}
_ENV_VALUES = {"-u", "--unset", "-C", "--chdir"}


def is_factory(word: str) -> bool:
    """Says whether a word is `pkg.module:callable`."""
    return bool(_FACTORY.fullmatch(word))


def driver_or_remote(word: str) -> Driver | Remote:
    """A DRIVER word: `pkg.module:callable`, `[DEVICE]@HOST[:PORT]`, or a program with its arguments."""
    word = word.strip()
    if is_factory(word):
        return Driver(python=word)
    if _REMOTE.fullmatch(word) or word.startswith("@"):
        return remote(word)
    try:
        words = shlex.split(word)
    except ValueError as error:
        raise ValueError(f"{word!r}: {str(error).lower()}") from None
    if not words:
        raise ValueError("the driver is empty")
    return Driver(exec=tuple(words))


def remote(word: str) -> Remote:
    """`[DEVICE@]HOST[:PORT][?blobs=on|off]`; an empty DEVICE means all."""
    address, question, query = word.strip().partition("?")
    device, _, place = address.rpartition("@")
    host, port = units.split(place)
    return Remote(
        host=units.host(host),
        port=units.port(port, lowest=1) if port else INDI_PORT,
        device=device or None,
        blobs=_blobs(word, query) if question else True,
    )


def _blobs(word: str, query: str) -> bool:
    blobs = "on"
    for key, value in parse_qsl(query, keep_blank_values=True) or [("", "")]:
        if key != "blobs" or value not in ("on", "off"):
            raise ValueError(f"{word!r}: after the ? only blobs=on or blobs=off")
        blobs = value
    return blobs == "on"


def remote_name(entry: Remote) -> str:
    """The default name: `host:port`, `DEVICE@host:port` where only one device is asked for."""
    address = units.join(entry.host, entry.port)
    return f"{entry.device}@{address}" if entry.device else address


def driver_name(entry: Driver) -> str:
    """The default name before it is made unique.

    The program's base name; behind an interpreter its script's base name or its module; the factory's own name.
    """
    if entry.python is not None:
        return entry.python.rpartition(":")[2]
    words = list(entry.exec or ())
    return PurePath(_program(words) or words[0]).name or words[0]


def _program(words: list[str]) -> str:
    """The word that says what runs; empty where an interpreter is told no script and no module."""
    name = PurePath(words[0]).name
    if name == "env":
        rest = _operands(words[1:], _ENV_VALUES)
        while rest and "=" in rest[0]:
            rest = rest[1:]
        return _program(rest) if rest else ""
    if _PYTHON.fullmatch(name):
        return next(iter(_operands(words[1:], _PYTHON_VALUES)), "")
    return next(iter(_operands(words[1:], set())), "") if name in _OTHERS else words[0]


def _operands(words: list[str], with_value: Collection[str]) -> list[str]:
    """The words behind the options; none where an option brings the code itself. `-m` is followed by a module."""
    while words and words[0].startswith("-") and words[0] != "-":
        if words[0] in ("-c", "-e"):
            return []
        if words[0] in ("-m", "--"):
            return words[1:]
        words = words[2 if words[0] in with_value else 1 :]
    return words


def unique(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name-2, name-3 ... that is not taken."""
    number, result = 2, name
    while result in taken:
        result, number = f"{name}-{number}", number + 1
    return result
