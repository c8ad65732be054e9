"""The mount as pure state: where it points, where it goes, how it moves on in time."""

from dataclasses import dataclass, field

from inditree_drivers.earth import SIDEREAL_ARCSEC_PER_S
from inditree_drivers.motion import approach, approach_on_circle, turn

GOTO_DEG_PER_S = 10.0
# Degrees per second of the hand control's speeds, by the member names of TELESCOPE_SLEW_RATE.
SLEW_RATES = {"SLEW_GUIDE": 0.0042, "SLEW_CENTERING": 0.033, "SLEW_FIND": 0.5, "SLEW_MAX": 3.0}
TRACK_RATES = {"TRACK_SIDEREAL": SIDEREAL_ARCSEC_PER_S, "TRACK_SOLAR": 15.0, "TRACK_LUNAR": 14.511415}


@dataclass(slots=True)
class Pulse:
    """A guide pulse: degrees per second for so many seconds more."""

    rate: float = 0.0
    left_s: float = 0.0

    def take(self, seconds: float) -> float:
        """The degrees moved within the next `seconds`."""
        used = min(seconds, self.left_s)
        self.left_s -= used
        return self.rate * used


@dataclass(slots=True)
class Mount:
    """An equatorial mount; ra in hours 0..24, dec in degrees -90..90, rates in arc seconds or degrees per second.

    `target` is set while it goes somewhere; `parking` says what becomes of it there. `motion_ra` and `motion_dec` are
    degrees per second of the hand control, east and north positive.
    """

    ra: float = 0.0
    dec: float = 90.0
    tracking: bool = False
    parked: bool = False
    target: tuple[float, float] | None = None
    parking: bool = False
    track_after: bool = True
    rate_ra: float = SIDEREAL_ARCSEC_PER_S
    rate_dec: float = 0.0
    motion_ra: float = 0.0
    motion_dec: float = 0.0
    guide_ra: Pulse = field(default_factory=Pulse)
    guide_dec: Pulse = field(default_factory=Pulse)

    @property
    def moving(self) -> bool:
        return self.target is not None or bool(self.motion_ra or self.motion_dec)

    def goto(self, ra: float, dec: float, track: bool = True) -> None:
        self.target, self.parking, self.track_after = (ra % 24, dec), False, track

    def park(self, ra: float, dec: float) -> None:
        self.goto(ra, dec, track=False)
        self.parking = True

    def sync(self, ra: float, dec: float) -> None:
        self.ra, self.dec = ra % 24, dec

    def abort(self) -> None:
        """Stop all motion where it is; what tracked before goes on tracking."""
        self.target, self.parking = None, False
        self.motion_ra = self.motion_dec = 0.0
        self.guide_ra, self.guide_dec = Pulse(), Pulse()

    def advance(self, seconds: float) -> bool:
        """Move on in time; True when a goto or a park has just arrived."""
        if self.target is not None:
            return self._go(seconds)
        drift = SIDEREAL_ARCSEC_PER_S - (self.rate_ra if self.tracking else 0.0)
        east = seconds * (drift / 3600 + self.motion_ra) + self.guide_ra.take(seconds)
        north = seconds * self.motion_dec + self.guide_dec.take(seconds)
        if self.tracking:
            north += seconds * self.rate_dec / 3600
        self.ra = (self.ra + east / 15) % 24
        self.dec = max(-90.0, min(90.0, self.dec + north))
        return False

    def _go(self, seconds: float) -> bool:
        assert self.target is not None
        most = GOTO_DEG_PER_S * seconds
        self.ra = approach_on_circle(self.ra, self.target[0], most / 15, 24)
        self.dec = approach(self.dec, self.target[1], most)
        if turn(self.ra, self.target[0], 24) or self.dec != self.target[1]:
            return False
        self.target = None
        self.parked, self.parking = self.parking, False
        self.tracking = self.track_after
        return True
