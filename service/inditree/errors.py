"""The errors of the router, split by whose fault they are. Imports nothing of ours."""

from __future__ import annotations

from typing import Literal


class InditreeError(Exception):
    """The root of all errors that inditree raises itself."""


class ConfigError(InditreeError):
    """The operator asked for what cannot be: exit status 2.

    `path` is the key at fault as it stands in the file (`drivers[1].restart`), empty for the whole.
    """

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.path = path
        self.text = text

    def within(self, file: str) -> ConfigError:
        """Return the error with the file in which the key stands."""
        return self if self.path == file else ConfigError(file, str(self))


class ConditionError(InditreeError):
    """An expression that is none: `column` (from 1) is the place of the mistake in its text."""

    def __init__(self, text: str, column: int) -> None:
        super().__init__(f"{text} (column {column})")
        self.text = text
        self.column = column


class StartError(InditreeError):
    """The machine does not give what is needed to run (a port is taken): exit status 1."""


class PeerError(InditreeError):
    """A peer sent what is not INDI: that peer is closed, nobody else notices."""

    def __init__(self, reason: Literal["malformed", "too_large", "doctype"], text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
