"""What the core asks of whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from inditree.core.peer import Peer
from inditree.wire.elements import Blob


@dataclass(frozen=True, slots=True)
class Close:
    """Close this peer: `reason` is one of those of `indi_connections_closed_total`, `text` is for the log."""

    peer: Peer
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Do not read this source further than the element at hand."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class Release:
    """Read this source again."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class Wake:
    """Call `tick` at this time (seconds of the clock of `now`), or earlier."""

    at: float


@dataclass(frozen=True, slots=True)
class Log:
    """Something to tell the operator: `event` names its kind, `fields` go to the machine-readable log."""

    level: str
    event: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of a `new*`."""

    peer: Peer
    element: str
    device: str
    property: str
    data: bytes
    result: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """An exception that nobody expected: it is logged, and closes the peer that it was about (None: no single one)."""

    peer: Peer | None
    error: Exception


@dataclass(frozen=True, slots=True)
class Defined:
    """A driver has defined something that was believed."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class Free:
    """Nobody holds this image any more: its buffers are free, and its descriptors are to be closed."""

    blob: Blob


Effect = Close | Hold | Release | Wake | Log | Audit | Mistake | Defined | Free
