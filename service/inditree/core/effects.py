"""The effects: what the core asks of the engine that runs it."""

from __future__ import annotations

from msgspec import Struct

from inditree.commands import Outcome
from inditree.core.peer import Peer
from inditree.wire.elements import Blob, Element


class Close(Struct, frozen=True):
    """Close this peer: `reason` is one of those of `indi_connections_closed_total`, `text` is for the log."""

    peer: Peer
    reason: str
    text: str


class Hold(Struct, frozen=True):
    """Do not read this source further than the element at hand."""

    peer: Peer


class ReadOn(Struct, frozen=True):
    """Read this source again."""

    peer: Peer


class Wake(Struct, frozen=True):
    """Call `tick` at this time (seconds of the clock of `now`), or earlier."""

    at: float


class Log(Struct, frozen=True):
    """Something to tell the operator: `event` names its kind, `fields` go to the machine-readable log."""

    level: str
    event: str
    text: str
    fields: dict[str, str] = {}


class Audit(Struct, frozen=True):
    """The fate of a `new*`: `kind`, `client` (its address) and `listener` are of the peer that sent it.

    Where a command that was sent has ended, `seconds` says after how long, and `before` are the property's definition
    and the updates behind it as they were when it was sent (none where it was not defined).
    """

    kind: str
    client: str
    listener: str
    element: str
    device: str
    property: str
    data: bytes
    result: str
    seconds: float | None = None
    before: tuple[bytes, ...] = ()


class Answered(Struct, frozen=True):
    """A command of an observer has ended: `element` is the one that the core received from it."""

    peer: Peer
    element: Element
    outcome: Outcome


class Mistake(Struct, frozen=True):
    """An exception that nobody expected: it is logged, and closes the peer that it was about (None: no single one)."""

    peer: Peer | None
    error: Exception


class Defined(Struct, frozen=True):
    """A driver has defined something that was believed."""

    peer: Peer


class Free(Struct, frozen=True):
    """Nobody holds this image any more: its buffers are free, and its descriptors are to be closed."""

    blob: Blob


Effect = Close | Hold | ReadOn | Wake | Log | Audit | Answered | Mistake | Defined | Free
