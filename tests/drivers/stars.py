"""Finding stars in an image, and what the catalogue says where they are."""

import time
from typing import Any, NamedTuple

import numpy as np
from astropy.coordinates import FK5, SkyCoord
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

from inditree_drivers.sky import stars_near

HALF = 7
MARGIN = 2 * HALF


class Found(NamedTuple):
    """A star: pixels counted from 0, and how far the light's centre is from where the catalogue has it."""

    x: float
    y: float
    mag: float
    miss: float


def of_date(ra: float, dec: float) -> tuple[float, float]:
    """A place in J2000 (degrees) as a telescope has it now: hours, degrees."""
    place = SkyCoord(ra, dec, unit="deg", frame=FK5(equinox="J2000"))
    place = place.transform_to(FK5(equinox=Time(time.time(), format="unix")))
    return float(place.ra.hour), float(place.dec.deg)


def centroid(image: NDArray[Any], x: float, y: float, half: int = HALF) -> tuple[float, float, float]:
    """The light's centre around a place, and its width (FWHM of a Gaussian), both in pixels."""
    left, low = round(x) - half, round(y) - half
    box = image[low : low + 2 * half + 1, left : left + 2 * half + 1].astype(float)
    box = np.clip(box - np.median(image), 0, None)
    rows, columns = np.mgrid[: box.shape[0], : box.shape[1]]
    total = box.sum()
    cx, cy = float((columns * box).sum() / total), float((rows * box).sum() / total)
    variance = float((((columns - cx) ** 2 + (rows - cy) ** 2) * box).sum() / total / 2)
    return left + cx, low + cy, 2.3548 * variance**0.5


def catalogued(header: Any, brighter: float, fainter: float) -> list[tuple[float, float, float]]:
    """x, y, magnitude by the header's WCS of the stars that stand alone and well inside the image."""
    wcs = WCS(header)
    stars = stars_near(header["CRVAL1"], header["CRVAL2"], 0.5, fainter + 2)
    x, y = wcs.all_world2pix(stars.ra, stars.dec, 0)
    # Neighbours, and the wide halo of what is too bright, would pull a centroid.
    near = np.hypot(x[:, None] - x, y[:, None] - y) < MARGIN + 4 * HALF * (stars.mag[None, :] < 5)
    alone = near.sum(axis=1) == 1
    inside = (x > MARGIN) & (x < header["NAXIS1"] - MARGIN) & (y > MARGIN) & (y < header["NAXIS2"] - MARGIN)
    chosen = alone & inside & (stars.mag >= brighter) & (stars.mag <= fainter)
    return [(float(a), float(b), float(m)) for a, b, m in zip(x[chosen], y[chosen], stars.mag[chosen], strict=True)]


def find(image: NDArray[Any], header: Any, brighter: float = 5.0, fainter: float = 12.0) -> list[Found]:
    found = []
    for x, y, mag in catalogued(header, brighter, fainter):
        cx, cy, _ = centroid(image, x, y)
        found.append(Found(x, y, mag, float(np.hypot(cx - x, cy - y))))
    return found
