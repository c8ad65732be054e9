"""What one router is made of while it runs: each thing once, for all who look at it or change it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from inditree.config import Config, Launch
from inditree.server.message_log import MessageLog
from inditree.server.units import Units
from inditree.transport.engine import Engine
from inditree.transport.listener import Listener


@dataclass(slots=True)
class Parts:
    """`config` is the configuration in force, swapped whole. `started` is seconds of time.monotonic.

    `applied`: it listens and its configuration is applied. `draining`: it is stopping. `reload_success` and
    `reload_timestamp` (UNIX seconds) are of the last time that the configuration was read, the start being the first.
    """

    config: Config
    launch: Launch
    engine: Engine
    units: Units
    listeners: dict[str, Listener] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    applied: bool = False
    draining: bool = False
    message_log: MessageLog | None = None
    reload_success: bool = True
    reload_timestamp: float = field(default_factory=time.time)
