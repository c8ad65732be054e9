"""Each instrument as a real child process: it defines, connects, does its work, and ends with its server."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from drivers.programs import Program, image, is_, members, new, number, told

EXECUTABLES = {
    "telescope": ("Py Telescope", 5, {"EQUATORIAL_EOD_COORD", "TELESCOPE_PARK", "TELESCOPE_SLEW_RATE", "TIME_UTC"}),
    "camera": ("Py Camera", 2, {"CCD_EXPOSURE", "CCD_FRAME", "CCD1", "CCD_TEMPERATURE", "CCD_GAIN", "CCD_INFO"}),
    "guide_camera": ("Py Guide Camera", 2, {"CCD_EXPOSURE", "CCD_BINNING", "CCD1"}),
    "focuser": ("Py Focuser", 8, {"ABS_FOCUS_POSITION", "REL_FOCUS_POSITION", "FOCUS_MOTION", "FWHM"}),
    "filter_wheel": ("Py Filter Wheel", 16, {"FILTER_SLOT", "FILTER_NAME"}),
    "rotator": (
        "Py Rotator",
        4096,
        {"ABS_ROTATOR_ANGLE", "SYNC_ROTATOR_ANGLE", "ROTATOR_ABORT_MOTION", "ROTATOR_REVERSE"},
    ),
    "dome": ("Py Dome", 32, {"ABS_DOME_POSITION", "DOME_SHUTTER", "DOME_PARK", "DOME_AUTOSYNC"}),
    "weather": ("Py Weather", 128, {"WEATHER_STATUS", "WEATHER_PARAMETERS"}),
    "gps": ("Py GPS", 64, {"GEOGRAPHIC_COORD", "TIME_UTC", "GPS_REFRESH"}),
}


@pytest.mark.parametrize("module", EXECUTABLES)
def test_it_defines_connects_and_ends_with_its_server(module: str) -> None:
    device, interface, expected = EXECUTABLES[module]
    with Program(module) as program:
        info = program.wait(is_("defTextVector", "DRIVER_INFO"))
        assert members(info)["DRIVER_INTERFACE"] == str(interface)
        defined = program.connect(device)
        assert expected <= defined.keys()
        assert {element.get("device") for element in defined.values()} == {device}
        program.send(new(device, "CONNECTION", DISCONNECT="On"))
        gone = {program.wait(is_("delProperty")).get("name") for _ in defined.keys() - {"CONNECTION", "DRIVER_INFO"}}
        assert gone == defined.keys() - {"CONNECTION", "DRIVER_INFO"}
        assert program.end() == (0, "")


def test_the_name_is_the_servers_to_choose() -> None:
    with Program("focuser", device="My Focuser") as program:
        assert "ABS_FOCUS_POSITION" in program.connect("My Focuser")


def test_all_have_a_command_and_start_without_astropy() -> None:
    scripts = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"]
    for module in EXECUTABLES:
        assert scripts["inditree-" + module.replace("_", "-")] == f"inditree_drivers.{module}:main"
    code = "import sys, inditree_drivers.simulators; print('astropy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_fault_ends_the_program_and_says_why() -> None:
    code = """
from inditree_drivers.focuser import Focuser, NAME
from inditree_drivers import run
class Bad(Focuser):
    async def tick(self, seconds): raise RuntimeError("out of order")
