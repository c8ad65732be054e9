"""The configuration as it is after loading: frozen, complete, swapped whole.

Durations are seconds, sizes bytes. A name that is empty has not been filled in yet: `inditree.config.complete` does.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from inditree.config import units

Duration = Annotated[float, Meta(extra={"form": "duration"})]
#: A duration of which none would make no sense.
Span = Annotated[float, Meta(gt=0, extra={"form": "duration"})]
Size = Annotated[int, Meta(gt=0, extra={"form": "size"})]
#: Permission bits, an octal number in the file.
Mode = Annotated[int, Meta(extra={"form": "mode"})]
Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=1, le=65535)]
#: False in the file is a word here: YAML reads `off` and `none`'s relatives as false.
Peers = Annotated[Literal["links", "any", "none"], Meta(extra={"false": "none"})]
Address = Annotated[str | None, Meta(extra={"false": None, "off": None})]

Level = Literal["debug", "info", "warning", "error", "critical"]
Access = Literal["control", "read-only"]

MIB, GIB = 1 << 20, 1 << 30
INDI_PORT = 7624
HTTP_ADDRESS = "127.0.0.1:9724"
WEBMANAGER_ADDRESS = "0.0.0.0:8624"
"""Where KStars looks for a Web Manager: it runs on another machine, as a rule."""

DEFAULT_SOCKET = "default"
"""The control socket at the place that goes by the port of the first TCP listener."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all sections: frozen, without unknown keys."""


class ServerTls(Section, frozen=True, kw_only=True):
    """Our certificate, and whose signature a client's needs (None: clients need none)."""

    cert: str
    key: str
    client_ca: str | None = None


class ClientTls(Section, frozen=True, kw_only=True):
    """Whom we believe (None: the system's authorities), and our own certificate where the other end asks for one."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class Rule(Section, frozen=True, kw_only=True):
    """The rights of clients whose certificate's subject fits the glob `subject`."""

    subject: str
    access: Access = "control"
    devices: tuple[str, ...] = ("*",)


class Listen(Section, frozen=True, kw_only=True):
    """A listener: `tcp` or `unix`, never both. `mode` and `owner` are a unix path's.

    `web` None: as the front end has it. `origins`: sites, and names of this machine, beside those that are known.
    """

    tcp: str | None = None
    unix: str | None = None
    name: str = ""
    max_connections: Count | None = 256
    access: Access = "control"
    allow: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("*",)
    rules: tuple[Rule, ...] = ()
    delivery: Literal["paced", "lossless"] = "paced"
    peers: Peers = "links"
    tls: ServerTls | None = None
    mode: Mode | None = None
    owner: str | None = None
    web: bool | None = None
    origins: tuple[str, ...] = ()

    @property
    def address(self) -> tuple[str | None, int]:
        """Host and port of a TCP listener; the host is None for all addresses, IPv4 and IPv6."""
        return units.bound(self.tcp or "")


class Restart(Section, frozen=True, kw_only=True):
    """`max_restarts` None: no limit; N: N + 1 starts, then failed."""

    policy: Literal["always", "on-failure", "never"] = "always"
    backoff: Span = 1.0
    backoff_max: Span = 60.0
    reset_after: Span = 60.0
    max_restarts: Annotated[int, Meta(ge=0)] | None = None


class Driver(Section, frozen=True, kw_only=True):
    """A driver: a program (`exec`) or a factory of IPyDriver objects (`python`), never both.

    `label` is what Ekos' Web Manager calls it, None: its name.
    """

    name: str = ""
    label: str | None = None
    exec: tuple[str, ...] | None = None
    python: str | None = None
    env: dict[str, str] = {}
    cwd: str | None = None
    stderr_level: Level = "info"
    restart: Restart = Restart()
    stop_grace: Duration = 5.0
    ready_timeout: Span = 30.0
    required: bool = False
    rename: dict[str, str] = {}


class Remote(Section, frozen=True, kw_only=True):
    """A server that we link to. `device`: only that one is asked for (`DEVICE@HOST`)."""

    host: str
    port: Port = INDI_PORT
    name: str = ""
    device: str | None = None
    blobs: bool = True
    devices: tuple[str, ...] = ("*",)
    share: Literal["both", "down"] = "both"
    required: bool = False
    tls: ClientTls | None = None
    rename: dict[str, str] = {}


class Docker(Section, frozen=True, kw_only=True):
    """Containers with this label become remotes; `network` None: at the address in any network that we share."""

    label: str = "inditree.remote"
    network: str | None = None


class Dns(Section, frozen=True, kw_only=True):
    """An SRV name whose targets become remotes."""

    name: str


class Discovery(Section, frozen=True, kw_only=True):
    """The discovery of remotes that nobody wrote down."""

    docker: Docker | None = None
    dns: tuple[Dns, ...] = ()


class Http(Section, frozen=True, kw_only=True):
    """Health, metrics and control. `listen` None: off."""

    listen: Address = HTTP_ADDRESS
    token_file: str | None = None
    hosts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("*",)

    @property
    def address(self) -> tuple[str | None, int] | None:
        """Host and port as `Listen.address` gives them; None where HTTP is off."""
        return None if self.listen is None else units.bound(self.listen)


