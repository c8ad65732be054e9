"""What the status says of a device: connected, Busy or Alert, the last image, the last message."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from inditree.config import Http
from inditree.core import Core
from inditree.ops.model import DeviceRow
from inditree.server.device_rows import device_row
from ops.asking import ask
from ports import free_port
from server.inloop import run
from web.world import CAMERA, MOUNT, Site, image, moved, site

SWITCH = (
    b'<defSwitchVector device="Mount" name="CONNECTION" state="Ok" perm="rw" rule="OneOfMany">'
    b'<defSwitch name="CONNECT">Off</defSwitch><defSwitch name="DISCONNECT">On</defSwitch></defSwitchVector>'
)
CONNECTED = (
    b'<setSwitchVector device="Mount" name="CONNECTION" state="Ok">'
    b'<oneSwitch name="CONNECT">On</oneSwitch><oneSwitch name="DISCONNECT">Off</oneSwitch></setSwitchVector>'
)


def _row(it: Site, name: str) -> dict[str, Any]:
    (row,) = [row for row in it.running.server.control.snapshot().devices if row.name == name]
    return dict(msgspec.to_builtins(row))


def test_nothing_is_known_of_what_said_nothing() -> None:
    async def work() -> None:
        async with site(MOUNT) as it:
            assert set(_row(it, "Mount")) == {"name", "owner"}

    run(work())


def test_connected() -> None:
    async def work() -> None:
        async with site(SWITCH) as it:
            assert _row(it, "Mount")["connected"] is False
            await it.say(CONNECTED)
            assert _row(it, "Mount")["connected"] is True

    run(work())


def test_busy_and_alert_since_when() -> None:
    async def work() -> None:
        async with site(MOUNT) as it:
            before = time.time()
            await it.say(moved(1, state="Busy"))
            first = _row(it, "Mount")
            (state,) = first["states"]
            assert (state["property"], state["state"], first["busy"]) == ("COORD", "Busy", 1)
            assert "alert" not in first
            assert before - 0.01 <= state["since"] <= time.time() + 0.01
            await it.say(moved(2, state="Busy"), moved(3, state="Busy"))
            assert abs(_row(it, "Mount")["states"][0]["since"] - state["since"]) < 0.01
            await it.say(MOUNT.replace(b'"COORD"', b'"OTHER"').replace(b'"Ok"', b'"Alert"'))
            row = _row(it, "Mount")
            assert [each["property"] for each in row["states"]] == ["OTHER", "COORD"]
            assert (row["busy"], row["alert"]) == (1, 1)
            await it.say(moved(4))
            row = _row(it, "Mount")
            assert "busy" not in row and row["alert"] == 1

    run(work())


def test_at_most_eight_are_named() -> None:
    async def work() -> None:
        red = MOUNT.replace(b'"Ok"', b'"Alert"')
        async with site(*(red.replace(b'"COORD"', b'"P%d"' % number) for number in range(12))) as it:
            row = _row(it, "Mount")
            assert row["alert"] == 12
            assert len({each["property"] for each in row["states"]}) == 8

    run(work())


def test_the_last_image() -> None:
    async def work() -> None:
        async with site(CAMERA) as it:
            assert _row(it, "Camera").get("image") is None
            before = time.time()
            await it.say(image(b"x" * 3000), image(b"y" * 5000))
            last = _row(it, "Camera")["image"]
            assert (last["size"], last["number"]) == (5000, 2)
            assert before - 0.01 <= last["at"] <= time.time() + 0.01

    run(work())


def test_the_last_message() -> None:
    async def work() -> None:
        async with site(MOUNT) as it:
            await it.say(b'<message device="Mount" message="a &amp; b"/>')
            assert _row(it, "Mount")["message"]["text"] == "a & b"
            await it.say(moved(1).replace(b'state="Ok"', b'state="Busy" message="slewing"'))
            assert _row(it, "Mount")["message"]["text"] == "slewing"
            await it.say(b'<message message="of nobody"/>', moved(2))
            assert _row(it, "Mount")["message"]["text"] == "slewing"
            await it.say(b'<message device="Mount" message="%s"/>' % (b"x" * 9000))
            assert _row(it, "Mount")["message"]["text"] == "x" * 256

    run(work())


def test_the_time_of_the_last_message_is_told_while_the_device_is_there() -> None:
    """Alert IndiDeviceGone fires when the series ends."""

    async def work() -> None:
        async with site(MOUNT, CAMERA) as it:

            def told() -> set[str]:
                devices = it.running.server.control.sample().counters.devices
                return {name for name, row in devices.items() if row.last_message}

            assert told() == {"Mount", "Camera"}
            await it.say(b'<delProperty device="Mount"/>')
            assert told() == {"Camera"}
            await it.say(MOUNT)
            assert told() == {"Mount", "Camera"}

    run(work())


def test_a_page_is_told_the_same() -> None:
    async def work() -> None:
        async with site(SWITCH) as it, it.json({"getStatus": {}}) as page:
            (row,) = (await page.take("status"))["devices"]
            told = _row(it, "Mount")
            assert row == told and row["connected"] is False

    run(work())


def test_who_asks_for_health_or_metrics_costs_no_rows_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside 8 000 devices each of these held the loop for 40 ms, /readyz every few seconds."""
    made: list[str] = []

    def counted(core: Core, name: str, *more: Any) -> DeviceRow:
        made.append(name)
        return device_row(core, name, *more)

    monkeypatch.setattr("inditree.server.report.device_row", counted)

    async def work() -> None:
        port = free_port()
        async with site(MOUNT, CAMERA, settings={"http": Http(listen=f"127.0.0.1:{port}", devices=("M*",))}):

            async def get(path: str) -> tuple[int, Any]:
                made.clear()
                status, body, _ = await asyncio.to_thread(ask, port, "GET", path)
                return status, body

            for path in ("/livez", "/readyz", "/metrics", "/api/v1/drivers", "/api/v1/remotes", "/api/v1/openapi.json"):
                status, body = await get(path)
                assert (status, made) == (200, []), path
                if path == "/metrics":
                    assert b"\nindi_devices 2.0\n" in body
                    assert b'indi_device_last_message_timestamp_seconds{device="Mount"} 1' in body
            for path in ("/api/v1/devices", "/api/v1/status"):
                status, body = await get(path)
                rows = body if path.endswith("devices") else body["devices"]
                assert (status, made, [row["name"] for row in rows]) == (200, ["Mount"], ["Mount"])

    run(work())