run.main(Bad, NAME)
"""
    with Program("", code=code) as program:
        program.send(new("Py Focuser", "CONNECTION", CONNECT="On"))
        assert program.process.wait(10) != 0
        assert "out of order" in program.end()[1]


@pytest.mark.parametrize(
    "request_",
    [
        new("Py Camera", "CCD_GAIN", GAIN="high").replace("Text", "Number"),
        new("Py Camera", "CCD_GAIN", GAIN=1e9),
        new("Py Camera", "CCD_FRAME", X=1000, WIDTH=1000),
        new("Py Camera", "CCD_INFO", CCD_MAX_X=7),
        new("Py Camera", "UPLOAD_MODE", UPLOAD_LOCAL="On"),
        new("Py Camera", "CCD_FRAME_TYPE", FRAME_BIAS="On", FRAME_DARK="On"),
    ],
)
def test_what_cannot_be_done_is_refused_and_no_harm_done(request_: str) -> None:
    with Program("camera") as program:
        program.connect("Py Camera")
        program.send(request_)
        assert program.wait(is_("set", state="Alert")).get("message")
        program.send(new("Py Camera", "CCD_GAIN", GAIN=60))
        assert number(program.wait(is_("setNumberVector", "CCD_GAIN", "Ok")), "GAIN") == 60


# telescope


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59", "0001-01-01T00:00:00", "yesterday"])
def test_a_time_that_no_clock_shows_is_refused(when: str) -> None:
    device = "Py Telescope"
    with Program("telescope") as program:
        program.connect(device)
        program.send(new(device, "TIME_UTC", UTC=when, OFFSET="0"))
        assert "TIME_UTC" in program.wait(is_("setTextVector", "TIME_UTC", "Alert")).get("message")
        program.send(new(device, "CONNECTION", DISCONNECT="On"))
        program.wait(is_("delProperty", "TIME_UTC"))
        program.send(new(device, "CONNECTION", CONNECT="On"))
        program.wait(is_("setTextVector", "TIME_UTC"))


def test_the_telescope_goes_there_tracks_and_parks() -> None:
    device = "Py Telescope"
    with Program("telescope") as program:
        at = program.connect(device)["EQUATORIAL_EOD_COORD"]
        ra = (number(at, "RA") + 0.2) % 24
        program.send(new(device, "EQUATORIAL_EOD_COORD", RA=ra, DEC=86))
        program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Busy"))
        assert members(program.wait(is_("setSwitchVector", "TELESCOPE_TRACK_STATE")))["TRACK_ON"] == "On"
        there = program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Ok"))
        assert (number(there, "RA"), number(there, "DEC")) == pytest.approx((ra, 86))
        program.send(new(device, "TELESCOPE_TIMED_GUIDE_NS", TIMED_GUIDE_N=200))
        program.wait(is_("setNumberVector", "TELESCOPE_TIMED_GUIDE_NS", "Busy"))
        program.wait(is_("setNumberVector", "TELESCOPE_TIMED_GUIDE_NS", "Idle"))
        program.send(new(device, "TELESCOPE_PARK", PARK="On"))
        program.wait(is_("setSwitchVector", "TELESCOPE_PARK", "Ok"))
        program.send(new(device, "EQUATORIAL_EOD_COORD", RA=1, DEC=1))
        assert "parked" in program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Alert")).get("message")


def test_a_sync_and_an_abort() -> None:
    device = "Py Telescope"
    with Program("telescope") as program:
        program.connect(device)
        program.send(new(device, "ON_COORD_SET", SYNC="On"), new(device, "EQUATORIAL_EOD_COORD", RA=3, DEC=-10))
        synced = program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Ok"))
        assert (number(synced, "RA"), number(synced, "DEC")) == (3, -10)
        program.send(new(device, "ON_COORD_SET", TRACK="On"), new(device, "EQUATORIAL_EOD_COORD", RA=15, DEC=-10))
        program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Busy"))
        program.send(new(device, "TELESCOPE_ABORT_MOTION", ABORT="On"))
        program.wait(is_("setSwitchVector", "TELESCOPE_ABORT_MOTION", "Ok"))
        stopped = program.wait(is_("setNumberVector", "EQUATORIAL_EOD_COORD", "Idle"))
        assert abs(number(stopped, "RA") - 15) > 1


def test_the_telescope_takes_its_place_from_the_gps() -> None:
    with Program("telescope") as program:
        program.connect("Py Telescope")
        program.send(told("Py GPS", "GEOGRAPHIC_COORD", LAT=-30, LONG=289, ELEV=2400))
        assert number(program.wait(is_("setNumberVector", "GEOGRAPHIC_COORD", "Ok")), "LONG") == 289


# what is beside it


def test_the_focuser_moves_and_says_how_sharp_it_is() -> None:
    device = "Py Focuser"
    with Program("focuser") as program:
        program.connect(device)
        program.send(new(device, "ABS_FOCUS_POSITION", FOCUS_ABSOLUTE_POSITION=48000))
        program.wait(is_("setNumberVector", "ABS_FOCUS_POSITION", "Busy"))
        arrived = program.wait(is_("setNumberVector", "ABS_FOCUS_POSITION", "Ok"))
        assert number(arrived, "FOCUS_ABSOLUTE_POSITION") == 48000
        program.send(new(device, "SIM_FOCUSING", SIM_FOCUS_POSITION=47000))
        assert number(program.wait(is_("setNumberVector", "FWHM")), "SIM_FWHM") == pytest.approx(2.55, abs=0.01)
        program.send(new(device, "REL_FOCUS_POSITION", FOCUS_RELATIVE_POSITION=1000))
        arrived = program.wait(is_("setNumberVector", "ABS_FOCUS_POSITION", "Ok"))
        assert number(arrived, "FOCUS_ABSOLUTE_POSITION") == 47000
        program.send(new(device, "FOCUS_SYNC", FOCUS_SYNC_VALUE=500))
        assert number(program.wait(is_("setNumberVector", "FWHM")), "SIM_FWHM") == 2.5
        program.send(new(device, "REL_FOCUS_POSITION", FOCUS_RELATIVE_POSITION=1000))
        assert "outside" in program.wait(is_("setNumberVector", "REL_FOCUS_POSITION", "Alert")).get("message")


def test_the_filter_wheel_turns() -> None:
    device = "Py Filter Wheel"
    with Program("filter_wheel") as program:
        names = members(program.connect(device)["FILTER_NAME"])
        assert names["FILTER_SLOT_NAME_2"] == "Red"
        program.send(new(device, "FILTER_SLOT", FILTER_SLOT_VALUE=8))
        assert number(program.wait(is_("setNumberVector", "FILTER_SLOT", "Busy")), "FILTER_SLOT_VALUE") == 1
        assert number(program.wait(is_("setNumberVector", "FILTER_SLOT", "Ok")), "FILTER_SLOT_VALUE") == 8


def test_the_rotator_turns_the_shorter_way_and_stops_when_told() -> None:
    device = "Py Rotator"
    with Program("rotator") as program:
        program.connect(device)
        program.send(new(device, "ABS_ROTATOR_ANGLE", ANGLE=355))
        first = program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Busy"))
        assert number(first, "ANGLE") == 0
        assert number(program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Ok")), "ANGLE") == 355
        program.send(new(device, "ROTATOR_REVERSE", INDI_ENABLED="On"))
        assert number(program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Ok")), "ANGLE") == 5
        program.send(new(device, "SYNC_ROTATOR_ANGLE", ANGLE=90))
        assert number(program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Ok")), "ANGLE") == 90
        program.send(new(device, "ABS_ROTATOR_ANGLE", ANGLE=92))
        assert number(program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Ok")), "ANGLE") == 92
        program.send(new(device, "ABS_ROTATOR_ANGLE", ANGLE=200))
        program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Busy"))
        program.send(new(device, "ROTATOR_ABORT_MOTION", ABORT="On"))
        assert 92 <= number(program.wait(is_("setNumberVector", "ABS_ROTATOR_ANGLE", "Idle")), "ANGLE") < 200


def test_the_dome_follows_the_telescope_and_closes_in_bad_weather() -> None:
    device = "Py Dome"
    with Program("dome") as program:
        program.connect(device)
        program.send(told("Py Telescope", "GEOGRAPHIC_COORD", LAT=90, LONG=0, ELEV=0))
        program.send(told("Py Telescope", "EQUATORIAL_EOD_COORD", RA=0, DEC=0))
        program.send(new(device, "DOME_PARAMS", AUTOSYNC_THRESHOLD=5))
        program.send(new(device, "DOME_SHUTTER", SHUTTER_OPEN="On"))
        program.wait(is_("setSwitchVector", "DOME_SHUTTER", "Ok"))
        program.send(new(device, "ABS_DOME_POSITION", DOME_ABSOLUTE_POSITION=10))
        there = program.wait(is_("setNumberVector", "ABS_DOME_POSITION", "Ok"))
        assert number(there, "DOME_ABSOLUTE_POSITION") == 10
        program.send(new(device, "DOME_AUTOSYNC", DOME_AUTOSYNC_ENABLE="On"))
        # At some hour of the day the telescope looks where the dome is: then it moves with the second place at last.
        program.send(told("Py Telescope", "EQUATORIAL_EOD_COORD", RA=12, DEC=0))
        program.wait(is_("setNumberVector", "ABS_DOME_POSITION", "Busy"))
        status = '<setLightVector device="Py Weather" name="WEATHER_STATUS" state="Alert">'
        program.send(status, '<oneLight name="WEATHER_WIND_SPEED">Alert</oneLight></setLightVector>')
        closing = program.wait(is_("setSwitchVector", "DOME_SHUTTER", "Busy"))
        assert members(closing)["SHUTTER_CLOSE"] == "On" and "weather" in closing.get("message")
        program.send(new(device, "DOME_SHUTTER", SHUTTER_OPEN="On"))
        program.wait(is_("setSwitchVector", "DOME_SHUTTER", "Alert"))


def test_the_dome_parks() -> None:
    device = "Py Dome"
    with Program("dome") as program:
        program.connect(device)
        program.send(new(device, "DOME_PARK_POSITION", PARK_AZ=355), new(device, "DOME_PARK", PARK="On"))
        program.wait(is_("setSwitchVector", "DOME_PARK", "Busy"))
        assert members(program.wait(is_("setSwitchVector", "DOME_PARK", "Ok")))["PARK"] == "On"
        program.send(new(device, "ABS_DOME_POSITION", DOME_ABSOLUTE_POSITION=10))
        program.wait(is_("setNumberVector", "ABS_DOME_POSITION", "Alert"))


def test_the_weather_is_judged() -> None:
    device = "Py Weather"
    with Program("weather") as program:
        program.connect(device)
        for wind, light in ((5, "Ok"), (18, "Busy"), (25, "Alert")):
            program.send(new(device, "WEATHER_CONTROL", Wind=wind))
            status = program.wait(is_("setLightVector", "WEATHER_STATUS", light))
            assert members(status)["WEATHER_WIND_SPEED"] == light
        program.send(new(device, "WEATHER_OVERRIDE", OVERRIDE="On"))
        program.wait(is_("setLightVector", "WEATHER_STATUS", "Ok"))


def test_the_gps_says_its_place_again() -> None:
    device = "Py GPS"
    with Program("gps") as program:
        program.connect(device)
        program.send(new(device, "GPS_REFRESH", REFRESH="On"))
        assert number(program.wait(is_("setNumberVector", "GEOGRAPHIC_COORD", "Ok")), "LAT") == 47


def test_the_guide_camera_looks_through_the_guide_scope() -> None:
    device = "Py Guide Camera"
    with Program("guide_camera") as program:
        program.connect(device)
        program.send(told("Py Telescope", "TELESCOPE_INFO", GUIDER_FOCAL_LENGTH=300, GUIDER_APERTURE=50))
        program.send(new(device, "CCD_EXPOSURE", CCD_EXPOSURE_VALUE=0.1))
        header = image(program.wait(is_("setBLOBVector", "CCD1"))).header
        assert (header["NAXIS1"], header["FOCALLEN"], header["APTDIA"]) == (1280, 300, 50)