class ControlSocket(Section, frozen=True, kw_only=True):
    """The UNIX socket for the router's own user and root: a path, None for none."""

    socket: Address = DEFAULT_SOCKET


class Limits(Section, frozen=True, kw_only=True):
    """Bounds against peers that are broken or hostile; None: no limit. `link_hold` 0: devices go with their link."""

    element: Size = MIB
    blob: Size = GIB
    queue: Size = 128 * MIB
    memory: Size = 512 * MIB
    stall_timeout: Span = 10.0
    link_timeout: Span = 30.0
    link_hold: Duration = 5.0
    connections_per_address: Count | None = None
    first_element: Span | None = None
    incomplete_element: Span | None = None
    elements_per_second: Annotated[float, Meta(gt=0)] | None = None


class Parts(Section, frozen=True, kw_only=True):
    """Levels of parts of the router; None: as all."""

    audit: Level | None = None
    control: Level | None = None
    discovery: Level | None = None
    driver: Level | None = None
    fifo: Level | None = None
    http: Level | None = None
    link: Level | None = None
    listener: Level | None = None
    observatory: Level | None = None
    record: Level | None = None
    router: Level | None = None
    traffic: Level | None = None
    webmanager: Level | None = None


class Log(Section, frozen=True, kw_only=True):
    """The log on stderr. `parts`: levels of their own for parts of the router (`traffic: debug` is all XML)."""

    level: Level = "info"
    format: Literal["text", "json"] = "text"
    parts: Parts = Parts()


class Audit(Section, frozen=True, kw_only=True):
    """The file in which each `new*` is written down; None: there is none."""

    file: str | None = None


class Record(Section, frozen=True, kw_only=True):
    """The night as a file: where (None: nowhere), for how long, how large, and what of it."""

    dir: str | None = None
    keep: Span = 14 * 86400.0
    max_size: Size = 20 * GIB
    images: Annotated[Literal["none", "hash", "all"], Meta(extra={"false": "none"})] = "none"
    devices: tuple[str, ...] = ("*",)
    links: bool = False

    @property
    def folder(self) -> Path:
        """`dir`, where there is one."""
        return Path(self.dir or "")


class Metrics(Section, frozen=True, kw_only=True):
    """Says which values become metrics: globs over DEVICE.PROPERTY.MEMBER."""

    properties: tuple[str, ...] = ()


#: Values by name: numbers and switches may be written as they are.
Values = Annotated[dict[str, str], Meta(extra={"form": "values"})]


class Desired(Section, frozen=True, kw_only=True):
    """The desired state of devices that fit the pattern `device`, set when they appear: `set` is by PROPERTY.MEMBER."""

    device: str
    connect: bool = True
    set: Values = {}
    required: bool = False


class Action(Section, frozen=True, kw_only=True):
    """One step of a reaction: DEVICE.PROPERTY.MEMBER=VALUE, and how long its end is waited for."""

    set: str
    wait: Span = 300.0
    on_failure: Literal["continue", "stop"] = "continue"


class Reaction(Section, frozen=True, kw_only=True):
    """Steps that are carried out once when a condition has held for `hold` seconds (`for` in the file)."""

    name: str
    when: str
    hold: Duration = field(default=10.0, name="for")
    unknown: bool = True
    start_grace: Duration = 60.0
    do: tuple[Action, ...]


class Interlock(Section, frozen=True, kw_only=True):
    """Commands that are not delivered unless a condition holds; `max_age` None: what was said once counts for ever."""

    name: str
    refuse: tuple[str, ...]
    unless: str
    max_age: Span | None = None


class Webmanager(Section, frozen=True, kw_only=True):
    """Ekos' Web Manager: where, for whom (`allow` None: loopback and private networks), which drivers it may start.

    `drivers` are patterns of labels or programs, `data` is the folder of the profiles (None: they are kept in memory).
    """

    drivers: tuple[str, ...]
    listen: Address = WEBMANAGER_ADDRESS
    allow: tuple[str, ...] | None = None
    origins: tuple[str, ...] = ()
    data: str | None = None

    @property
    def address(self) -> tuple[str | None, int] | None:
        """Host and port as `Listen.address` gives them; None where it is off."""
        return None if self.listen is None else units.bound(self.listen)


class Config(Section, frozen=True, kw_only=True):
    """Holds all of it."""

    name: str = ""
    listen: tuple[Listen, ...] = (Listen(tcp=f"localhost:{INDI_PORT}"),)
    drivers: tuple[Driver, ...] = ()
    remotes: tuple[Remote, ...] = ()
    definitions: Literal["view", "forwarded"] = "view"
    discovery: Discovery = Discovery()
    http: Http = Http()
    control: ControlSocket = ControlSocket()
    limits: Limits = Limits()
    log: Log = Log()
    audit: Audit = Audit()
    metrics: Metrics = Metrics()
    record: Record = Record()
    devices: tuple[Desired, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    webmanager: Webmanager | None = None


def host_name() -> str:
    """The default name of the router."""
    return socket.gethostname() or "inditree"
