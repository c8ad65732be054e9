"""All instruments in one process: a hub passes on between them what a server would."""

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from indipydriver import IPyDriver

from drivers.programs import image, is_, members, new, number
from drivers.stars import centroid, of_date
from inditree_drivers.simulators import observatory
from inditree_drivers.sky import bright_stars
from waiting import DEADLINE


class Line:
    """The commsobj of one driver."""

    def __init__(self, hub: "Hub", driver: Any) -> None:
        self.hub, self.driver = hub, driver
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()

    async def run_rx(self) -> None:
        while not self.driver.stop:
            element = await self.inbox.get()
            if element is not None:
                await self.driver._readdata(element)

    async def run_tx(self, element: Any) -> None:
        self.hub.sent(self, element)

    def shutdown(self) -> None:
        self.inbox.put_nowait(None)


class Hub:
    """A driver's getProperties goes to the others, and so does all that they publish; it picks what it follows."""

    def __init__(self, drivers: list[Any]) -> None:
        self.lines = [Line(self, driver) for driver in drivers]
        for line in self.lines:
            line.driver._commsobj = line
        self.published: asyncio.Queue[Any] = asyncio.Queue()

    def sent(self, source: Line, element: Any) -> None:
        for line in self.lines:
            if line is not source:
                line.inbox.put_nowait(element)
        if element.tag != "getProperties":
            self.published.put_nowait(element)

    def send(self, text: str) -> None:
        for line in self.lines:
            line.inbox.put_nowait(ET.fromstring(text))

    async def wait(self, test: Callable[[Any], bool], device: str) -> Any:
        async with asyncio.timeout(DEADLINE):
            while True:
                element = await self.published.get()
                if element.get("device") == device and test(element):
                    return element


def run(play: Callable[[Hub], Any], prefix: str = "Py ") -> None:
    async def main() -> None:
        hub = Hub(observatory(prefix))
        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(line.driver.asyncrun()) for line in hub.lines]
            for line in hub.lines:
                hub.send(new(line.driver.name, "CONNECTION", CONNECT="On"))
            await play(hub)
            for running in runs:
                running.cancel()

    asyncio.run(main())


def test_they_are_ipydrivers_with_names_of_their_own() -> None:
    drivers = observatory("North ") + observatory("South ")
    assert all(isinstance(driver, IPyDriver) for driver in drivers)
    names = [name for driver in drivers for name in driver]
    assert len(names) == len(set(names)) == 18
    assert "North Camera" in names


@pytest.mark.parametrize("prefix", ["Py ", "North "])
def test_a_focus_sweep_has_its_minimum_where_the_focuser_says(prefix: str) -> None:
    """The telescope's place, the focuser's blur and the wheel's filter all reach the camera."""
    telescope, camera, focuser = (prefix + name for name in ("Telescope", "Camera", "Focuser"))
    star = next(one for one in bright_stars() if one.name == "Errai")
    positions = [44000, 42000, 40000, 38000, 36000]

    async def play(hub: Hub) -> None:
        best = await hub.wait(is_("defNumberVector", "SIM_FOCUSING"), focuser)
        hub.send(new(telescope, "ON_COORD_SET", SYNC="On"))
        ra, dec = of_date(star.ra, star.dec)
        hub.send(new(telescope, "EQUATORIAL_EOD_COORD", RA=ra, DEC=dec))
        hub.send(new(telescope, "TELESCOPE_TRACK_STATE", TRACK_ON="On"))
        hub.send(new(camera, "SIMULATOR_SETTINGS", SIM_XRES=128, SIM_YRES=128))
        hub.send(new(focuser, "FOCUS_SPEED", FOCUS_SPEED_VALUE=5))
        widths = []
        for position in positions:
            hub.send(new(focuser, "ABS_FOCUS_POSITION", FOCUS_ABSOLUTE_POSITION=position))
            await hub.wait(is_("setNumberVector", "ABS_FOCUS_POSITION", "Ok"), focuser)
            hub.send(new(camera, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=0.04))
            hdu = image(await hub.wait(is_("setBLOBVector", "CCD1"), camera))
            assert hdu.header["FILTER"] == "Luminance"
            widths.append(centroid(hdu.data, 63.5, 63.5, 12)[2])
        assert positions[widths.index(min(widths))] == number(best, "SIM_FOCUS_POSITION")
        assert widths == sorted(widths[:3], reverse=True) + sorted(widths[3:])

    run(play, prefix)


def test_the_focuser_hears_the_weather() -> None:
    async def play(hub: Hub) -> None:
        await hub.wait(is_("setNumberVector", "FOCUS_TEMPERATURE"), "Py Focuser")
        hub.send(new("Py Weather", "WEATHER_CONTROL", Temperature=-5))
        cold = await hub.wait(is_("setNumberVector", "FOCUS_TEMPERATURE"), "Py Focuser")
        while number(cold, "TEMPERATURE") != -5:
            cold = await hub.wait(is_("setNumberVector", "FOCUS_TEMPERATURE"), "Py Focuser")

    run(play)


def test_bad_weather_closes_the_dome() -> None:
    async def play(hub: Hub) -> None:
        await hub.wait(is_("setSwitchVector", "DOME_SHUTTER"), "Py Dome")
        hub.send(new("Py Dome", "DOME_SHUTTER", SHUTTER_OPEN="On"))
        await hub.wait(is_("setSwitchVector", "DOME_SHUTTER", "Busy"), "Py Dome")
        hub.send(new("Py Weather", "WEATHER_CONTROL", Precip=3))
        closing = await hub.wait(is_("setSwitchVector", "DOME_SHUTTER", "Busy"), "Py Dome")
        assert members(closing)["SHUTTER_CLOSE"] == "On"

    run(play)
