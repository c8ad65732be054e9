"""Puts all instruments together, for a server's own process."""

from inditree_drivers.base import Instrument
from inditree_drivers.camera import Camera
from inditree_drivers.dome import Dome
from inditree_drivers.filter_wheel import FilterWheel
from inditree_drivers.focuser import Focuser
from inditree_drivers.gps import GPS
from inditree_drivers.guide_camera import GuideCamera
from inditree_drivers.rotator import Rotator
from inditree_drivers.telescope import Telescope
from inditree_drivers.weather import Weather


def observatory(prefix: str = "Py ") -> list[Instrument]:
    """A telescope and all that belongs to it, snooping on one another.

    `prefix` begins each device's name ("Py Telescope"), so that several observatories go into one server.
    """
    return [
        Telescope(prefix + "Telescope", prefix),
        Camera(prefix + "Camera", prefix),
        GuideCamera(prefix + "Guide Camera", prefix),
        Focuser(prefix + "Focuser", prefix),
        FilterWheel(prefix + "Filter Wheel", prefix),
        Rotator(prefix + "Rotator", prefix),
        Dome(prefix + "Dome", prefix),
        Weather(prefix + "Weather", prefix),
        GPS(prefix + "GPS", prefix),
    ]
