"""The dome: turning, a shutter, parking, following the telescope, and closing when the weather is bad."""

import time
from collections.abc import Iterable
from typing import Any

from inditree_drivers import run
from inditree_drivers.base import DOME, Instrument
from inditree_drivers.earth import altitude_azimuth, sidereal_hours
from inditree_drivers.events import Refused, chosen, one_of, wanted
from inditree_drivers.motion import approach_on_circle, turn
from inditree_drivers.vectors import MAIN, OPTIONS, SITE, button, number, numbers, switches, texts

NAME = "Py Dome"
DEG_PER_S = 10.0
SHUTTER_S = 2.0
SLAVING = "Slaving"
POSITION = "ABS_DOME_POSITION"


def dome_vectors(prefix: str) -> list[Any]:
    sync = {"DOME_AUTOSYNC_ENABLE": "Enable", "DOME_AUTOSYNC_DISABLE": "Disable"}
    active = [
        ("ACTIVE_TELESCOPE", "Telescope", prefix + "Telescope"),
        ("ACTIVE_WEATHER", "Weather", prefix + "Weather"),
    ]
    relative = number("DOME_RELATIVE_POSITION", "Degrees", 0, -180, 180, 10, "%6.2f")
    return [
        switches("DOME_MOTION", "Motion", MAIN, {"DOME_CW": "Dome CW", "DOME_CCW": "Dome CCW"}, rule="AtMostOne"),
        numbers("REL_DOME_POSITION", "Relative Position", MAIN, relative),
        numbers(POSITION, "Absolute Position", MAIN, _azimuth("DOME_ABSOLUTE_POSITION", "Degrees")),
        button("DOME_ABORT_MOTION", "Abort Motion", MAIN, "ABORT", "Abort"),
        switches(
            "DOME_SHUTTER",
            "Shutter",
            MAIN,
            {"SHUTTER_OPEN": "Open", "SHUTTER_CLOSE": "Close"},
            on="SHUTTER_CLOSE",
            rule="AtMostOne",
        ),
        switches("DOME_PARK", "Parking", MAIN, {"PARK": "Park(ed)", "UNPARK": "UnPark(ed)"}, on="UNPARK"),
        numbers("DOME_PARK_POSITION", "Park Position", SITE, _azimuth("PARK_AZ", "AZ D:M:S")),
        switches("DOME_AUTOSYNC", "Slaving", SLAVING, sync, on="DOME_AUTOSYNC_DISABLE"),
        numbers(
            "DOME_PARAMS",
            "Params",
            SLAVING,
            number("AUTOSYNC_THRESHOLD", "Autosync threshold (deg)", 0.5, 0, 360, 1, "%6.2f"),
        ),
        texts("ACTIVE_DEVICES", "Snoop devices", OPTIONS, active),
    ]


def _azimuth(name: str, label: str) -> Any:
    return number(name, label, 0, 0, 360, 1, "%6.2f")


