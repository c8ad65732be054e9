"""Exceptions that end a process where nobody catches them: raised by a driver's code they are that driver's alone."""

from __future__ import annotations

LEAVING = (SystemExit, KeyboardInterrupt)
"""Our own Ctrl-C is a signal that the loop handles: who raises this is the driver."""


class LeftError(RuntimeError):
    """A driver's code has called sys.exit, or raised KeyboardInterrupt."""

    def __init__(self, cause: BaseException) -> None:
        text = "it raised KeyboardInterrupt"
        if isinstance(cause, SystemExit):
            text = f"it called sys.exit({cause.code!r})"
        super().__init__(text)
