"""The server as HTTP and the metrics see it: the calls that it takes, and the snapshots that it gives.

The server makes these on its loop and a thread turns them into text, so nothing in them may change afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from inditree.commands import Outcome
from inditree.counters import Counters
from inditree.ops.model import ClientRow, InterlockRow, Owner, ReactionRow, Readiness, RecordRow, Status


class ControlError(Exception):
    """A call that cannot be carried out.

    `status` is 400 (bad), 404 (unknown), 409 (taken, or not in this state), 422 (a key that was used for another one).
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def nobody(device: str) -> bool:
    """Show no device."""
    return False


class Definition(msgspec.Struct, frozen=True):
    """A property as the view keeps it: its definition, and the updates since that are not folded into it yet."""

    device: str
    property: str
    definition: bytes
    pending: tuple[bytes, ...] = ()


class DeviceSource(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a DeviceDetail, which a thread puts together."""

    name: str
    owner: Owner
    stale: bool
    definitions: tuple[Definition, ...]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample of everything that the metrics show. Mappings are keyed by the kind of peer.

    `status` has no rows of devices: `devices` are there, `devices_stale` of them stale, and `devices_ready` says
    of those of which something is desired if they are. `counters` is a copy (Counters.copy). `definitions` are the
    properties of the view, none where `metrics.properties` is empty. `slow_clients` are those for which more than one
    BLOB waits.
    `audit_lost` are lines that the audit's disk did not take, `log_lost` those of log and message log that found no
    room. `reload_success` and `reload_timestamp` (UNIX seconds) are of the last time that the configuration was read,
    the start being the first. `web_connections` are keyed by kind: page, json, xml, image.
    """

    status: Status
    counters: Counters
    connections: Mapping[str, int]
    queue_bytes: Mapping[str, int]
    queue_bytes_largest: Mapping[str, int]
    queue_limit_bytes: int
    devices: int = 0
    devices_stale: int = 0
    devices_ready: Mapping[str, bool] = {}
    slow_clients: int = 0
    audit_lost: int = 0
    log_lost: int = 0
    reload_success: bool = True
    reload_timestamp: float = 0.0
    definitions: tuple[Definition, ...] = ()
    record: RecordRow | None = None
    web_connections: Mapping[str, int] = {}
    interlocks: tuple[InterlockRow, ...] = ()
    reactions: tuple[ReactionRow, ...] = ()


class Control(Protocol):
    """The server, as the HTTP API calls it; all of it is called on the loop. The async ones raise ControlError."""

    def snapshot(self, shown: Callable[[str], bool] = bool) -> Status:
        """The whole router; `shown` says which devices have rows."""

    def readiness(self) -> Readiness:
        """The answer of /readyz, which costs nothing for a device that nobody requires."""

    def clients(self, shown: Callable[[str], bool] = bool) -> tuple[ClientRow, ...]:
        """`shown` says of which devices the rows may speak."""

    def interlocks(self) -> tuple[InterlockRow, ...]: ...

    def reactions(self) -> tuple[ReactionRow, ...]: ...

    async def run_reaction(self, name: str) -> None: ...

    async def reset_reaction(self, name: str) -> None: ...

    def sample(self) -> Sample: ...

    def device(self, name: str) -> DeviceSource:
        """Raises KeyError."""

    def record(self) -> RecordRow | None:
        """The record, None where nothing is recorded."""

    async def add_driver(self, entry: dict[str, Any]) -> str:
        """The name under which it runs."""

    async def remove_driver(self, name: str) -> None: ...

    async def restart_driver(self, name: str) -> None: ...

    async def stop_driver(self, name: str) -> None: ...

    async def start_driver(self, name: str) -> None: ...

    async def add_remote(self, entry: dict[str, Any]) -> str:
        """The name that it goes by."""

    async def remove_remote(self, name: str) -> None: ...

    async def restart_remote(self, name: str) -> None: ...

    async def stop_remote(self, name: str) -> None: ...

    async def start_remote(self, name: str) -> None: ...

    async def refresh_device(self, name: str) -> None:
        """Ask whoever provides a device for its definitions."""

    def command(self, device: str, property: str, values: Mapping[str, str], caller: str) -> asyncio.Future[Outcome]:
        """Send one `new*` with these values; `caller` is for the audit. Raises ControlError."""

    async def close_client(self, name: str) -> None:
        """`name` is the `id` of its row, as text."""
