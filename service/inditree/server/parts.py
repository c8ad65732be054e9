"""The parts of one running router: each thing once, for all who look at it or change it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from inditree.config import Config, Launch
from inditree.server.lazy_observatory import LazyObservatory
from inditree.server.units import Units
from inditree.server.web import WebEndpoints
from inditree.transport.engine import Engine
from inditree.transport.listener import Listener

if TYPE_CHECKING:
    from inditree.record.recorder import Recorder


class Companion(Protocol):
    """Something that runs beside a router, as what indiserver has beside its port does."""

    @property
    def starts_drivers(self) -> bool:
        """Drivers may come by it."""

    @property
    def lost(self) -> int:
        """Lines that it could not write."""

    def prepare(self, parts: Parts) -> None:
        """Prepare; the server calls this before there are drivers."""

    def start(self, parts: Parts) -> None:
        """Start; the server calls this when all else was started. May raise StartError."""

    def on_change(self) -> None:
        """A driver changed its state."""

    def stop(self) -> None:
        """Change nothing any more; may be called again."""

    def finish(self) -> None:
        """Write what waits."""


class Parts(Struct):
    """`config` is the configuration in force, swapped whole. `started` is seconds of time.monotonic.

    `applied`: it listens and its configuration is applied. `draining`: it is stopping. `reload_timestamp` (UNIX
    seconds) is when the configuration was last read, the start being the first time, `reload_refused` what was wrong.
    """

    config: Config
    launch: Launch
    engine: Engine
    units: Units
    web: WebEndpoints
    observatory: LazyObservatory
    listeners: dict[str, Listener] = {}
    started: float = field(default_factory=time.monotonic)
    applied: bool = False
    draining: bool = False
    beside: Companion | None = None
    recorder: Recorder | None = None
    reload_refused: str | None = None
    reload_timestamp: float = field(default_factory=time.time)