class Dome(Instrument):
    """Azimuth in degrees, 0 north, 90 east. Its slit is taken to be right above the telescope's pier."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-dome", DOME, dome_vectors(prefix))
        self.azimuth = self.target = 0.0
        self.turning = 0.0  # degrees per second by hand, clockwise positive
        self.parked = self.parking = False
        self.shutter_s = 0.0  # until it has opened or closed
        self.accept("DOME_PARK_POSITION", "DOME_PARAMS")
        self.handlers |= {
            "DOME_MOTION": self._motion,
            "REL_DOME_POSITION": self._relative,
            POSITION: self._absolute,
            "DOME_ABORT_MOTION": self._abort,
            "DOME_SHUTTER": self._shutter,
            "DOME_PARK": self._park,
            "DOME_AUTOSYNC": self._autosync,
            "ACTIVE_DEVICES": self._active,
        }

    @property
    def moving(self) -> bool:
        return bool(self.turning) or turn(self.azimuth, self.target, 360) != 0

    def _awake(self) -> None:
        if self.parked:
            raise Refused("The dome is parked: unpark it first")

    # requests

    async def _absolute(self, event: Any) -> None:
        await self._goto(wanted(event)["DOME_ABSOLUTE_POSITION"])

    async def _relative(self, event: Any) -> None:
        way = wanted(event)["DOME_RELATIVE_POSITION"]
        self.put("REL_DOME_POSITION", DOME_RELATIVE_POSITION=way)
        await self._goto(self.azimuth + way)

    async def _goto(self, azimuth: float) -> None:
        self._awake()
        self.target, self.turning, self.parking = azimuth % 360, 0.0, False
        await self._publish()

    async def _motion(self, event: Any) -> None:
        self._awake()
        way = chosen(event)
        self.turning = {"DOME_CW": DEG_PER_S, "DOME_CCW": -DEG_PER_S}.get(way or "", 0.0)
        self.target, self.parking = self.azimuth, False
        self.select("DOME_MOTION", way)
        await self.show("DOME_MOTION", "Busy" if way else "Ok")
        await self._publish()

    async def _abort(self, event: Any) -> None:
        self.target, self.turning, self.parking = self.azimuth, 0.0, False
        self.select("DOME_MOTION", None)
        await self.show("DOME_MOTION", "Idle")
        await self._show_park("Ok" if self.parked else "Idle")
        await self.show("DOME_ABORT_MOTION", "Ok", ABORT="Off")
        await self._publish()

    async def _shutter(self, event: Any) -> None:
        to = one_of(event)
        if to == "SHUTTER_OPEN" and self._bad_weather():
            raise Refused("The weather is bad: the shutter stays closed")
        await self._move_shutter(to)

    async def _move_shutter(self, to: str, message: str = "") -> None:
        self.select("DOME_SHUTTER", to)
        self.shutter_s = SHUTTER_S
        await self.show("DOME_SHUTTER", "Busy", message)

    async def _park(self, event: Any) -> None:
        if one_of(event) == "UNPARK":
            self.parked = self.parking = False
            await self._show_park("Idle")
            return
        await self._goto(self.value("DOME_PARK_POSITION", "PARK_AZ"))
        self.parking = True
        self.select("DOME_PARK", "PARK")
        await self.show("DOME_PARK", "Busy")

    async def _show_park(self, state: str) -> None:
        self.select("DOME_PARK", "PARK" if self.parked else "UNPARK")
        await self.show("DOME_PARK", state)

    async def _autosync(self, event: Any) -> None:
        await self.store(event)
        await self._sync()

    # what it shows

    async def _publish(self) -> None:
        state = "Busy" if self.moving else "Ok"
        await self.show("REL_DOME_POSITION", state)
        await self.show(POSITION, state, DOME_ABSOLUTE_POSITION=round(self.azimuth, 4))

    async def on_connect(self) -> None:
        await self._publish()
        await self.show("DOME_SHUTTER")
        await self._show_park("Ok" if self.parked else "Idle")

    async def tick(self, seconds: float) -> None:
        if self.moving:
            await self._turn(seconds)
        if self.shutter_s > 0:
            self.shutter_s -= seconds
            if self.shutter_s <= 0:
                await self.show("DOME_SHUTTER", "Ok")
        await self._sync()

    async def _turn(self, seconds: float) -> None:
        if self.turning:
            self.azimuth = self.target = (self.azimuth + self.turning * seconds) % 360
        else:
            self.azimuth = approach_on_circle(self.azimuth, self.target, DEG_PER_S * seconds, 360)
        if self.parking and not self.moving:
            self.parked, self.parking = True, False
            await self._show_park("Ok")
        await self._publish()

    # the telescope and the weather

    def follows(self) -> Iterable[tuple[str, str]]:
        active = self.prop("ACTIVE_DEVICES")
        telescope = active["ACTIVE_TELESCOPE"]
        return [
            (telescope, "EQUATORIAL_EOD_COORD"),
            (telescope, "GEOGRAPHIC_COORD"),
            (active["ACTIVE_WEATHER"], "WEATHER_STATUS"),
        ]

    def wanted_azimuth(self) -> float | None:
        """Gives the azimuth to which the telescope looks; None while that is not known."""
        telescope = self.prop("ACTIVE_DEVICES")["ACTIVE_TELESCOPE"]
        ra, dec = (self.listen(telescope, "EQUATORIAL_EOD_COORD", axis) for axis in ("RA", "DEC"))
        lat, long = (self.listen(telescope, "GEOGRAPHIC_COORD", axis) for axis in ("LAT", "LONG"))
        if ra is None or dec is None or lat is None or long is None:
            return None
        return altitude_azimuth(sidereal_hours(time.time(), long) - ra, dec, lat)[1]

    async def _sync(self) -> None:
        if self.selected("DOME_AUTOSYNC") != "DOME_AUTOSYNC_ENABLE" or self.parked or self.parking or self.turning:
            return
        azimuth = self.wanted_azimuth()
        if azimuth is None:
            return
        if abs(turn(self.target, azimuth, 360)) > self.value("DOME_PARAMS", "AUTOSYNC_THRESHOLD"):
            await self._goto(azimuth)

    def _bad_weather(self) -> bool:
        weather = self.prop("ACTIVE_DEVICES")["ACTIVE_WEATHER"]
        return self.heard_state.get((weather, "WEATHER_STATUS")) == "Alert"

    async def on_heard(self, device: str, vector: str) -> None:
        open_ = self.selected("DOME_SHUTTER") == "SHUTTER_OPEN"
        if vector == "WEATHER_STATUS" and self.connected and open_ and self._bad_weather():
            await self._move_shutter("SHUTTER_CLOSE", "The weather is bad: closing the shutter")


def main() -> None:
    run.main(Dome, NAME)


if __name__ == "__main__":
    main()
