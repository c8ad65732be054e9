"""What the core asks before a command is delivered: may it go to its owner now?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from inditree.wire.elements import Blob, Element


class Refusal(Protocol):
    """Which interlock refuses a command, and why, for people."""

    @property
    def interlock(self) -> str: ...
    @property
    def why(self) -> str: ...


class Gate(Protocol):
    """Decides about each `new*` (of a BLOB its start tag) that is to go to the owner of these devices, and about all
    else that is told to it, in which its reader could see a command.
    """

    def refusing(self, command: Element, owned: Collection[str]) -> Refusal | None: ...
    def hiding(self, item: bytes | Blob, owned: Collection[str]) -> Refusal | None: ...
