"""`inditree indiserver`: the command line of indiserver 1.9.9, translated.

Docs: docs/from-indiserver.md. Read as indiserver reads it: options first, letters may share a dash (`-vp 7625`), the
value is always the next word, and the first word without a dash begins the drivers. A driver is one word, the name or
path of a program without arguments, or a remote where it holds an @.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from inditree.config import (
    Config,
    ControlSocket,
    Driver,
    Http,
    Launch,
    Limits,
    Listen,
    Log,
    Overlay,
    Remote,
    Restart,
    complete,
)
from inditree.config.structs import INDI_PORT, MIB, Level
from inditree.config.words import remote, remote_name, unique
from inditree.errors import InditreeError
from inditree.indiserver.companion import Companion
from inditree.version import __version__

#: What each option that takes a value wants, as indiserver words it.
_VALUES = {
    "l": "log directory",
    "m": "max MB behind",
    "d": "max stream MB behind",
    "u": "local socket path",
    "p": "port value",
    "f": "fifo node",
    "r": "number of restarts",
}
_NUMBERS = "mdpr"
#: Ours; 1.9.9 has no long options.
_DEFINITIONS = "--definitions"
Definitions = Literal["view", "forwarded"]
#: Of what drivers write on stderr: shown without -v, as indiserver does, and no error in itself.
STDERR_LEVEL: Level = "warning"
#: Its verbosity as a level of ours: without -v only what went wrong, and what drivers say on stderr.
_LEVELS = ("warning", "info", "debug")

USAGE = f"""\
Usage: indiserver [options] driver [driver ...]
Purpose: server for local and remote INDI drivers
inditree {__version__}. Protocol 1.7.
Options:
 -l d     : write messages of drivers to <d>/YYYY-MM-DD.islog
 -m m     : drop BLOBs of a client that is more than m MB behind, default 128
 -d m     : drop stream frames of a client that is more than m MB behind, default 5; 0: as other BLOBs
 -u path  : abstract name of the local socket, default /tmp/indiserver
 -p p     : TCP port, default {INDI_PORT}
 -r r     : restarts of a driver at most, default 10; 0: never
 -f path  : FIFO to take start and stop commands from
 -v       : log key events
 -vv      : -v and more of what happens
 -vvv     : -vv and all XML
 --definitions view|forwarded
          : who answers getProperties: the server, or (default) the drivers
driver    : executable or [device]@host[:port]
With INDITREE_WEB=on in the environment browsers get a page at the TCP port.
"""


class UsageError(Exception):
    """Wrong use; the text may be empty."""


@dataclass(slots=True)
class Options:
    """The options of the command line. `behind` and `stream` are MiB."""

    log_dir: str | None = None
    behind: int = 128
    stream: int = 5
    socket: str = "/tmp/indiserver"
    port: int = INDI_PORT
    restarts: int = 10
    fifo: str | None = None
    verbosity: int = 0
    definitions: Definitions = "forwarded"
    drivers: list[str] = field(default_factory=list)


def parse(words: Sequence[str]) -> Options:
    """Read a command line. Raises UsageError."""
    result, rest = Options(), list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word.startswith(_DEFINITIONS):
            result.definitions = _definitions(word, rest)
            continue
        for letter in word[1:]:
            if letter == "v":
                result.verbosity += 1
            elif letter in _VALUES:
                if not rest:
                    raise UsageError(f"-{letter} requires {_VALUES[letter]}")
                _set(result, letter, rest.pop(0))
            else:
                raise UsageError("")
    result.drivers = rest
    if not rest and result.fifo is None:
        raise UsageError("")
    return result


def _definitions(word: str, rest: list[str]) -> Definitions:
    """The value of our own option, in the same word behind `=`, or in the next one."""
    option, equals, value = word.partition("=")
    if not equals and rest:
        value = rest.pop(0)
    if option != _DEFINITIONS or value not in ("view", "forwarded"):
        raise UsageError(f"{_DEFINITIONS} is view or forwarded, not {value!r}")
    return "view" if value == "view" else "forwarded"


def _set(options: Options, letter: str, value: str) -> None:
    """indiserver takes a number that is none for 0; we say so."""
    names = {"l": "log_dir", "m": "behind", "d": "stream", "u": "socket", "p": "port", "f": "fifo", "r": "restarts"}
    if letter not in _NUMBERS:
        setattr(options, names[letter], value)
        return
    digits = value.removeprefix("-") if letter == "r" else value
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10) or (letter == "p" and int(value) > 65535):
        raise UsageError(f"-{letter} requires {_VALUES[letter]}, not {value!r}")
    setattr(options, names[letter], max(0, int(value)))


def config_of(options: Options, said: Overlay = Overlay()) -> Config:  # noqa: B008 - frozen
    """The configuration that the options, and below them the INDITREE_* variables for HTTP and logs, ask for.

    Raises InditreeError as indiserver ends: exit 1.
    """
    restart = _restart(options)
    programs = [word for word in options.drivers if "@" not in word]
    drivers = tuple(Driver(exec=(word,), restart=restart, stderr_level=STDERR_LEVEL) for word in programs)
    level = _LEVELS[min(options.verbosity, len(_LEVELS) - 1)] if options.verbosity else said.log_level or _LEVELS[0]
    return complete(
        Config(
            listen=(
                Listen(tcp=f"*:{options.port}", max_connections=None),
                Listen(unix=f"@{options.socket}", max_connections=None),
            ),
            drivers=drivers,
            remotes=_remotes([word for word in options.drivers if "@" in word]),
            definitions=options.definitions,
            # No room at all would close everybody: 0 MB is what a few elements need.
            limits=Limits(queue=max(1, options.behind) * MIB),
            http=Http(listen=said.http, token_file=said.token_file),
            control=said.control or ControlSocket(socket=None),
            log=Log(level=level, format=said.log_format or "text"),  # type: ignore[arg-type]
        )
    )


def _restart(options: Options) -> Restart:
    return Restart(policy="always" if options.restarts else "never", max_restarts=options.restarts or None)


def _remotes(words: Sequence[str]) -> tuple[Remote, ...]:
    """Remotes by the words; one that is named twice is linked twice, as indiserver does."""
    result: dict[str, Remote] = {}
    for word in words:
        try:
            entry = remote(word)
        except ValueError:
            raise InditreeError(f"Bad remote device syntax: {word}") from None
        name = unique(remote_name(entry), result)
        result[name] = replace(entry, name=name)
    return tuple(result.values())


def launch_of(options: Options, web: bool = False) -> Launch:
    """Says how the server is run for these options."""
    return Launch(
        ends_with_drivers=options.fifo is None,
        http_may_fail=True,
        streams=options.stream * MIB or None,
        log_traffic=options.verbosity > 2,
        skips_text=True,
        web=web,
        signals=True,
    )


def companion_of(options: Options) -> Companion:
    """The companion that runs beside the server for these options."""
    return Companion(options.fifo, _restart(options), options.log_dir)
