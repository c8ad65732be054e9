"""What the status of a page says of devices, interlocks, reactions and the record, and what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inditree.config import Action, Desired, Interlock, Reaction, Record
from server.inloop import run
from web.world import CAMERA, MOUNT, moved, site

RISING = Interlock(name="rising", refuse=("Camera.CCD1.*",), unless='"Mount.COORD.RA" > 6', max_age=60)
CLOSING = Reaction(name="closing", when='"Mount.COORD.RA" > 6', hold=3600, do=(Action(set="Camera.SHUT.NOW=On"),))
OWN = Reaction(name="own", when='"Mount.COORD.RA" > 25', do=(Action(set="Mount.PARK.NOW=On"),))
DESIRED = (Desired(device="Mount", set={"COORD.RA": "7"}), Desired(device="Camera", connect=False, required=True))
SETTINGS: dict[str, Any] = {"interlocks": (RISING,), "reactions": (CLOSING, OWN), "devices": DESIRED}
ASK: dict[str, Any] = {"getStatus": {}}


def test_interlocks_reactions_and_desired_state_with_what_they_wait_for() -> None:
    async def work() -> None:
        async with site(MOUNT, settings=SETTINGS) as it, it.json(ASK) as client:
            (row,) = (await client.take("status"))["interlocks"]
            assert (row["name"], row["holds"], row["unless"]) == ("rising", False, '"Mount.COORD.RA" > 6')
            await it.say(CAMERA, moved(7))
            status = await client.take("status", lambda body: body["interlocks"][0]["holds"])
            closing, own = status["reactions"]
            assert (closing["state"], own["state"]) == ("waiting", "armed")
            assert 3500 < closing["due_seconds"] <= 3600
            mount, camera = sorted(status["devices"], key=lambda each: each["name"], reverse=True)
            assert (mount["ready"], mount["reason"]) == (False, "CONNECTION is not defined yet")
            assert camera["ready"] is True

    run(work())


def test_a_listener_shows_what_names_its_own_devices_only(tmp_path: Path) -> None:
    async def work() -> None:
        settings = SETTINGS | {"record": Record(dir=str(tmp_path))}
        required = Desired(device="Dome", connect=False, required=True)
        settings["devices"] = (*DESIRED, required)
        async with site(MOUNT, CAMERA, settings=settings, devices=("Mount",)) as it, it.json(ASK) as client:
            status = await client.take("status")
            assert [row["name"] for row in status["reactions"]] == ["own"]
            assert status["interlocks"] == []
            assert status["not_ready"] == {}
            assert [row["name"] for row in status["devices"]] == ["Mount"]
            assert status["record"]["dir"] == ""
            assert str(tmp_path) not in str(status)
            whole = it.running.server.control.snapshot()
            assert len(whole.interlocks) == 1 and len(whole.reactions) == 2 and whole.not_ready
            assert whole.record is not None and whole.record.dir == str(tmp_path)

    run(work())


def test_where_nothing_is_recorded_there_is_no_record() -> None:
    async def work() -> None:
        async with site(MOUNT) as it, it.json(ASK) as client:
            assert (await client.take("status"))["record"] is None

    run(work())
