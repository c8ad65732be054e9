"""PUT of a property at HTTP, with a control that only says what it was asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inditree.commands import Outcome
from inditree.ops import commanding
from inditree.ops.commanding import read
from inditree.ops.control import ControlError
from ops.fake import FakeControl
from ops.test_http import served
from waiting import becomes

COOLER = "/api/v1/devices/CCD/properties/CCD_COOLER"
ON = {"members": {"ON": True}}


def test_values_of_json() -> None:
    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            members = {"A": 5, "B": 5.25, "C": "-5:23:28", "D": False, "E": 1e22}
            assert (await call("PUT", COOLER, {"members": members}))[0] == 202
        values = {"A": "5", "B": "5.25", "C": "-5:23:28", "D": "Off", "E": "1e+22"}
        assert control.commanded == [("CCD", "CCD_COOLER", values)]

    asyncio.run(run())


def test_at_the_port_it_takes_the_token_and_a_device_that_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret")

    async def run() -> None:
        control = FakeControl()
        async with served(control, token_file=str(file), devices=("Mount",)) as (call, _):
            assert (await call("PUT", COOLER, ON))[0] == 401
            status, body, _ = await call("PUT", COOLER, ON, Authorization="Bearer secret")
            assert (status, body) == (404, {"error": "there is no property CCD.CCD_COOLER"})
            mount = "/api/v1/devices/Mount/properties/EQUATORIAL_EOD_COORD"
            assert (await call("PUT", mount, {"members": {"RA": 1}}, Authorization="Bearer secret"))[0] == 202
        assert [each[0] for each in control.commanded] == ["Mount"]

    asyncio.run(run())


def test_two_who_wait_with_one_key_get_one_answer() -> None:
    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            first = asyncio.gather(*(call("PUT", COOLER + "?wait=9s", ON, Idempotency_Key="k") for _ in range(2)))
            await becomes(lambda: control.commanded, "it is sent")
            control.ended.set_result(Outcome("alert", "Alert", 0.5, ("too warm",)))
            (one, body, _), (two, other, _) = await first
            assert (one, two, body, len(control.commanded)) == (409, 409, other, 1)
            assert (body["result"], body["seconds"], body["messages"]) == ("alert", 0.5, ["too warm"])

    asyncio.run(run())


@pytest.mark.parametrize("how", ["time", "number"])
def test_keys_are_forgotten(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanding, *(("KEY_KEPT", -1.0) if how == "time" else ("KEYS_LIMIT", 1)))

    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            for key in ("a", "b", "a"):
                assert (await call("PUT", COOLER, ON, Idempotency_Key=key))[0] == 202
        assert len(control.commanded) == 3

    asyncio.run(run())


def test_a_router_that_stops_says_so() -> None:
    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            waiting = asyncio.gather(call("PUT", COOLER + "?wait=9s", ON))
            await becomes(lambda: control.commanded, "it is sent")
            control.ended.cancel()
            assert (await waiting)[0][:2] == (409, {"error": "the router is stopping"})

    asyncio.run(run())


def test_a_key_has_a_length() -> None:
    """It is remembered for ten minutes."""
    for key in ("k", "k" * 255):
        assert read("D", "P", {"members": {"a": 1}}, None, key).key == key
    for key in ("", "k" * 256):
        with pytest.raises(ControlError, match="1 to 255 characters"):
            read("D", "P", {"members": {"a": 1}}, None, key)
