"""The sky: bright stars by name, faint ones by rule, and their gnomonic projection. Pure; angles in degrees (J2000)."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inditree_drivers.bright import TABLE

Floats = NDArray[np.float64]

# Stars brighter than magnitude 10 in a square degree far from the Milky Way, and how their number grows per
# magnitude (decimal logarithm): close to the real sky between magnitudes 6 and 16.
DENSITY_AT_10 = 6.0
GROWTH = 0.4
FAINTEST = 16.0
BRIGHTEST_OF_RULE = 3.5
# More stars than this are not drawn: in a wide field the faintest are left out first.
MOST_STARS = 4000
NORTH_GALACTIC_POLE = (192.85948, 27.12825)
CELL_DEG = 1.0


class Stars(NamedTuple):
    """Columns of equal length: right ascension and declination in degrees, V magnitude."""

    ra: Floats
    dec: Floats
    mag: Floats


@dataclass(frozen=True, slots=True)
class BrightStar:
    name: str
    ra: float
    dec: float
    mag: float


@cache
def bright_stars() -> tuple[BrightStar, ...]:
    """The named stars, as in the table."""
    return tuple(_parsed(line) for line in TABLE.strip().splitlines())


def _parsed(line: str) -> BrightStar:
    *name, hours, minutes, seconds, degrees, arcmin, arcsec, mag = line.split()
    sign = -1 if degrees.startswith("-") else 1
    ra = 15 * (int(hours) + int(minutes) / 60 + float(seconds) / 3600)
    dec = sign * (abs(int(degrees)) + int(arcmin) / 60 + float(arcsec) / 3600)
    return BrightStar(" ".join(name), ra, dec, float(mag))


def unit_vectors(ra: Floats, dec: Floats) -> Floats:
    """Shape (..., 3)."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def stars_near(ra: float, dec: float, radius: float, faintest: float = FAINTEST) -> Stars:
    """Gives the stars within `radius` degrees (and some around) that are no fainter, at most about MOST_STARS.

    The same place always has the same stars, on every machine.
    """
    center = unit_vectors(np.array(ra), np.array(dec))
    named = bright_stars()
    bright = Stars(*(np.array([getattr(star, key) for star in named]) for key in ("ra", "dec", "mag")))
    faint = _faint_stars(center, radius, faintest)
    both = Stars(*(np.concatenate(pair) for pair in zip(bright, faint, strict=True)))
    near = unit_vectors(both.ra, both.dec) @ center >= np.cos(np.radians(radius))
    return Stars(*(column[near & (both.mag <= faintest)] for column in both))


class _Cells(NamedTuple):
    """Pieces of the sky about one degree square; `density` is in stars of the rule brighter than 10 in the cell."""

    south: Floats
    west: Floats
    width: Floats
    center: Floats
    density: Floats


@cache
def _cells() -> _Cells:
    south, west, width = [], [], []
    for lower in np.arange(-90.0, 90.0, CELL_DEG):
        count = max(1, round(360 / CELL_DEG * float(np.cos(np.radians(lower + CELL_DEG / 2)))))
        south += [lower] * count
        west += [360 / count * index for index in range(count)]
        width += [360 / count] * count
    low, left, wide = np.array(south), np.array(west), np.array(width)
    center = unit_vectors(left + wide / 2, low + CELL_DEG / 2)
    area = wide * np.degrees(np.sin(np.radians(low + CELL_DEG)) - np.sin(np.radians(low)))
    latitude = np.degrees(np.arcsin(center @ unit_vectors(*(np.array(angle) for angle in NORTH_GALACTIC_POLE))))
    return _Cells(low, left, wide, center, area * DENSITY_AT_10 * (0.7 + 1.8 * np.exp(-np.abs(latitude) / 12)))


def _faint_stars(center: Floats, radius: float, faintest: float) -> Stars:
    cells = _cells()
    picked = np.flatnonzero(cells.center @ center >= np.cos(np.radians(min(180.0, radius + CELL_DEG))))
    expected = float(cells.density[picked].sum()) * 10 ** (GROWTH * (faintest - 10))
    limit = faintest - max(0.0, np.log10(max(expected, 1) / MOST_STARS) / GROWTH)
    counts = np.ceil(cells.density[picked] * 10 ** (GROWTH * (limit - 10))).astype(np.int64)
    cell = np.repeat(picked, counts)
    rank = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return _placed(cells, cell, rank)


def _placed(cells: _Cells, cell: NDArray[np.int64], rank: NDArray[np.int64]) -> Stars:
    """The star of each rank of each cell; the rank is by brightness, so that fewer stars are the brightest ones."""
    along, across, depth = (_random(cell, rank, salt) for salt in (1, 2, 3))
    low, high = (np.sin(np.radians(cells.south[cell] + edge)) for edge in (0, CELL_DEG))
    ra = cells.west[cell] + along * cells.width[cell]
    dec = np.degrees(np.arcsin(low + across * (high - low)))
    mag = 10 + np.log10((rank + depth + 1e-6) / cells.density[cell]) / GROWTH
    keep = mag >= BRIGHTEST_OF_RULE
    return Stars(ra[keep], dec[keep], mag[keep])


def _random(cell: NDArray[np.int64], rank: NDArray[np.int64], salt: int) -> Floats:
    """A number in 0..1 for each pair: splitmix64 of it, as numpy may change the streams of its own generators."""
    with np.errstate(over="ignore"):
        x = (cell.astype(np.uint64) << np.uint64(24)) + (rank.astype(np.uint64) << np.uint64(2)) + np.uint64(salt)
        x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / 2**53


def project(ra: Floats, dec: Floats, ra0: float, dec0: float) -> tuple[Floats, Floats]:
    """Gnomonic (TAN) standard coordinates in degrees, xi to the east and eta to the north.

    Only for stars within 90 degrees of the centre (Calabretta and Greisen 2002, section 5.1.3).
    """
    a, d, d0 = np.radians(ra - ra0), np.radians(dec), np.radians(dec0)
    depth = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    xi = np.cos(d) * np.sin(a) / depth
    eta = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / depth
    return np.degrees(xi), np.degrees(eta)
