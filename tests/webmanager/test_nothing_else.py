"""Whatever is posted, only what the lists name is run: the application by itself with everything that can be posted."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inditree.config import Driver, Remote, Webmanager
from inditree.errors import ConfigError
from inditree.supervise import State
from inditree.webmanager.api import Api, Door
from inditree.webmanager.installed import Installed
from inditree.webmanager.manager import Manager
from live import until
from webmanager.ekos import managed

XML = """<driversList><devGroup group="CCDs">
<device label="Camera" manufacturer="x"><driver name="Camera"> indi_camera </driver><version>1.2</version></device>
<device label="Many" mdpd="true"><driver name="Cam">indi_many</driver></device>
<device label="Skeleton" skel="s_sk.xml"><driver name="S">indi_skeleton</driver></device>
<device label="Other"><driver name="Other">other_program</driver></device>
</devGroup></driversList>"""
ALLOWED = {"indi_camera", "indi_many", "indi_skeleton"}


class FakeUnits:
    """Remembers all that was to be run."""

    def __init__(self) -> None:
        self.drivers: dict[str, Any] = {}
        self.remotes: dict[str, Any] = {}
        self.ran: list[Driver] = []

    def add_driver(self, config: Driver) -> Any:
        self.ran.append(config)
        supervisor = SimpleNamespace(state=State.RUNNING, retired=False, last_error="", restart=lambda: None)
        unit = self.drivers[config.name] = SimpleNamespace(config=config, supervisor=supervisor)
        return unit

    async def remove_driver(self, unit: Any) -> None:
        del self.drivers[unit.config.name]

    def add_remote(self, config: Remote) -> Any:
        link = self.remotes[config.name] = SimpleNamespace(config=config, state="up", last_error="")
        return link

    async def remove_remote(self, remote: Any) -> None:
        del self.remotes[remote.config.name]


class Called:
    """The application with drivers of its own, called without a socket."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        (folder / "drivers.xml").write_text(XML)
        (folder / "broken.xml").write_text("<driversList><devGroup")
        self.units = FakeUnits()
        self.audited: list[tuple[str, ...]] = []
        config = Webmanager(**({"drivers": ("indi_*",)} | keys))
        manager = Manager(config, self.units, lambda: [7624], lambda: False, lambda *_: None, Installed(folder))
        self.api = Api(manager, Door(config, "pier"), self._devices, lambda *said: self.audited.append(said))

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


LABELS = ["Camera", "Many", "Other", "Evil", "indi_camera", "other_program", "", "é/%2F"]
COMMANDS = [
    "/bin/sh",
    "sh -c id",
    "indi_x;id",
    "../indi_camera",
    "/tmp/indi_camera",
    "indi_camera ",
    "indi_many\n",
    "-x",
]
REMOTES = ["a@b", "Camera@host:1", "host", "$(id)@host"]
words = st.sampled_from([*LABELS, *COMMANDS, *REMOTES]) | st.text(max_size=12)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
customs = st.fixed_dictionaries(
    {"Label": words | values, "Name": words, "Exec": words | values, "Family": words, "Version": words | values}
)
entries = st.lists(
    st.fixed_dictionaries({}, optional={"label": words | values, "remote": words | values}) | values, max_size=4
)
infos = st.fixed_dictionaries(
    {}, optional={"port": values, "scripts": values, "autostart": values, "autoconnect": values, "exec": words}
)
VERBS = ("start", "stop", "restart", "start_remote", "stop_remote")
calls = st.one_of(
    st.tuples(st.just("POST"), st.just("/api/profiles/custom/add"), customs),
    st.tuples(st.just("POST"), words.map(lambda word: f"/api/profiles/{word}/drivers"), entries),
    st.tuples(st.just("POST"), st.just("/api/profiles/P/drivers"), entries),
    st.tuples(st.just("PUT"), words.map(lambda word: f"/api/profiles/{word}"), infos),
    st.tuples(st.just("POST"), st.just("/api/server/start/P"), st.none()),
    st.tuples(st.just("POST"), words.map(lambda word: f"/api/server/start/{word}"), st.none()),
    st.tuples(st.just("POST"), st.builds("/api/drivers/{}/{}".format, st.sampled_from(VERBS), words), values),
    st.tuples(st.just("POST"), st.just("/api/server/stop"), st.none()),
    st.tuples(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]), words.map("/api/{}".format), values),
    st.tuples(st.just("GET"), st.sampled_from(["/api/drivers", "/api/server/drivers", "/api/profiles"]), st.none()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(calls, min_size=1, max_size=12))
def test_nothing_outside_the_lists_is_ever_run(posted: list[tuple[str, str, Any]]) -> None:
    async def post(folder: Path) -> None:
        made = Called(folder)
        for method, path, body in posted:
            status, answer = await made.call(method, path, json.dumps(body).encode())
            assert status in (200, 400, 403, 404, 405, 409), (method, path, body, status, answer)
            assert status == 200 or list(answer) == ["detail"]
        for config in made.units.ran:
            assert config.exec is not None
            assert len(config.exec) == 1
            assert config.exec[0] in ALLOWED
            assert config.python is None
            assert config.cwd is None
            assert set(config.env) <= {"INDIDEV", "INDISKEL"}
            assert config.env.get("INDISKEL", str(folder / "s_sk.xml")) == str(folder / "s_sk.xml")

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(post(Path(folder)))


