"""Whatever is posted, only what the lists name is run: the application by itself with everything that can be posted."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings

from inditree.config import Driver
from inditree.errors import ConfigError
from live import until
from webmanager.ekos import managed
from webmanager.posted import ALLOWED, Called, posted

OTHERS = (
    Driver(name="cam", label="Main camera", exec=("indi_camera",)),
    Driver(name="Many", exec=("/opt/other/indi_many",)),
    Driver(name="roof", exec=("other_program", "--open")),
)
"""Drivers of the router itself, as the configuration has them."""


def _custom(label: str, program: str) -> list[tuple[str, str, bytes]]:
    """A driver of one's own is saved and started."""
    body = {"Label": label, "Name": label, "Exec": program, "Family": "CCDs", "Version": "1"}
    return [
        ("POST", "/api/profiles/custom/add", json.dumps(body).encode()),
        ("POST", f"/api/drivers/start/{label}", b""),
    ]


@settings(max_examples=200, deadline=None)
@example([("POST", "/api/drivers/start/Other", b"")])
@example(_custom("Evil", "/bin/sh"))
@example(_custom("Evil", "other_program"))
@given(posted)
def test_nothing_outside_the_lists_is_ever_run(requests: list[tuple[str, str, bytes]]) -> None:
    """Nor is anything of others ended; what was kept can be read again; nothing is left after Stop."""

    async def post(folder: Path) -> None:
        made = Called(folder, OTHERS, data=str(folder / "kept"))
        for method, path, body in requests:
            status, answer = await made.call(method, path, body)
            assert status in (200, 400, 403, 404, 405, 409), (method, path, body, status, answer)
            assert status == 200 or answer is None or list(answer) == ["detail"]
        for config in made.units.ran:
            _assert_listed(config, folder)
        for path in ("/api/profiles", "/api/drivers", "/api/server/drivers", "/api/server/status"):
            assert (await made.call("GET", path))[0] == 200
        _, before = await made.call("GET", "/api/profiles")
        assert (await made.call("POST", "/api/server/stop"))[0] == 200
        assert list(made.units.drivers) == [each.name for each in OTHERS] and not made.units.remotes
        assert all(not units and not links for units, links in made.units.connected[-1:])
        again = Called(folder, OTHERS, data=str(folder / "kept"))
        assert (await again.call("GET", "/api/profiles"))[1] == before
        assert again.units.ran == []

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(post(Path(folder)))


def _assert_listed(config: Driver, folder: Path) -> None:
    """One program of the list, without arguments, with no environment but what the list says."""
    assert config.exec is not None and len(config.exec) == 1
    assert config.exec[0] in ALLOWED
    assert config.python is None and config.cwd is None
    assert set(config.env) <= {"INDIDEV", "INDISKEL"}
    assert config.env.get("INDISKEL", str(folder / "s_sk.xml")) == str(folder / "s_sk.xml")
    assert config.name == config.name.strip("/") and "\0" not in config.name + config.env.get("INDIDEV", "")


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


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/profiles/P/drivers", b"[" * 3000, 400),
        ("PUT", "/api/profiles/P", b'{"scripts": ' + b"[" * 3000 + b"]" * 3000 + b"}", 400),
        ("POST", "/api/profiles/custom/add", b'{"Label": {"a": "\xff"}}', 400),
        ("GET", "/api/drivers/start", b"", 404),
        ("POST", "/api/profiles", b"", 405),
        ("GET", "/api/drivers/", b"", 404),
    ],
)
def test_what_the_fuzz_found(method: str, path: str, body: bytes, status: int, tmp_path: Path) -> None:
    """JSON that is nested too deeply was a mistake of ours in the log; a path with a slash too many led elsewhere."""

    async def post() -> None:
        got, answer = await Called(tmp_path).call(method, path, body)
        assert (got, list(answer)) == (status, ["detail"])

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
        ("127.0.0.1", {"host": "["}, {}, 403),
        ("127.0.0.1", {"host": "localhost#evil.example"}, {}, 403),
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
