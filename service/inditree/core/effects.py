"""What the core asks of whoever runs it."""

from __future__ import annotations

from msgspec import Struct

from inditree.core.peer import Peer
from inditree.wire.elements import Blob


class Close(Struct, frozen=True):
    """Close this peer: `reason` is one of those of `indi_connections_closed_total`, `text` is for the log."""

    peer: Peer
    reason: str
    text: str


class Hold(Struct, frozen=True):
    """Do not read this source further than the element at hand."""

    peer: Peer


class Release(Struct, frozen=True):
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
    """What became of a `new*`."""

    peer: Peer
    element: str
    device: str
    property: str
    data: bytes
    result: str


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


Effect = Close | Hold | Release | Wake | Log | Audit | Mistake | Defined | Free
