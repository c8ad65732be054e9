"""The shapes of the HTTP API: what the router tells about itself.

The server fills these on its loop and a thread turns them into text, so nothing in them may change afterwards.
Fields may be added, not taken away. Times are seconds since the epoch, spans seconds,
sizes bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

DriverState = Literal["stopped", "starting", "running", "backoff", "stopping", "failed"]
RemoteState = Literal["connecting", "up", "backoff", "stopped"]
OwnerKind = Literal["driver", "remote", "inprocess", "peer"]


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The provider of a device: `peer` is one that connected to us."""

    kind: OwnerKind
    name: str


class ListenerRow(msgspec.Struct, frozen=True, kw_only=True):
    """`clients` counts all that take a connection: links and those without interest too."""

    name: str
    address: str
    clients: int
    max_connections: int | None


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Images of one device that wait for a peer."""

    device: str
    images: int
    bytes: int


class DriverRow(msgspec.Struct, frozen=True, kw_only=True):
    """A supervised driver. `last_exit` is negative for a signal and null before the first exit.

    `waiting` are images that wait for it; `unread` says why it is not read now (`held`: nobody takes its images,
    `memory`, `rest`), and for how many seconds. `cpu_seconds` (of all its runs) and `resident_bytes` include its
    child processes; the renderer fills them from `pid`, the server leaves them.
    """

    name: str
    kind: Literal["exec", "python"]
    state: DriverState
    pid: int | None
    restarts: int
    last_exit: int | None
    devices: tuple[str, ...]
    since_seconds: float
    ready: bool = False
    required: bool = False
    started_at: float | None = None
    restarts_by_reason: dict[str, int] = {}
    stderr_lines: int = 0
    last_error: str | None = None
    waiting: tuple[WaitingRow, ...] = ()
    unread: dict[str, float] = {}
    cpu_seconds: float | None = None
    resident_bytes: int | None = None


class RemoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A link that we opened. `id` is that of the router at its other end, null where it is another kind of server.

    `introduction_patience_seconds`: how long its other end may take to introduce itself.
    """

    name: str
    address: str
    state: RemoteState
    id: str | None
    devices: tuple[str, ...]
    last_error: str | None
    required: bool = False
    since_seconds: float = 0.0
    rtt_seconds: float | None = None
    last_receive: float | None = None
    introduction_patience_seconds: float = 0.5
    attempts: dict[str, int] = {}
    queue_bytes: int = 0
    waiting: tuple[WaitingRow, ...] = ()
    unread: dict[str, float] = {}


class StateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A property that is Busy or Alert, and since when the router has seen it so."""

    property: str
    state: Literal["Busy", "Alert"]
    since: float


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last image of a device: when it came, bytes of its file, and how many there were with it."""

    at: float
    size: int
    number: int


class SaidRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last message of a device: when it came, and at most 256 characters of it."""

    at: float
    text: str


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device. Where `devices` of the configuration names it: is it `ready` (as it is to be), its `state` on the way
    there, and the `reason` why it is not ready; left out else.

    `stale`: its link was lost, it may come back, and what is said of it is old; left out else. `connected` is its
    CONNECTION.CONNECT, left out where it has none. `busy` and `alert` count its properties in that
    state, `states` are at most 8 of them: Alert first, then the newest first. These, `image` and `message` are left
    out where there is nothing of the kind.
    """

    name: str
    owner: Owner
    ready: bool | None = None
    state: Literal["waiting", "setting", "retrying", "ready"] | None = None
    reason: str | None = None
    stale: bool = False
    connected: bool | None = None
    busy: int = 0
    alert: int = 0
    states: tuple[StateRow, ...] = ()
    image: ImageRow | None = None
    message: SaidRow | None = None


class ConflictRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device that two places provide: the second is refused."""

    device: str
    owner: str
    refused: str


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes and elements that all peers together sent us and were sent, since the start; images count as base64."""

    received_messages: int = 0
    received_bytes: int = 0
    sent_messages: int = 0
    sent_bytes: int = 0


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a reaction: `at` is when it began, `failures` are the steps that failed, in a person's words."""

    result: Literal["ok", "failed", "stopped"]
    at: float
    seconds: float
    failures: tuple[str, ...]


class ReactionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reaction: its `steps` are carried out once when the condition `when` has held for `hold` seconds.

    `holds` is null where that is unknown, `unknown` is what the condition reads and is not there, `unknown_holds` says
    whether unknown counts as holding. `step` is the number (from 0) of the step under way, `due_seconds` the time after
    which it goes on without any event. `devices` are those that it names.
    """

    name: str
    when: str
    hold: float
    unknown_holds: bool
    state: Literal["unarmed", "armed", "waiting", "running", "done"]
    holds: bool | None
    unknown: tuple[str, ...]
    steps: tuple[str, ...]
    step: int | None
    due_seconds: float | None
    runs: dict[str, int]
    last: RunRow | None
    devices: tuple[str, ...] = ()


class InterlockRow(msgspec.Struct, frozen=True, kw_only=True):
    """An interlock: `refuse` is not delivered unless the condition `unless` holds.

    `holds` is null where that is unknown, `unknown` is what the condition reads and is not there, or said longer than
    `max_age` ago. `enforced` is `partial` where a device that it guards is at another server, which may be reached by
    other ways. `devices` are those that it names, those of globs not counted.
    """

    name: str
    refuse: tuple[str, ...]
    unless: str
    max_age: float | None
    holds: bool | None
    unknown: tuple[str, ...]
    enforced: Literal["full", "partial"]
    refusals: int
    devices: tuple[str, ...] = ()


class RecordRow(msgspec.Struct, frozen=True, kw_only=True):
    """The record: its folder, bytes of its segments, when the oldest begins (null: there is none), records lost."""

    dir: str
    bytes: int
    oldest: float | None
    lost: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole router. `clients` does not count links. `not_ready` are required devices (or their pattern, where none
    is there) that are not as `devices` of the configuration says, with the reason. `record` is null where nothing is
    recorded. `reload_refused` is what was wrong with the configuration when it was last read, null where it was taken.
    """

    name: str
    id: str
    version: str
    uptime_seconds: float
    ready: bool
    draining: bool
    listeners: tuple[ListenerRow, ...]
    drivers: tuple[DriverRow, ...]
    remotes: tuple[RemoteRow, ...]
    devices: tuple[DeviceRow, ...]
    clients: int
    loops_detected: int
    conflicts: tuple[ConflictRow, ...] = ()
    not_ready: dict[str, str] = {}
    traffic: Traffic = Traffic()
    interlocks: tuple[InterlockRow, ...] = ()
    reactions: tuple[ReactionRow, ...] = ()
    record: RecordRow | None = None
    reload_refused: str | None = None


class BlobWish(msgspec.Struct, frozen=True, kw_only=True):
    """An enableBLOB as it stands: null for all devices, all properties."""

    device: str | None
    property: str | None
    mode: Literal["Never", "Also", "Only"]


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """A connection to us. `devices` is what it asked for, `*` for all; `link` says that it is another server."""

    id: int
    address: str
    listener: str
    devices: tuple[str, ...]
    blobs: tuple[BlobWish, ...]
    queue_bytes: int
    sent_bytes: int
    dropped_blobs: int
    link: bool
    connected_seconds: float
    waiting: tuple[WaitingRow, ...] = ()
    unread: dict[str, float] = {}


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """`value` as the driver wrote it; null for a BLOB, whose data is not kept."""

    name: str
    label: str
    value: str | None


class PropertyRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: Literal["Text", "Number", "Switch", "Light", "BLOB"]
    label: str
    group: str
    state: str
    perm: str | None
    timestamp: str | None
    message: str | None
    members: tuple[MemberRow, ...]


class CommandRow(PropertyRow, frozen=True, kw_only=True):
    """A property and what has come of a command to it.

    `result` is one of those of `indi_commands_total`, `sent` while there is no answer; `seconds` until that came;
    `messages` are what the device said meanwhile.
    """

    result: str
    seconds: float | None
    messages: tuple[str, ...]


class DeviceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its properties. `stale` as in a DeviceRow."""

    name: str
    owner: Owner
    stale: bool = False
    properties: tuple[PropertyRow, ...]


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of /readyz: `drivers` and `remotes` are those that are not up, by name, with their state; `devices` the
    required ones that are not as the configuration says, with the reason (left out where there are none).
    """

    ready: bool
    draining: bool
    drivers: dict[str, str]
    remotes: dict[str, str]
    devices: dict[str, str] = {}


class Error(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    error: str


class Down(msgspec.Struct, frozen=True):
    """A driver or a link that is not up."""

    name: str
    state: str
    required: bool


def readiness(
    *, applied: bool, draining: bool, drivers: Sequence[Down], remotes: Sequence[Down], devices: dict[str, str]
) -> Readiness:
    """The answer of /readyz. `applied`: it listens and its configuration is applied."""
    missing = devices or any(each.required for each in (*drivers, *remotes))
    return Readiness(
        ready=applied and not draining and not missing,
        draining=draining,
        drivers={each.name: each.state for each in drivers},
        remotes={each.name: each.state for each in remotes},
        devices=devices,
    )
