"""Interlocks of a running router: from its first moment on, by a reload, and as the API tells them."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from inditree.config import Driver, Interlock
from server.inloop import caller, config, listen, run, running
from waiting import becomes

ROOF = Interlock(name="roof", refuse=("Dome.DOME_SHUTTER.SHUTTER_OPEN=On",), unless='"Weather.RAIN.V" == 0')
MEMBER = b"<oneSwitch name='SHUTTER_OPEN'>On</oneSwitch>"
OPEN = b"<newSwitchVector device='Dome' name='DOME_SHUTTER'>%s</newSwitchVector>" % MEMBER
SHUTTER = (
    "<defSwitchVector device='Dome' name='DOME_SHUTTER' state='Ok' perm='rw' rule='OneOfMany'>"
    "<defSwitch name='SHUTTER_OPEN'>Off</defSwitch><defSwitch name='SHUTTER_CLOSE'>On</defSwitch></defSwitchVector>\n"
)
DRY = (
    "<defNumberVector device='Weather' name='RAIN' state='Ok' perm='ro'>"
    "<defNumber name='V' format='%g' min='0' max='1' step='1'>0</defNumber></defNumberVector>\n"
)
WET = (
    "<setNumberVector device='Weather' name='RAIN' state='Alert'><oneNumber name='V'>1</oneNumber></setNumberVector>\n"
)


def test_a_running_router_refuses_and_a_reload_changes_what(tmp_path: Path) -> None:
    async def work() -> None:
        shutter, sky, heard = tmp_path / "shutter", tmp_path / "sky", tmp_path / "heard"
        shutter.write_text(SHUTTER)
        sky.write_text(DRY)
        drivers = (
            Driver(name="dome", exec=("sh", "-c", 'cat "$0"; cat > "$1"; :', str(shutter), str(heard))),
            Driver(name="weather", exec=("tail", "-n", "+1", "-f", str(sky))),
        )
        entry = listen()
        first = replace(config(entry, drivers=drivers), interlocks=(ROOF,))
        async with running(first) as it, caller(entry.address[1]) as client:
            control = it.server.control

            def opened() -> int:
                return heard.read_text().count("SHUTTER_OPEN") if heard.exists() else 0

            await becomes(lambda: len(control.snapshot().devices) == 2, "both devices are there")
            client.writer.write(OPEN)
            await becomes(lambda: opened() == 1, "it opens while it is dry")
            with sky.open("a") as said:
                said.write(WET)
            await becomes(lambda: control.interlocks()[0].holds is False, "it is wet")
            client.writer.write(b"<getProperties version='1.7' device='Dome'/>" + OPEN)
            said_back = (await client.reader.readuntil(b"</setSwitchVector>")).decode()
            assert "interlock roof" in said_back and 'state="Alert"' in said_back
            (row,) = control.interlocks()
            assert (row.refusals, row.enforced, row.unknown) == (1, "full", ())
            wet = replace(ROOF, unless='"Weather.RAIN.V" < 2')
            assert await it.reload(replace(first, interlocks=(wet,)))
            client.writer.write(OPEN)
            await becomes(lambda: opened() == 2, "the new condition holds")
            assert control.interlocks()[0].refusals == 1
            await control.stop_driver("weather")
            await becomes(lambda: control.interlocks()[0].holds is None, "the weather is gone")
            assert control.interlocks()[0].unknown == ("Weather.RAIN.V",)
            assert await it.reload(replace(first, interlocks=()))
            client.writer.write(OPEN)
            await becomes(lambda: opened() == 3, "nothing refuses")

    run(work())
