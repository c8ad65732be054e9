"""The commands of indiserver's FIFO, one a line. Pure: who reads the FIFO is the server.

    start PROGRAM ["label"] [-n "label"] [-c "config"] [-s "skeleton"] [-p "prefix"]
    start [DEVICE]@HOST[:PORT] [-n "label"]
    stop PROGRAM ["label"] [-n "label"]
    stop [DEVICE]@HOST[:PORT] [-n "label"]

indiserver (1.9.9) ignores what it does not understand: a label without -n, an option without quotes, and any first word
but `start` means `stop`. Here values may stand without quotes or in either kind, launchers'
labels without -n are taken, and any other line that is wrong is an error. The label of a remote is read and passed
over: its devices have names of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inditree.config import Driver, Remote, Restart
from inditree.config.words import remote
from inditree.errors import InditreeError

#: Bytes of a line, its end included: indiserver's buffer.
LINE_MAX_BYTES = 1024

_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s"']\S*))(?=\s|$)""")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OPTION = re.compile("-.?")
_OPTIONS = re.compile(r"\s-[ncsp](?:\s|$)")
#: The variables that tell a libindi driver.
_VARIABLES = {"n": "INDIDEV", "c": "INDICONFIG", "s": "INDISKEL", "p": "INDIPREFIX"}


class FifoError(InditreeError):
    """A line that is no command: reported, and nothing changes."""


@dataclass(frozen=True, slots=True)
class Start:
    """`driver` is the word that `stop` names it by, and `label` the device name that it was given."""

    driver: str
    entry: Driver | Remote
    label: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the first driver that was started by this word and, with a label, has (or was given) that device.

    Of a remote the word may be another one that means the same place: `remote`. A label that stood alone is a wish
    (`alone`): where nobody has it, the first that was started by the word is meant, as indiserver does not look at it.
    """

    driver: str
    label: str = ""
    remote: Remote | None = None
    alone: bool = False


def parse(line: str, restart: Restart) -> Start | Stop | None:
    """The command of a line; None for an empty one. `restart` is the policy of what is started. Raises FifoError."""
    command, _, rest = line.strip().partition(" ")
    if not command:
        return None
    if command not in ("start", "stop"):
        raise FifoError(f"{command!r} is neither start nor stop")
    if not rest.strip():
        raise FifoError(f"{command}: the driver is missing")
    if (place := _remote_word(rest)) is not None:
        entry = _remote(command, place)
        return Start(place, entry) if command == "start" else Stop(place, remote=entry)
    driver, *options = map(_plain, _words(rest))
    lone = options.pop(0) if options and not _OPTION.fullmatch(options[0]) else ""
    given = _options(options, "ncsp" if command == "start" else "n")
    label = given.get("n", lone)
    if command == "stop":
        return Stop(driver, label, alone="n" not in given and bool(lone))
    return Start(driver, _driver(driver, given, restart), label)


def _plain(word: str) -> str:
    """A word that may become a name, which stands in logs and metrics."""
    if _CONTROL.search(word):
        raise FifoError(f"{word!r} contains a control character")
    return word


def _remote_word(rest: str) -> str | None:
    """The whole rest without its quotes, where it is a remote: a device's name has spaces."""
    place = rest.replace('"', "").strip()
    before, at, after = place.partition("@")
    if not at or _OPTIONS.search(before):
        return None
    return before + at + _OPTIONS.split(after, maxsplit=1)[0].strip()


def _remote(command: str, place: str) -> Remote:
    try:
        return remote(place)
    except ValueError as error:
        raise FifoError(f"{command} {place}: {error}") from None


def _words(text: str) -> list[str]:
    """The words of a text. A quote has no escapes inside, as indiserver reads it."""
    words, position = [], 0
    text = text.rstrip()
    while position < len(text):
        if not (found := _WORD.match(text, position)):
            raise FifoError(f"a quote is not closed: {text[position:].strip()}")
        words.append(next(group for group in found.groups() if group is not None))
        position = found.end()
    if not words[0]:
        raise FifoError("the driver is empty")
    return words


def _options(words: list[str], known: str) -> dict[str, str]:
    result = {}
    for position in range(0, len(words), 2):
        name = words[position]
        if len(name) != 2 or name[0] != "-" or name[1] not in known:
            raise FifoError(f"{name!r} is not one of {', '.join('-' + letter for letter in known)}")
        if position + 1 == len(words):
            raise FifoError(f"{name} needs a value")
        result[name[1]] = words[position + 1]
    return result


def _driver(program: str, options: dict[str, str], restart: Restart) -> Driver:
    """Name the driver's program, in `bin` of its prefix where there is one."""
    prefix = options.get("p")
    return Driver(
        exec=(f"{prefix}/bin/{program}" if prefix else program,),
        env={_VARIABLES[letter]: value for letter, value in options.items() if value},
        restart=restart,
        stderr_level="warning",  # as of those that the command line names
    )
