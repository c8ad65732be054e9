"""The whole observatory behind Debian's indiserver, used with its own indi_setprop and indi_getprop."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from drivers.stars import find
from drivers.test_instruments import EXECUTABLES
from inditree_drivers.earth import altitude_azimuth, sidereal_hours, to_j2000
from inditree_drivers.telescope_properties import LATITUDE, LONGITUDE
from ports import free_port
from waiting import DEADLINE, until

USED = ("telescope", "camera", "focuser", "filter_wheel", "dome")


class Server:
    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder

    def tool(self, name: str, *arguments: str) -> str:
        command = [name, "-p", str(self.port), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE)
        return done.stdout

    def set(self, *properties: str) -> None:
        self.tool("indi_setprop", *properties)

    def get(self, name: str) -> str:
        return self.tool("indi_getprop", "-t", "1", "-1", name).strip()

    def until(self, name: str, reached: Callable[[str], bool] | str) -> None:
        """Ask with indi_getprop until the value is this, or one of these."""

        def is_reached() -> bool:
            value = self.get(name)
            return value == reached if isinstance(reached, str) else bool(value) and reached(value)

        until(is_reached, what=name)

    def picture(self, seconds: float) -> "fits.PrimaryHDU":
        """One exposure, by indi_getprop, which asks for the BLOB and writes it to a file."""
        name = "Py Camera.CCD1.CCD1"
        command = ["indi_getprop", "-p", str(self.port), "-t", str(round(DEADLINE)), name]
        path = self.folder / f"{name}.fits"
        path.unlink(missing_ok=True)
        getting = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL)
        try:
            # When it has asked for BLOBs is not to be seen, so: exposures until it has one.
            while getting.poll() is None:
                self.set(f"Py Camera.CCD_EXPOSURE.CCD_EXPOSURE_VALUE={seconds}")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    getting.wait(seconds + 1)
        finally:
            getting.kill()
            getting.wait()
        with fits.open(path, memmap=False) as file:
            return file[0].copy()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert shutil.which("indiserver"), "indiserver is missing: apt-get install indi-bin"
    folder = tmp_path_factory.mktemp("indi")
    programs = []
    for module in USED:
        program = folder / f"inditree-{module}"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m inditree_drivers.{module}\n')
        program.chmod(0o755)
        programs.append(str(program))
    port = free_port()
    # 0 restarts: a driver that ends is not to go unnoticed.
    command = ["indiserver", "-p", str(port), "-r", "0", *programs]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, cwd=folder)
    server = Server(port, folder)
    try:
        for module in USED:
            device = EXECUTABLES[module][0]
            server.until(f"{device}.CONNECTION.CONNECT", "Off")
            server.set(f"{device}.CONNECTION.CONNECT=On")
            server.until(f"{device}.CONNECTION.CONNECT", "On")
        yield server
    finally:
        process.terminate()
        process.wait(DEADLINE)


def point(server: Server, ra: float, dec: float) -> None:
    server.set("Py Telescope.ON_COORD_SET.SYNC=On", f"Py Telescope.EQUATORIAL_EOD_COORD.RA;DEC={ra};{dec}")


def test_a_picture_of_where_the_telescope_looks(server: Server) -> None:
    point(server, 5.6, -5.5)
    server.set("Py Telescope.TELESCOPE_TRACK_STATE.TRACK_ON=On")
    server.until("Py Telescope.TELESCOPE_TRACK_STATE.TRACK_ON", "On")
    hdu = server.picture(1.0)
    ra, dec = to_j2000(5.6, -5.5, time.time())
    assert (hdu.header["CRVAL1"], hdu.header["CRVAL2"]) == pytest.approx((ra, dec), abs=0.01)
    assert hdu.header["FILTER"] == "Luminance"
    found = find(hdu.data, hdu.header)
    assert len(found) >= 2
    # The default focus is far off: a faint star's centre is not to be had more exactly.
    assert np.median([one.miss for one in found]) < 1


def test_the_focuser_makes_it_sharp(server: Server) -> None:
    def peak(position: int) -> float:
        server.set(f"Py Focuser.ABS_FOCUS_POSITION.FOCUS_ABSOLUTE_POSITION={position}")
        server.until("Py Focuser.ABS_FOCUS_POSITION.FOCUS_ABSOLUTE_POSITION", str(position))
        hdu = server.picture(0.5)
        star = min(find(hdu.data, hdu.header), key=lambda one: one.mag)
        return float(hdu.data[round(star.y), round(star.x)] - np.median(hdu.data))

    assert peak(40000) > 2 * peak(50000)


def test_the_filter_wheel_and_the_dome(server: Server) -> None:
    server.set("Py Filter Wheel.FILTER_SLOT.FILTER_SLOT_VALUE=2", "Py Dome.DOME_AUTOSYNC.DOME_AUTOSYNC_ENABLE=On")
    # Six hours west of the meridian and high in the north: the dome has not far to go.
    ra = (sidereal_hours(time.time(), LONGITUDE) - 6) % 24
    point(server, ra, 80)
    azimuth = altitude_azimuth(6, 80, LATITUDE)[1]
    server.until("Py Dome.ABS_DOME_POSITION.DOME_ABSOLUTE_POSITION", lambda value: abs(float(value) - azimuth) < 1)
    server.until("Py Filter Wheel.FILTER_SLOT.FILTER_SLOT_VALUE", "2")
    assert server.picture(0.1).header["FILTER"] == "Red"
