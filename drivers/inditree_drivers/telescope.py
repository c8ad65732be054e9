"""The telescope: an equatorial mount with goto, sync, park, tracking, hand control and guide pulses."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from inditree_drivers import run
from inditree_drivers.base import GUIDER, TELESCOPE, Instrument
from inditree_drivers.earth import SIDEREAL_ARCSEC_PER_S, sidereal_hours
from inditree_drivers.events import Refused, chosen, one_of, wanted
from inditree_drivers.motion import turn
from inditree_drivers.mount import SLEW_RATES, TRACK_RATES, Mount, Pulse
from inditree_drivers.telescope_properties import telescope_vectors

NAME = "Py Telescope"
PUBLISH_S = 1.0
GUIDE_DEG_PER_S = SIDEREAL_ARCSEC_PER_S / 3600


class Telescope(Instrument):
    """Coordinates are of date (EQUATORIAL_EOD_COORD), as clients of real mounts expect."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-telescope", TELESCOPE | GUIDER, telescope_vectors(prefix))
        self.clock_offset_s = 0.0
        self.mount = Mount(ra=self.sidereal())
        self.put("EQUATORIAL_EOD_COORD", RA=self.mount.ra, DEC=self.mount.dec)
        self._since_shown = 0.0
        self._set_handlers()

    def _set_handlers(self) -> None:
        self.accept("ON_COORD_SET", "TELESCOPE_INFO", "TELESCOPE_SLEW_RATE", "GEOGRAPHIC_COORD", "GUIDE_RATE")
        self.accept("TELESCOPE_PARK_POSITION")
        self.handlers |= {
            "EQUATORIAL_EOD_COORD": self._coordinates,
            "TELESCOPE_ABORT_MOTION": self._abort,
            "TELESCOPE_TRACK_STATE": self._track_state,
            "TELESCOPE_TRACK_MODE": self._track_rate,
            "TELESCOPE_TRACK_RATE": self._track_rate,
            "TELESCOPE_MOTION_NS": self._hand_control,
            "TELESCOPE_MOTION_WE": self._hand_control,
            "TELESCOPE_TIMED_GUIDE_NS": self._guide,
            "TELESCOPE_TIMED_GUIDE_WE": self._guide,
            "TELESCOPE_PARK": self._park,
            "TELESCOPE_PARK_OPTION": self._park_option,
            "TIME_UTC": self._time,
            "ACTIVE_DEVICES": self._active,
        }

    def now(self) -> float:
        """Seconds since 1970 by the mount's own clock, which TIME_UTC sets."""
        return time.time() + self.clock_offset_s

    def sidereal(self) -> float:
        return sidereal_hours(self.now(), self.value("GEOGRAPHIC_COORD", "LONG"))

    def hour_angle(self) -> float:
        return turn(self.mount.ra, self.sidereal(), 24)

    def _awake(self) -> None:
        if self.mount.parked:
            raise Refused("The telescope is parked: unpark it first")

    # requests

    async def _coordinates(self, event: Any) -> None:
        self._awake()
        to = wanted(event)
        await self.show("TARGET_EOD_COORD", "Ok", RA=to["RA"], DEC=to["DEC"])
        how = self.selected("ON_COORD_SET")
        if how == "SYNC":
            self.mount.sync(to["RA"], to["DEC"])
            await self._publish("Ok")
            return
        self.mount.goto(to["RA"], to["DEC"], track=how == "TRACK" or self.mount.tracking)
        await self._publish("Busy")

    async def _abort(self, event: Any) -> None:
        parking = self.mount.parking
        self.mount.abort()
        for axis in ("TELESCOPE_MOTION_NS", "TELESCOPE_MOTION_WE"):
            self.select(axis, None)
            await self.show(axis, "Idle")
        if parking:
            await self._show_park("Alert", "Parking was aborted")
        self.select("TELESCOPE_ABORT_MOTION", None)
        await self.show("TELESCOPE_ABORT_MOTION")
        await self._publish("Idle")

    async def _track_state(self, event: Any) -> None:
        self._awake()
        self.mount.tracking = one_of(event) == "TRACK_ON"
        await self._show_tracking()

    async def _track_rate(self, event: Any) -> None:
        await self.store(event)
        mode = self.selected("TELESCOPE_TRACK_MODE") or ""
        own = self.value("TELESCOPE_TRACK_RATE", "TRACK_RATE_RA")
        self.mount.rate_ra = TRACK_RATES.get(mode, own)
        custom = mode not in TRACK_RATES
        self.mount.rate_dec = self.value("TELESCOPE_TRACK_RATE", "TRACK_RATE_DE") if custom else 0.0

    async def _hand_control(self, event: Any) -> None:
        self._awake()
        way = chosen(event)
        if way and self.mount.target is not None:
            raise Refused("The telescope is slewing: abort it first")
        self.select(event.vectorname, way)
        rate = SLEW_RATES[self.selected("TELESCOPE_SLEW_RATE") or "SLEW_FIND"]
        signed = 0.0 if way is None else rate if way in ("MOTION_NORTH", "MOTION_EAST") else -rate
        if event.vectorname == "TELESCOPE_MOTION_NS":
            self.mount.motion_dec = signed
        else:
            self.mount.motion_ra = signed
        await self.show(event.vectorname, "Busy" if way else "Idle")

    async def _guide(self, event: Any) -> None:
        self._awake()
        north = event.vectorname == "TELESCOPE_TIMED_GUIDE_NS"
        plus, minus = ("TIMED_GUIDE_N", "TIMED_GUIDE_S") if north else ("TIMED_GUIDE_E", "TIMED_GUIDE_W")
        # A pulse names one direction; the value of the other is left over from an earlier one.
        length = {member: wanted(event)[member] if member in event else 0.0 for member in (plus, minus)}
        ms = length[plus] - length[minus]
        factor = self.value("GUIDE_RATE", "GUIDE_RATE_NS" if north else "GUIDE_RATE_WE")
        pulse = Pulse(GUIDE_DEG_PER_S * factor * (1 if ms > 0 else -1), abs(ms) / 1000)
        if north:
            self.mount.guide_dec = pulse
        else:
            self.mount.guide_ra = pulse
        await self.show(event.vectorname, "Busy" if ms else "Idle", **length)

    async def _park(self, event: Any) -> None:
        if one_of(event) == "UNPARK":
            self.mount.parked = False
            await self._show_park("Idle")
            return
        self._awake()
        ha, dec = (self.value("TELESCOPE_PARK_POSITION", axis) for axis in ("PARK_HA", "PARK_DEC"))
        self.mount.park(self.sidereal() - ha, dec)
        self.select("TELESCOPE_PARK", "PARK")
        await self.show("TELESCOPE_PARK", "Busy")
        await self._publish("Busy")

    async def _park_option(self, event: Any) -> None:
        option = chosen(event)
        if option not in ("PARK_CURRENT", "PARK_DEFAULT"):
            raise Refused("A simulator does not keep its park position in a file")
        at = {"PARK_HA": self.hour_angle(), "PARK_DEC": self.mount.dec}
        if option == "PARK_DEFAULT":
            at = {"PARK_HA": 0.0, "PARK_DEC": 90.0}
        await self.show("TELESCOPE_PARK_POSITION", **at)
        self.select("TELESCOPE_PARK_OPTION", None)
        await self.show("TELESCOPE_PARK_OPTION")

    async def _time(self, event: Any) -> None:
        text = event.get("UTC", "")
        try:
            when = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise Refused(f"TIME_UTC: {text!r} is no ISO 8601 time") from error
        if not datetime.min.year < when.year < datetime.max.year:  # the clock would leave what datetime can show
            raise Refused(f"TIME_UTC: the year {when.year} is out of range")
        self.clock_offset_s = when.replace(tzinfo=UTC).timestamp() - time.time()
        await self.store(event)

    # what it shows

    async def on_connect(self) -> None:
        await self.show("TIME_UTC", UTC=datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        await self._show_tracking()
        await self._show_park("Ok" if self.mount.parked else "Idle")
        await self._publish("Idle")

    async def _show_tracking(self) -> None:
        self.select("TELESCOPE_TRACK_STATE", "TRACK_ON" if self.mount.tracking else "TRACK_OFF")
        await self.show("TELESCOPE_TRACK_STATE", "Busy" if self.mount.tracking else "Idle")

    async def _show_park(self, state: str, message: str = "") -> None:
        self.select("TELESCOPE_PARK", "PARK" if self.mount.parked else "UNPARK")
        await self.show("TELESCOPE_PARK", state, message)

    async def _publish(self, state: str) -> None:
        side = "PIER_WEST" if self.hour_angle() < 0 else "PIER_EAST"
        if side != self.selected("TELESCOPE_PIER_SIDE"):
            self.select("TELESCOPE_PIER_SIDE", side)
            await self.show("TELESCOPE_PIER_SIDE")
        await self.show("EQUATORIAL_EOD_COORD", state, RA=self.mount.ra, DEC=self.mount.dec)
        self._since_shown = 0.0

    async def tick(self, seconds: float) -> None:
        before = (self.mount.ra, self.mount.dec)
        guiding = self.mount.guide_ra.left_s > 0, self.mount.guide_dec.left_s > 0
        parking = self.mount.parking
        arrived = self.mount.advance(seconds)
        self._since_shown += seconds
        if arrived:
            await self._arrived(parking)
        elif (self.mount.ra, self.mount.dec) != before and (
            self.mount.moving or any(guiding) or self._since_shown >= PUBLISH_S
        ):
            await self._publish("Busy" if self.mount.moving else "Ok" if self.mount.tracking else "Idle")
        await self._guided(*guiding)

    async def _arrived(self, parking: bool) -> None:
        await self._show_tracking()
        if parking:
            await self._show_park("Ok", "The telescope is parked")
        await self._publish("Ok" if self.mount.tracking else "Idle")

    async def _guided(self, ra: bool, dec: bool) -> None:
        """Say of each pulse that has just ended that it did."""
        if ra and self.mount.guide_ra.left_s <= 0:
            await self.show("TELESCOPE_TIMED_GUIDE_WE", "Idle", TIMED_GUIDE_W=0.0, TIMED_GUIDE_E=0.0)
        if dec and self.mount.guide_dec.left_s <= 0:
            await self.show("TELESCOPE_TIMED_GUIDE_NS", "Idle", TIMED_GUIDE_N=0.0, TIMED_GUIDE_S=0.0)

    # the place, from a GPS

    def follows(self) -> Iterable[tuple[str, str]]:
        return [(self.prop("ACTIVE_DEVICES")["ACTIVE_GPS"], "GEOGRAPHIC_COORD")]

    async def on_heard(self, device: str, vector: str) -> None:
        place = {axis: self.listen(device, vector, axis) for axis in ("LAT", "LONG", "ELEV")}
        known = {axis: value for axis, value in place.items() if value is not None}
        await self.show("GEOGRAPHIC_COORD", **known)


def main() -> None:
    run.main(Telescope, NAME)


if __name__ == "__main__":
    main()
