"""Angles, the mount, time and place."""

import math
from datetime import UTC, datetime

import pytest
from astropy.coordinates import FK5, SkyCoord
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as some

from inditree_drivers.earth import altitude_azimuth, sidereal_hours, to_j2000
from inditree_drivers.motion import approach, approach_on_circle, turn
from inditree_drivers.mount import GOTO_DEG_PER_S, Mount, Pulse

NOW = 1790000000.0
angles = some.floats(0, 360, exclude_max=True)


@given(angles, angles)
def test_the_shorter_way_leads_there(start: float, target: float) -> None:
    way = turn(start, target, 360)
    assert -180 <= way <= 180
    assert math.isclose(math.cos(math.radians(start + way)), math.cos(math.radians(target)), abs_tol=1e-9)


@given(angles, angles, some.floats(0.001, 400))
def test_a_step_never_goes_past_its_target(start: float, target: float, most: float) -> None:
    after = approach_on_circle(start, target, most, 360)
    assert abs(turn(after, target, 360)) == pytest.approx(max(0.0, abs(turn(start, target, 360)) - most), abs=1e-6)
    assert abs(target - approach(start, target, most)) == pytest.approx(max(0.0, abs(target - start) - most))


@pytest.mark.parametrize("seconds", [0.1, 0.25, 7.0])
def test_a_goto_arrives_and_tracks(seconds: float) -> None:
    mount = Mount(ra=23.5, dec=10)
    mount.goto(0.5, -20)
    steps = 1
    while not mount.advance(seconds):
        assert mount.moving
        steps += 1
    assert (mount.ra, mount.dec) == (0.5, -20)
    assert mount.tracking and not mount.moving
    assert (steps - 1) * seconds * GOTO_DEG_PER_S <= 30 + 1e-6 <= (steps + 1) * seconds * GOTO_DEG_PER_S


def test_without_tracking_the_sky_drifts_past() -> None:
    mount = Mount(ra=5.0, dec=0.0)
    mount.advance(3600)
    assert mount.ra == pytest.approx(5 + 1.0027379, abs=1e-4)
    mount.tracking = True
    mount.advance(3600)
    assert mount.ra == pytest.approx(6.0027379, abs=1e-4)


def test_a_guide_pulse_moves_by_its_length_only() -> None:
    mount = Mount(ra=5.0, dec=0.0, tracking=True, guide_dec=Pulse(0.01, 0.5))
    mount.advance(0.3)
    mount.advance(10)
    assert mount.dec == pytest.approx(0.005)


def test_parking_ends_parked_and_abort_ends_parking() -> None:
    mount = Mount(ra=1, dec=0, tracking=True)
    mount.park(1, 90)
    mount.advance(1)
    mount.abort()
    assert not mount.parked and not mount.moving and mount.dec == 10
    mount.park(1, 90)
    assert mount.advance(60)
    assert mount.parked and not mount.tracking


def test_sidereal_time() -> None:
    """Meeus, Astronomical Algorithms, example 12.b: 1987 April 10, 19:21:00 UT."""
    when = datetime(1987, 4, 10, 19, 21, tzinfo=UTC).timestamp()
    assert sidereal_hours(when, 0) == pytest.approx(8 + 34 / 60 + 57.0896 / 3600, abs=0.1 / 3600)
    assert sidereal_hours(when, 345) == pytest.approx(sidereal_hours(when, 0) - 1)


@pytest.mark.parametrize(("ra", "dec"), [(0.1, -5.0), (6.5, 88.0), (18.6, 38.8), (12.0, -60.0)])
def test_precession_is_that_of_astropy(ra: float, dec: float) -> None:
    of_date = SkyCoord(ra * 15, dec, unit="deg", frame=FK5(equinox=Time(NOW, format="unix")))
    theirs = of_date.transform_to(FK5(equinox="J2000"))
    ours = to_j2000(ra, dec, NOW)
    assert theirs.separation(SkyCoord(*ours, unit="deg", frame=theirs.frame.replicate_without_data())).arcsec < 0.1


def test_where_things_stand() -> None:
    assert altitude_azimuth(0, 0, 47) == pytest.approx((43, 180))
    assert altitude_azimuth(5, 90, 47)[0] == pytest.approx(47)
    assert altitude_azimuth(-6, 0, 47)[1] == pytest.approx(90)
    assert altitude_azimuth(6, 0, 47)[1] == pytest.approx(270)
