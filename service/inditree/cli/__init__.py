"""The command line: `inditree`, and `indiserver` where it is called by that name."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import PurePath

from inditree.cli.parser import build, parse
from inditree.errors import ConfigError, InditreeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status: 0 done, 1 could not, 2 wrong use or configuration."""
    _open_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Its options are no argparse options (`-vp 7625`, `-r` for a driver's name), and it may be called by its own name.
    if arguments is None and PurePath(sys.argv[0]).name == "indiserver":
        words.insert(0, "indiserver")
    try:
        return _run(words)
    except ConfigError as error:
        return _failed(error, 2)
    except InditreeError as error:
        return _failed(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has gone (`inditree status | head`); flushing it at exit would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        _let_go_of_stderr()


def _let_go_of_stderr() -> None:
    """A log that its disk does not take must not decide the exit status (Python 3.13 makes 120 of it)."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _open_standard_streams() -> None:
    """A daemoniser may have closed them: then the next descriptors would be taken for them, by libuv too."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _run(words: list[str]) -> int:
    if words[:1] == ["indiserver"]:
        from inditree.cli import indiserver

        return indiserver.run(words[1:])
    if not words:
        build()[0].print_help(sys.stderr)
        return 2
    chosen = parse(words)
    status: int = chosen.run(chosen)
    sys.stdout.flush()
    return status


def _failed(error: InditreeError, status: int) -> int:
    print(f"inditree: {error}", file=sys.stderr)
    return status
