"""What the camera sees, without the camera: places, light, binning, noise."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from drivers.stars import centroid, find
from inditree_drivers.filters import FILTERS, throughput
from inditree_drivers.fits import About, encode
from inditree_drivers.focuser import fwhm
from inditree_drivers.frame import FULL_WELL_E, Optics, Sensor, Shot, Window, gain_factor, render
from inditree_drivers.sky import bright_stars, project, stars_near

QUIET = Sensor(noise=False, sky_mag=25.0, temperature=-30.0)
SHOT = Shot(83.6, -5.4, 2.0, sensor=QUIET)


def header(shot: Shot) -> Any:
    with fits.open(BytesIO(encode(render(shot), shot, About("c")))) as file:
        return file[0].header.copy()


def test_the_same_sky_always() -> None:
    one, two = stars_near(10, 20, 1), stars_near(10, 20, 1)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    wide = set(stars_near(10, 20, 2, 12).ra)
    assert set(stars_near(10, 20, 1, 12).ra) <= wide


def test_bright_stars_are_where_everybody_has_them() -> None:
    by_name = {star.name: star for star in bright_stars()}
    assert by_name["Vega"].ra == pytest.approx(279.2347, abs=0.002)
    assert by_name["Vega"].dec == pytest.approx(38.7837, abs=0.002)
    assert by_name["Rigel"].dec == pytest.approx(-8.2017, abs=0.002)
    assert len(by_name) == len(bright_stars()) > 100
    assert 5.59 * 15 - 1 < by_name["Alnilam"].ra < 5.61 * 15 + 1


def test_projection_is_that_of_astropy() -> None:
    wcs = WCS(header(SHOT))
    stars = stars_near(SHOT.ra, SHOT.dec, 1, 10)
    xi, eta = project(stars.ra, stars.dec, SHOT.ra, SHOT.dec)
    theirs = wcs.all_world2pix(stars.ra, stars.dec, 1)
    step = wcs.wcs.cd[1, 1]
    assert np.allclose(theirs[0], wcs.wcs.crpix[0] - xi / step, atol=1e-6)
    assert np.allclose(theirs[1], wcs.wcs.crpix[1] + eta / step, atol=1e-6)


WINDOWS = [
    Window(),
    Window(bin_x=2, bin_y=2),
    Window(101, 80, 1101, 900, 1, 1),
    Window(101, 80, 1100, 901, 3, 2),
]


@pytest.mark.parametrize("window", WINDOWS)
def test_stars_are_where_the_header_says(window: Window) -> None:
    shot = replace(SHOT, window=window)
    image = render(shot)
    assert image.shape == window.shape
    found = find(image, header(shot))
    assert len(found) >= 2
    assert max(star.miss for star in found) < 0.5


def test_light_is_kept_whatever_the_focus() -> None:
    sharp, soft = (render(replace(SHOT, optics=Optics(fwhm_arcsec=width))).astype(float).sum() for width in (3.0, 9.0))
    offset = QUIET.offset * QUIET.width * QUIET.height
    assert soft - offset == pytest.approx(sharp - offset, rel=0.15)


def test_focus_sweep_has_its_minimum_at_the_best_position() -> None:
    best = 41000
    positions = range(best - 20000, best + 20001, 4000)
    star = min(find(render(SHOT), header(SHOT), 6, 11), key=lambda found: found.mag)
    widths = []
    for position in positions:
        image = render(replace(SHOT, optics=Optics(fwhm_arcsec=fwhm(position, best, 2.5))))
        widths.append(centroid(image, star.x, star.y, 16)[2])
    assert positions[int(np.argmin(widths))] == best
    assert widths == sorted(widths[:6], reverse=True) + sorted(widths[6:])
    assert widths[0] > 2 * min(widths)


def test_a_filter_takes_its_share_of_the_light() -> None:
    sky = replace(QUIET, sky_mag=15.0, offset=0.0)
    clear, red = (
        render(replace(SHOT, sensor=sky, optics=Optics(throughput=share))).astype(float)
        for share in (1.0, throughput("Red"))
    )
    assert np.median(red) / np.median(clear) == pytest.approx(FILTERS["Red"], rel=0.05)
    assert throughput("red ") == FILTERS["Red"]
    assert throughput("My own") == throughput("") == 1.0


def test_frame_types() -> None:
    level = {
        kind: render(replace(SHOT, kind=kind, sensor=Sensor(temperature=12), seconds=5.0)).astype(float)
        for kind in ("LIGHT", "BIAS", "DARK", "FLAT")
    }
    assert level["BIAS"].mean() == pytest.approx(100, abs=1)
    assert level["BIAS"].std() == pytest.approx(3, abs=0.2)
    assert level["DARK"].mean() > level["BIAS"].mean() + 0.5
    assert level["DARK"].max() > 300 > level["BIAS"].max()
    flat = level["FLAT"]
    assert flat[500:520, 630:650].mean() > 1.1 * flat[:20, :20].mean() > 20000
    warm = render(replace(SHOT, kind="DARK", sensor=Sensor(temperature=18, noise=False, offset=0), seconds=60))
    cold = render(replace(SHOT, kind="DARK", sensor=Sensor(temperature=6, noise=False, offset=0), seconds=60))
    assert np.median(warm) == pytest.approx(4 * np.median(cold), rel=0.1)


def test_binning_adds_and_gain_multiplies() -> None:
    sky = replace(QUIET, sky_mag=15.0, offset=0.0)
    one = np.median(render(replace(SHOT, sensor=sky)))
    assert np.median(render(replace(SHOT, sensor=sky, window=Window(bin_x=2, bin_y=3)))) == pytest.approx(
        6 * one, rel=0.05
    )
    assert np.median(render(replace(SHOT, sensor=replace(sky, gain=60.0)))) == pytest.approx(2 * one, rel=0.05)
    assert gain_factor(0) == 1


def test_a_bright_star_saturates_and_the_edge_of_the_world_is_no_error() -> None:
    vega = next(star for star in bright_stars() if star.name == "Vega")
    assert np.max(render(Shot(vega.ra, vega.dec, 5, sensor=QUIET))) == FULL_WELL_E + QUIET.offset
    for ra, dec in [(0, 90), (359.9999, -90), (0, 0), (12, 89.999)]:
        assert render(Shot(ra, dec, 1)).shape == (1024, 1280)


def test_noise_is_new_in_each_image_and_repeats_with_its_seed() -> None:
    one, two, again = (render(replace(SHOT, sensor=Sensor(), seed=seed)) for seed in (1, 2, 1))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, again)


def test_the_header_can_be_read() -> None:
    cards = header(replace(SHOT, ra=10.0, dec=-0.00001, seconds=1.5))
    assert cards["OBJCTRA"] == "00 40 00.00"
    assert cards["OBJCTDEC"] == "-00 00 00.04"
    assert (cards["EXPTIME"], cards["INSTRUME"], cards["BITPIX"]) == (1.5, "c", 16)
    shot = SHOT
    with fits.open(BytesIO(encode(render(shot), shot, About("c", filter="Red", wcs=False)))) as file:
        assert "CTYPE1" not in file[0].header
        assert file[0].header["FILTER"] == "Red"
