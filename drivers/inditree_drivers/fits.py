"""An image as a FITS file in memory, with the cards that clients and plate solvers read."""

import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inditree_drivers.frame import Shot, reference_pixel, scale

UNIX_EPOCH_MJD = 40587


@dataclass(frozen=True, slots=True)
class About:
    """The facts of a header beside the exposure itself; `began` in seconds since 1970."""

    camera: str
    telescope: str = ""
    filter: str = ""
    observer: str = "Unknown"
    object: str = "Unknown"
    began: float = 0.0
    wcs: bool = True


def encode(image: NDArray[np.uint16], shot: Shot, about: About) -> bytes:
    """The file's bytes. astropy is imported here, on the first image: it takes longer than a driver's start may."""
    from astropy.io import fits

    hdu = fits.PrimaryHDU(image)
    for key, value, comment in [*_camera_cards(shot, about), *_sky_cards(shot, about.wcs)]:
        hdu.header[key] = (value, comment)
    out = io.BytesIO()
    hdu.writeto(out)
    return out.getvalue()


def _camera_cards(shot: Shot, about: About) -> list[tuple[str, Any, str]]:
    sensor, window, optics = shot.sensor, shot.window, shot.optics
    began = datetime.fromtimestamp(about.began, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    cards: list[tuple[str, Any, str]] = [
        ("INSTRUME", about.camera, "CCD name"),
        ("TELESCOP", about.telescope, "Telescope name"),
        ("OBSERVER", about.observer, "Observer name"),
        ("OBJECT", about.object, "Object name"),
        ("EXPTIME", shot.seconds, "Total exposure time (s)"),
        ("CCD-TEMP", sensor.temperature, "CCD temperature (C)"),
        ("PIXSIZE1", sensor.pitch_x, "Pixel size 1 (microns)"),
        ("PIXSIZE2", sensor.pitch_y, "Pixel size 2 (microns)"),
        ("XPIXSZ", sensor.pitch_x * window.bin_x, "X binned pixel size in microns"),
        ("YPIXSZ", sensor.pitch_y * window.bin_y, "Y binned pixel size in microns"),
        ("XBINNING", window.bin_x, "Binning factor in width"),
        ("YBINNING", window.bin_y, "Binning factor in height"),
        ("FRAME", shot.kind.capitalize(), "Frame type"),
        ("GAIN", sensor.gain, "Gain (0.1 dB)"),
        ("OFFSET", sensor.offset, "Offset (counts)"),
        ("FOCALLEN", optics.focal_length, "Focal length (mm)"),
        ("APTDIA", optics.aperture, "Telescope diameter (mm)"),
        ("DATE-OBS", began, "UTC start date of observation"),
        ("MJD-OBS", round(about.began / 86400 + UNIX_EPOCH_MJD, 8), "The same as a modified Julian date"),
        ("ROWORDER", "BOTTOM-UP", "Row order"),
    ]
    return [*cards, ("FILTER", about.filter, "Filter")] if about.filter else cards


def _sky_cards(shot: Shot, wcs: bool) -> list[tuple[str, Any, str]]:
    window = shot.window
    step_x = scale(shot.optics, shot.sensor.pitch_x) * window.bin_x
    step_y = scale(shot.optics, shot.sensor.pitch_y) * window.bin_y
    cards: list[tuple[str, Any, str]] = [
        ("OBJCTRA", _sexagesimal(shot.ra / 15), "Object J2000 RA in Hours"),
        ("OBJCTDEC", _sexagesimal(shot.dec, signed=True), "Object J2000 DEC in Degrees"),
        ("RA", shot.ra, "Object J2000 RA in Degrees"),
        ("DEC", shot.dec, "Object J2000 DEC in Degrees"),
        ("SCALE", step_x * 3600, "arcsecs per pixel"),
        ("EQUINOX", 2000.0, "Equinox"),
    ]
    return [*cards, *_world_cards(shot, step_x, step_y)] if wcs else cards


def _world_cards(shot: Shot, step_x: float, step_y: float) -> list[tuple[str, Any, str]]:
    """World coordinates: TAN, north up and east to the left (Calabretta and Greisen 2002)."""
    x, y = reference_pixel(shot.sensor, shot.window)
    return [
        ("RADESYS", "FK5", "Reference system"),
        ("CTYPE1", "RA---TAN", "Gnomonic projection"),
        ("CTYPE2", "DEC--TAN", "Gnomonic projection"),
        ("CRVAL1", shot.ra, "RA at the reference pixel (deg)"),
        ("CRVAL2", shot.dec, "Dec at the reference pixel (deg)"),
        ("CRPIX1", x, "Reference pixel"),
        ("CRPIX2", y, "Reference pixel"),
        ("CD1_1", -step_x, "deg/pixel"),
        ("CD1_2", 0.0, "deg/pixel"),
        ("CD2_1", 0.0, "deg/pixel"),
        ("CD2_2", step_y, "deg/pixel"),
    ]


def _sexagesimal(value: float, signed: bool = False) -> str:
    """`05 35 17.30`: the total is rounded first, so that no part becomes 60."""
    hundredths = round(abs(value) * 360000)
    whole, rest = divmod(hundredths, 360000)
    minutes, seconds = divmod(rest, 6000)
    sign = ("-" if math.copysign(1, value) < 0 else "+") if signed else ""
    return f"{sign}{whole:02d} {minutes:02d} {seconds / 100:05.2f}"
