"""The properties of the telescope: names, labels, groups and bounds."""

from typing import Any

from inditree_drivers.earth import SIDEREAL_ARCSEC_PER_S
from inditree_drivers.vectors import MAIN, OPTIONS, SITE, button, number, numbers, switches, texts

MOTION = "Motion Control"
# Greenwich's latitude is no better than another; a site far from 0 longitude shows sign errors.
LATITUDE, LONGITUDE, ELEVATION = 47.0, 8.0, 450.0


def telescope_vectors(prefix: str) -> list[Any]:
    return [*_main(), *_tracking(), *_motion(), *_site(), *_options(prefix)]


def _coordinates(name: str, label: str, group: str, perm: str = "rw") -> Any:
    ra = number("RA", "RA (hh:mm:ss)", 0, 0, 24, 0, "%010.6m")
    return numbers(name, label, group, ra, number("DEC", "DEC (dd:mm:ss)", 0, -90, 90, 0, "%010.6m"), perm=perm)


def _main() -> list[Any]:
    after = {"TRACK": "Track", "SLEW": "Slew", "SYNC": "Sync"}
    return [
        switches("ON_COORD_SET", "On Set", MAIN, after, on="TRACK"),
        _coordinates("EQUATORIAL_EOD_COORD", "Eq. Coordinates", MAIN),
        button("TELESCOPE_ABORT_MOTION", "Abort Motion", MAIN, "ABORT", "Abort"),
        switches("TELESCOPE_PARK", "Parking", MAIN, {"PARK": "Park(ed)", "UNPARK": "UnPark(ed)"}, on="UNPARK"),
        switches(
            "TELESCOPE_PIER_SIDE",
            "Pier Side",
            MAIN,
            {"PIER_WEST": "West (pointing east)", "PIER_EAST": "East (pointing west)"},
            rule="AtMostOne",
            perm="ro",
        ),
    ]


def _tracking() -> list[Any]:
    modes = {
        "TRACK_SIDEREAL": "Sidereal",
        "TRACK_SOLAR": "Solar",
        "TRACK_LUNAR": "Lunar",
        "TRACK_CUSTOM": "Custom",
    }
    rate = number("TRACK_RATE_RA", "RA (arcsecs/s)", SIDEREAL_ARCSEC_PER_S, -16384, 16384, 1e-6, "%.6f")
    return [
        switches("TELESCOPE_TRACK_MODE", "Track Mode", MAIN, modes, on="TRACK_SIDEREAL"),
        switches("TELESCOPE_TRACK_STATE", "Tracking", MAIN, {"TRACK_ON": "On", "TRACK_OFF": "Off"}, on="TRACK_OFF"),
        numbers(
            "TELESCOPE_TRACK_RATE",
            "Track Rates",
            MAIN,
            rate,
            number("TRACK_RATE_DE", "DE (arcsecs/s)", 0, -16384, 16384, 1e-6, "%.6f"),
        ),
    ]


def _motion() -> list[Any]:
    rates = {"SLEW_GUIDE": "Guide", "SLEW_CENTERING": "Centering", "SLEW_FIND": "Find", "SLEW_MAX": "Max"}
    north, west = (
        {"MOTION_NORTH": "North", "MOTION_SOUTH": "South"},
        {"MOTION_WEST": "West", "MOTION_EAST": "East"},
    )
    return [
        switches("TELESCOPE_MOTION_NS", "Motion N/S", MOTION, north, rule="AtMostOne"),
        switches("TELESCOPE_MOTION_WE", "Motion W/E", MOTION, west, rule="AtMostOne"),
        switches("TELESCOPE_SLEW_RATE", "Slew Rate", MOTION, rates, on="SLEW_FIND"),
        _coordinates("TARGET_EOD_COORD", "Slew Target", MOTION, "ro"),
        numbers("TELESCOPE_TIMED_GUIDE_NS", "Guide N/S", MOTION, _pulse("N", "North"), _pulse("S", "South")),
        numbers("TELESCOPE_TIMED_GUIDE_WE", "Guide E/W", MOTION, _pulse("W", "West"), _pulse("E", "East")),
        numbers(
            "GUIDE_RATE",
            "Guiding Rate",
            MOTION,
            number("GUIDE_RATE_WE", "W/E Rate", 0.5, 0, 1, 0.1),
            number("GUIDE_RATE_NS", "N/S Rate", 0.5, 0, 1, 0.1),
        ),
    ]


def _pulse(letter: str, label: str) -> Any:
    return number(f"TIMED_GUIDE_{letter}", f"{label} (ms)", 0, 0, 60000, 100, "%.f")


def _site() -> list[Any]:
    options = {
        "PARK_CURRENT": "Current",
        "PARK_DEFAULT": "Default",
        "PARK_WRITE_DATA": "Write Data",
        "PARK_PURGE_DATA": "Purge Data",
    }
    return [
        texts("TIME_UTC", "UTC", SITE, [("UTC", "UTC Time", ""), ("OFFSET", "UTC Offset", "0")]),
        geographic("rw"),
        numbers(
            "TELESCOPE_PARK_POSITION",
            "Park Position",
            SITE,
            number("PARK_HA", "HA (hh:mm:ss)", 0, -12, 12, 0, "%010.6m"),
            number("PARK_DEC", "DEC (dd:mm:ss)", 90, -90, 90, 0, "%010.6m"),
        ),
        switches("TELESCOPE_PARK_OPTION", "Park Options", SITE, options, rule="AtMostOne"),
    ]


def geographic(perm: str, group: str = SITE) -> Any:
    """GEOGRAPHIC_COORD; longitude is 0..360 to the east, as in INDI's standard properties."""
    return numbers(
        "GEOGRAPHIC_COORD",
        "Scope Location",
        group,
        number("LAT", "Lat (dd:mm:ss)", LATITUDE, -90, 90, 0, "%012.8m"),
        number("LONG", "Lon (dd:mm:ss)", LONGITUDE, 0, 360, 0, "%012.8m"),
        number("ELEV", "Elevation (m)", ELEVATION, -200, 10000, 0),
        perm=perm,
    )


def _options(prefix: str) -> list[Any]:
    return [
        texts("ACTIVE_DEVICES", "Snoop devices", OPTIONS, [("ACTIVE_GPS", "GPS", prefix + "GPS")]),
        numbers(
            "TELESCOPE_INFO",
            "Scope Properties",
            OPTIONS,
            number("TELESCOPE_APERTURE", "Aperture (mm)", 120, 10, 5000),
            number("TELESCOPE_FOCAL_LENGTH", "Focal Length (mm)", 900, 10, 10000),
            number("GUIDER_APERTURE", "Guider Aperture (mm)", 60, 10, 5000),
            number("GUIDER_FOCAL_LENGTH", "Guider Focal Length (mm)", 240, 10, 10000),
        ),
    ]
