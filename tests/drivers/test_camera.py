"""The camera as a child process: exposures, and stars where the telescope looks."""

import zlib
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from drivers.programs import Program, image, is_, members, new, number, told
from drivers.stars import centroid, find, of_date
from inditree_drivers.cooler import Cooler
from inditree_drivers.sky import bright_stars

DEVICE = "Py Camera"
TELESCOPE = "Py Telescope"


def expose(program: Program, seconds: float) -> None:
    program.send(new(DEVICE, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=seconds))


def point(program: Program, ra: float, dec: float) -> None:
    """To J2000 degrees; the telescope speaks of the equinox of date."""
    hours, degrees = of_date(ra, dec)
    program.send(told(TELESCOPE, "EQUATORIAL_EOD_COORD", RA=hours, DEC=degrees))


@pytest.mark.parametrize("one_socket", [False, True], ids=["pipes", "one socket"])
def test_images_one_after_the_other(one_socket: bool) -> None:
    with Program("camera", one_socket=one_socket) as program:
        program.connect(DEVICE)
        for _ in range(3):
            expose(program, 0.1)
            program.wait(is_("setNumberVector", "CCD_EXPOSURE", "Busy"))
            hdu = image(program.wait(is_("setBLOBVector", "CCD1", "Ok")))
            assert hdu.data.shape == (1024, 1280)
            assert (hdu.header["EXPTIME"], hdu.header["FRAME"], hdu.header["INSTRUME"]) == (0.1, "Light", DEVICE)
            left = program.wait(is_("setNumberVector", "CCD_EXPOSURE", "Ok"))
            assert number(left, "CCD_EXPOSURE_VALUE") == 0


# Beside a bright star that has a name, so that the place is right on the real sky too.
POINTINGS = [("Alnilam", -0.12, 0.08), ("Vega", 0.1, -0.05), ("Acrux", 0.1, 0.1)]


def test_the_stars_are_where_the_catalogue_has_them() -> None:
    named = {star.name: star for star in bright_stars()}
    with Program("camera") as program:
        program.connect(DEVICE)
        for name, east, north in POINTINGS:
            star = named[name]
            point(program, star.ra + east, star.dec + north)
            expose(program, 0.5)
            hdu = image(program.wait(is_("setBLOBVector", "CCD1")))
            assert hdu.header["CRVAL1"] == pytest.approx(star.ra + east, abs=1e-4)
            found = find(hdu.data, hdu.header)
            assert len(found) >= 2
            assert max(one.miss for one in found) < 1
            x, y = (float(axis) for axis in WCS(hdu.header).all_world2pix(star.ra, star.dec, 0))
            bright = centroid(hdu.data, x, y, 12)
            assert bright[:2] == pytest.approx((x, y), abs=1)


def test_focus_and_filter_are_those_of_focuser_and_wheel() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        point(program, 83.6, -5.4)
        peaks = []
        program.send(told("Py Filter Wheel", "FILTER_NAME", FILTER_SLOT_NAME_1="Clear", FILTER_SLOT_NAME_5="OIII"))
        for fwhm, slot, name in ((6.0, 1, "Clear"), (3.0, 1, "Clear"), (3.0, 5, "OIII")):
            program.send(told("Py Focuser", "FWHM", SIM_FWHM=fwhm))
            program.send(told("Py Filter Wheel", "FILTER_SLOT", FILTER_SLOT_VALUE=slot))
            expose(program, 0.3)
            hdu = image(program.wait(is_("setBLOBVector", "CCD1")))
            assert hdu.header["FILTER"] == name
            star = min(find(hdu.data, hdu.header, 6), key=lambda one: one.mag)
            peaks.append(float(hdu.data[round(star.y), round(star.x)]) - float(np.median(hdu.data)))
        assert peaks[1] > 2 * peaks[0]
        assert peaks[2] < peaks[1] / 4