def test_a_custom_driver_is_another_label_for_an_installed_program(tmp_path: Path) -> None:
    async def post() -> None:
        made = Called(tmp_path)
        custom = {"Label": "Mine", "Name": "Mine", "Exec": "indi_camera", "Family": "CCDs", "Version": "3"}
        await made.call("POST", "/api/profiles/custom/add", json.dumps(custom).encode())
        shadow = json.dumps(custom | {"Label": "Camera", "Exec": "indi_many"}).encode()
        await made.call("POST", "/api/profiles/custom/add", shadow)
        for label in ("Mine", "Camera", "Many"):
            assert (await made.call("POST", f"/api/drivers/start/{label}"))[0] == 200
        _, rows = await made.call("GET", "/api/server/drivers")
        assert [(row["label"], row["binary"], row["custom"]) for row in rows] == [
            ("Mine", "indi_camera", True),
            ("Camera", "indi_camera", False),
            ("Many", "indi_many", False),
        ]
        assert [each.env for each in made.units.ran] == [{"INDIDEV": "Mine"}, {"INDIDEV": "Camera"}, {}]
        assert (await made.call("POST", "/api/drivers/start/Other"))[0] == 404
        assert [said[1:] for said in made.audited[-1:]] == [
            ("webmanager.driver.start", "Other", "refused: Driver not found")
        ]

    asyncio.run(post())


def test_reboot_and_power_off_are_refused(tmp_path: Path) -> None:
    async def post() -> None:
        made = Called(tmp_path)
        for word in ("reboot", "poweroff"):
            status, answer = await made.call("POST", f"/api/system/{word}")
            assert (status, list(answer)) == (403, ["detail"])

    asyncio.run(post())


@pytest.mark.parametrize(
    ("client", "headers", "keys", "status"),
    [
        ("192.168.1.5", {}, {}, 200),
        ("10.1.2.3", {"host": "192.168.1.9:8624"}, {}, 200),
        ("::1", {"host": "[::1]:8624"}, {}, 200),
        ("::ffff:192.168.1.5", {}, {}, 200),
        ("fe80::1%eth0", {}, {}, 200),
        ("8.8.8.8", {}, {}, 403),
        ("8.8.8.8", {}, {"allow": ("8.0.0.0/8",)}, 200),
        ("127.0.0.1", {}, {"allow": ("8.0.0.0/8",)}, 403),
        ("127.0.0.1", {"host": "evil.example"}, {}, 403),
        ("127.0.0.1", {"host": "pier.local:8624"}, {"origins": ("pier.local",)}, 200),
        ("127.0.0.1", {"origin": "http://evil.example"}, {}, 403),
        ("127.0.0.1", {"origin": "null"}, {}, 403),
        ("127.0.0.1", {"origin": "http://localhost:8624"}, {}, 200),
        ("127.0.0.1", {"origin": "http://localhost"}, {}, 403),
        ("127.0.0.1", {"origin": "http://pages.example"}, {"origins": ("http://pages.example",)}, 200),
    ],
)
def test_who_may_ask(client: str, headers: dict[str, str], keys: dict[str, Any], status: int, tmp_path: Path) -> None:
    async def post() -> None:
        made = Called(tmp_path, **keys)
        for method, path in (("POST", "/api/drivers/start/Camera"), ("GET", "/api/server/status")):
            assert (await made.call(method, path, client=client, headers=headers))[0] == status
        assert bool(made.units.ran) == (status == 200)

    asyncio.run(post())


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    async def post() -> None:
        made = Called(tmp_path, data=str(tmp_path / "kept"))
        await made.call("POST", "/api/profiles/P")
        for number in range(40):
            scripts = json.dumps({"scripts": "x" * 50_000}).encode()
            status, answer = await made.call("PUT", f"/api/profiles/P{number}", scripts)
        assert (status, answer) == (400, {"detail": "profiles and drivers would have more than 1048576 bytes"})
        (tmp_path / "kept" / "profiles.json").write_text("{")
        with pytest.raises(ConfigError, match=r"webmanager.data: .*profiles.json: "):
            Called(tmp_path, data=str(tmp_path / "kept"))

    asyncio.run(post())


def test_a_running_router_runs_nothing_else(tmp_path: Path) -> None:
    """Programs that leave a mark, by every way in which one can be named."""
    mark = tmp_path / "mark"
    program = tmp_path / "indi_simulator_evil"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    scripts = [{"Driver": "CCD Simulator", "PreScript": str(program), "PostScript": str(program), "PreDelay": 1}]
    with managed(tmp_path) as (router, ekos):
        for label in ("Evil", "CCD Simulator"):
            custom = {"Label": label, "Name": label, "Exec": str(program), "Family": "CCDs", "Version": "1"}
            ekos.post("/api/profiles/custom/add", custom)
        for text in (str(program), f"{program}@localhost", f"|{program}", f"$({program})"):
            ekos.call("POST", f"/api/drivers/start/{quote(text, safe='')}")
            ekos.call("POST", f"/api/drivers/restart/{quote(text, safe='')}")
            ekos.call("POST", f"/api/drivers/start_remote/{quote(text, safe='')}")
        names = [{"label": "Evil"}, {"label": str(program)}, {"label": "CCD Simulator"}, {"remote": str(program)}]
        ekos.save("P", names, scripts=scripts)
        ekos.post("/api/server/start/P")
        ekos.save("Q", names, scripts=json.dumps(scripts))
        ekos.post("/api/server/start/Q")
        until(lambda: "CCD Simulator: has defined its first device" in router.log, what="the camera runs")
        assert ekos.get("/api/profiles/P")["scripts"] == scripts
        assert ekos.get("/api/profiles/Q")["scripts"] == json.dumps(scripts)
        ekos.post("/api/server/stop")
        assert not mark.exists()
