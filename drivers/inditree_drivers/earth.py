"""Time and place: Julian date, sidereal time, horizontal coordinates, precession. Pure; the standard library only."""

import math

UNIX_EPOCH_JD = 2440587.5
J2000_JD = 2451545.0
SIDEREAL_ARCSEC_PER_S = 15.041067178670204


def julian_date(unix_s: float) -> float:
    return UNIX_EPOCH_JD + unix_s / 86400


def sidereal_hours(unix_s: float, longitude_deg: float) -> float:
    """Local mean sidereal time in 0..24 hours, longitude positive to the east (Meeus, chapter 12, to 0.1 s)."""
    days = julian_date(unix_s) - J2000_JD
    return (280.46061837 + 360.98564736629 * days + longitude_deg) % 360 / 15


def altitude_azimuth(ha_hours: float, dec_deg: float, latitude_deg: float) -> tuple[float, float]:
    """Altitude and azimuth (0 north, 90 east) in degrees."""
    ha, dec, lat = math.radians(ha_hours * 15), math.radians(dec_deg), math.radians(latitude_deg)
    up = math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(ha)
    north = math.cos(lat) * math.sin(dec) - math.sin(lat) * math.cos(dec) * math.cos(ha)
    east = -math.cos(dec) * math.sin(ha)
    return math.degrees(math.asin(max(-1.0, min(1.0, up)))), math.degrees(math.atan2(east, north)) % 360


def to_j2000(ra_hours: float, dec_deg: float, unix_s: float) -> tuple[float, float]:
    """Mean equator of date to J2000: (degrees, degrees).

    Precession only (IAU 1976); nutation and aberration, together below an arc minute, are left out.
    """
    zeta, z, theta = _precession(unix_s)
    return _rotated(math.radians(ra_hours * 15) - z, math.radians(dec_deg), -theta, -zeta)


def _precession(unix_s: float) -> tuple[float, float, float]:
    t = (julian_date(unix_s) - J2000_JD) / 36525
    zeta = 2306.2181 * t + 0.30188 * t**2 + 0.017998 * t**3
    z = 2306.2181 * t + 1.09468 * t**2 + 0.018203 * t**3
    theta = 2004.3109 * t - 0.42665 * t**2 - 0.041833 * t**3
    return math.radians(zeta / 3600), math.radians(z / 3600), math.radians(theta / 3600)


def _rotated(ra: float, dec: float, theta: float, then: float) -> tuple[float, float]:
    a = math.cos(dec) * math.sin(ra)
    b = math.cos(theta) * math.cos(dec) * math.cos(ra) - math.sin(theta) * math.sin(dec)
    c = math.sin(theta) * math.cos(dec) * math.cos(ra) + math.cos(theta) * math.sin(dec)
    return math.degrees(math.atan2(a, b) + then) % 360, math.degrees(math.asin(max(-1.0, min(1.0, c))))