def test_frame_binning_and_type() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        program.send(new(DEVICE, "CCD_FRAME", X=100, Y=50, WIDTH=201, HEIGHT=300))
        program.send(new(DEVICE, "CCD_BINNING", HOR_BIN=2, VER_BIN=2))
        program.send(new(DEVICE, "CCD_FRAME_TYPE", FRAME_DARK="On"))
        program.send(new(DEVICE, "FITS_HEADER", FITS_OBSERVER="A. Person", FITS_OBJECT="Nothing"))
        expose(program, 0.05)
        hdu = image(program.wait(is_("setBLOBVector", "CCD1")))
        assert hdu.data.shape == (150, 100)
        header = hdu.header
        assert (header["XBINNING"], header["FRAME"], header["OBSERVER"]) == (2, "Dark", "A. Person")
        program.send(new(DEVICE, "CCD_FRAME_RESET", RESET="On"))
        frame = program.wait(is_("setNumberVector", "CCD_FRAME", "Ok"))
        assert (number(frame, "X"), number(frame, "WIDTH")) == (0, 1280)


def test_another_sensor() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        program.send(new(DEVICE, "SIMULATOR_SETTINGS", SIM_XRES=320, SIM_YRES=200, SIM_XSIZE=10))
        assert number(program.wait(is_("setNumberVector", "CCD_INFO")), "CCD_MAX_X") == 320
        defined = program.wait(is_("defNumberVector", "CCD_FRAME"))
        assert {one.get("name"): one.get("max") for one in defined}["WIDTH"] == "320"
        expose(program, 0)
        hdu = image(program.wait(is_("setBLOBVector", "CCD1")))
        assert hdu.data.shape == (200, 320)
        assert hdu.header["PIXSIZE1"] == 10


def test_an_abort_ends_it_and_a_new_exposure_takes_its_place() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        expose(program, 600)
        program.wait(is_("setNumberVector", "CCD_EXPOSURE", "Busy"))
        program.send(new(DEVICE, "CCD_ABORT_EXPOSURE", ABORT="On"))
        program.wait(is_("setNumberVector", "CCD_EXPOSURE", "Idle"))
        expose(program, 600)
        expose(program, 0.2)
        assert image(program.wait(is_("setBLOBVector", "CCD1"))).header["EXPTIME"] == 0.2


def test_compressed_images() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        program.send(new(DEVICE, "CCD_COMPRESSION", INDI_ENABLED="On"))
        expose(program, 0)
        one = program.wait(is_("setBLOBVector", "CCD1")).find("oneBLOB")
        file = zlib.decompress(b64decode(one.text))
        assert (one.get("format"), int(one.get("size"))) == (".fits.z", len(file))
        with fits.open(BytesIO(file)) as hdus:
            assert hdus[0].data.shape == (1024, 1280)


def test_a_target_switches_the_cooler_on() -> None:
    with Program("camera") as program:
        program.connect(DEVICE)
        program.send(new(DEVICE, "CCD_TEMPERATURE", CCD_TEMPERATURE_VALUE=14.5))
        assert members(program.wait(is_("setSwitchVector", "CCD_COOLER")))["COOLER_ON"] == "On"
        program.wait(is_("setNumberVector", "CCD_TEMPERATURE", "Busy"))
        assert number(program.wait(is_("setNumberVector", "CCD_TEMPERATURE", "Ok")), "CCD_TEMPERATURE_VALUE") == 14.5
        program.send(new(DEVICE, "CCD_COOLER", COOLER_OFF="On"))
        program.wait(is_("setNumberVector", "CCD_TEMPERATURE", "Idle"))


def test_the_cooler_has_a_limit() -> None:
    cooler = Cooler(target=-50, on=True)
    while cooler.advance(5):
        assert not cooler.temperature < -30
    assert cooler.temperature == -30 and cooler.settled
    cooler.on = False
    while cooler.advance(5):
        assert cooler.temperature <= 15
    assert cooler.temperature == 15
