"""The interlock gate: the core asks it before a command is delivered. `observatory/interlocks.py` is the real one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from inditree.wire.elements import Blob, Element


class Refusal(Protocol):
    """Says which interlock refuses a command, and why, for people."""

    @property
    def interlock(self) -> str: ...
    @property
    def why(self) -> str: ...


class Gate(Protocol):
    """Decides what the owner of devices may be sent now.

    `refusing` decides about a `new*` (of a BLOB its start tag). `hiding` decides about anything else in which the
    owner's XML reader could see a command.
    """

    def refusing(self, command: Element, owned: Collection[str]) -> Refusal | None: ...
    def hiding(self, item: bytes | Blob, owned: Collection[str]) -> Refusal | None: ...
