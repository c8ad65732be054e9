"""The application of the Web Manager by itself, called without a socket, and everything that can be posted to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from inditree.config import Driver, Remote, Webmanager
from inditree.supervise import State
from inditree.webmanager.api import AccessRules, Api
from inditree.webmanager.installed import Installed
from inditree.webmanager.manager import Manager

XML = """<driversList><devGroup group="CCDs">
<device label="Camera" manufacturer="x"><driver name="Camera"> indi_camera </driver><version>1.2</version></device>
<device label="Many" mdpd="true"><driver name="Cam">indi_many</driver></device>
<device label="Skeleton" skel="s_sk.xml"><driver name="S">indi_skeleton</driver></device>
<device label="Other"><driver name="Other">other_program</driver></device>
<device label="Pier/Caméra"><driver name="Pier">indi_pier</driver></device>
</devGroup></driversList>"""
ALLOWED = {"indi_camera", "indi_many", "indi_skeleton", "indi_pier"}


class FakeUnits:
    """Remembers all that was to be run. As the router's own it refuses a name that is taken.

    What is there from the beginning is others': it must never be ended.
    """

    def __init__(self, others: Sequence[Driver] = ()) -> None:
        self.drivers: dict[str, Any] = {each.name: _unit(each) for each in others}
        self.remotes: dict[str, Any] = {}
        self.ran: list[Driver] = []
        self.connected: list[tuple[Sequence[Any], Sequence[Any]]] = []
        self._others = list(self.drivers.values())

    def add_driver(self, config: Driver) -> Any:
        if config.name in self.drivers:
            raise KeyError(config.name)
        self.ran.append(config)
        unit = self.drivers[config.name] = _unit(config)
        return unit

    async def remove_driver(self, unit: Any) -> None:
        assert all(unit is not each for each in self._others)
        del self.drivers[unit.config.name]

    def add_remote(self, config: Remote) -> Any:
        if config.name in self.remotes:
            raise KeyError(config.name)
        link = self.remotes[config.name] = SimpleNamespace(config=config, state="up", last_error="")
        return link

    async def remove_remote(self, remote: Any) -> None:
        del self.remotes[remote.config.name]


def _unit(config: Driver) -> Any:
    supervisor = SimpleNamespace(state=State.RUNNING, retired=False, last_error="", restart=lambda: None)
    return SimpleNamespace(config=config, supervisor=supervisor)


class Called:
    """The application with drivers of its own."""

    def __init__(self, folder: Path, others: Sequence[Driver] = (), **keys: Any) -> None:
        (folder / "drivers.xml").write_text(XML)
        (folder / "broken.xml").write_text("<driversList><devGroup")
        self.units = FakeUnits(others)
        self.audited: list[tuple[str, ...]] = []
        config = Webmanager(**({"drivers": ("indi_*",)} | keys))
        manager = Manager(
            config,
            self.units,
            lambda: [7624],
            lambda: False,
            lambda *wanted: self.units.connected.append(wanted),
            Installed(folder),
        )
        self.api = Api(manager, AccessRules(config, "pier"), self._devices, lambda *said: self.audited.append(said))

    async def _devices(self) -> list[tuple[str, bool]]:
        return []

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        client: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status, and the body as JSON."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        named = {"host": "localhost:8624"} | (headers or {})
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in named.items()],
            "client": (client, 5),
            "server": ("127.0.0.1", 8624),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
            "state": {},
        }
        await self.api(scope, receive, send)
        data = b"".join(each.get("body", b"") for each in sent[1:])
        return int(sent[0]["status"]), json.loads(data) if data else None


LABELS = [
    "Camera",
    "Many",
    "Other",
    "Evil",
    "Mine",
    "indi_camera",
    "other_program",
    "Pier/Caméra",
    "",
    "é/%2F",
    "P",
    "Q",
]
COMMANDS = [
    "/bin/sh",
    "sh -c id",
    "indi_x;id",
    "../indi_camera",
    "/tmp/indi_camera",
    "indi_camera ",
    "indi_many\n",
    "indi_camera\0",
    "indi_camera\0/bin/sh",
    "indi_camera/../../bin/sh",
    "indi_*",
    "*",
    "-x",
    "$(id)",
    "`id`",
    "|id",
    "%00",
    "%2e%2e%2fbin%2fsh",
]
REMOTES = [
    "a@b",
    "Camera@host:1",
    "host",
    "host:1",
    "host:7624",
    "$(id)@host",
    "a,b@c:1,,d",
    "@h",
    "a@[::1]:1",
    "a@h:99999",
]
SEGMENTS = [
    *(
        "api",
        "profiles",
        "drivers",
        "server",
        "start",
        "stop",
        "restart",
        "start_remote",
        "stop_remote",
        "custom",
        "add",
    ),
    *("labels", "remote", "groups", "system", "reboot", "poweroff", "info", "..", ".", "autostart"),
]
VERBS = ("start", "stop", "restart", "start_remote", "stop_remote")
BROKEN = (b"[" * 3000, b"[{" * 300, b'{"Label": "\\ud800"}', b'[{"label": "\xff"}]', b"\0", b"NaN")
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])

words = st.sampled_from([*LABELS, *COMMANDS, *REMOTES]) | st.text(max_size=12)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
customs = st.fixed_dictionaries(
    {"Label": words | values, "Exec": st.sampled_from([*sorted(ALLOWED), "other_program"]) | words | values},
    optional={"Name": words | values, "Family": words | values, "Version": words | values, "INDISKEL": words},
)
entries = st.lists(
    st.fixed_dictionaries({}, optional={"label": words | values, "remote": words | values, "exec": words}) | values,
    max_size=4,
)
infos = st.fixed_dictionaries(
    {}, optional={"port": values, "scripts": values, "autostart": values, "autoconnect": values, "exec": words}
)


def _json(value: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return value.map(lambda each: json.dumps(each).encode())


noise = (
    st.binary(max_size=40)
    | st.builds(lambda data, at: data[:at], _json(customs | entries | infos), st.integers(0, 60))
    | st.integers(0, len(BROKEN) - 1).map(BROKEN.__getitem__)
)
paths = words | st.lists(st.sampled_from(SEGMENTS) | words, max_size=5).map("/".join)


def _posted(path: st.SearchStrategy[str] | str, body: st.SearchStrategy[Any], method: str = "POST") -> Any:
    where = st.just(path) if isinstance(path, str) else path
    return st.tuples(st.just(method), where, _json(body) | noise)


calls = st.one_of(
    _posted("/api/profiles/custom/add", customs),
    _posted(words.map(lambda word: f"/api/profiles/{word}/drivers"), entries),
    _posted("/api/profiles/P/drivers", entries),
    _posted(words.map(lambda word: f"/api/profiles/{word}"), infos, "PUT"),
    _posted("/api/server/start/P", st.none()),
    _posted(words.map(lambda word: f"/api/server/start/{word}"), st.none()),
    _posted(st.builds("/api/drivers/{}/{}".format, st.sampled_from(VERBS), words), values),
    _posted("/api/server/stop", st.none()),
    st.tuples(METHODS, paths.map("/api/{}".format) | paths.map("/{}".format), _json(values) | noise),
)


def _attack(program: str, label: str, name: str, verb: str, *, by_profile: bool) -> list[tuple[str, str, bytes]]:
    """Put a program under a label, then have that label run, as KStars would: by a profile or by itself."""
    custom = {"Label": label, "Name": name, "Exec": program, "Family": "CCDs", "Version": "1"}
    add = ("POST", "/api/profiles/custom/add", json.dumps(custom).encode())
    if not by_profile:
        return [add, ("POST", f"/api/drivers/{verb}/{label}", b"")]
    drivers = json.dumps([{"label": label}, {"label": program}, {"label": name}])
    return [
        add,
        ("POST", "/api/profiles/P/drivers", drivers.encode()),
        ("POST", "/api/server/start/P", b""),
    ]


known = st.sampled_from([*LABELS, *COMMANDS, *sorted(ALLOWED)]) | st.text(min_size=1, max_size=6)
programs = st.sampled_from(["other_program", "/bin/sh", "indi_camera"]) | known
attacks = st.builds(
    _attack,
    programs,
    st.sampled_from(["Mine", "Evil"]) | known,
    known,
    st.sampled_from(VERBS),
    by_profile=st.booleans(),
)
posted = st.lists(calls.map(lambda call: [call]) | attacks | attacks, min_size=3, max_size=10).map(
    lambda parts: [call for part in parts for call in part]
)
"""Requests one after the other (method, decoded path, body): what KStars sends, changed, and anything else."""
