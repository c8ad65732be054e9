"""The focuser: absolute and relative moves, and what its position makes of a star."""

import math
from collections.abc import Iterable
from typing import Any

from inditree_drivers import run
from inditree_drivers.base import FOCUSER, Instrument
from inditree_drivers.events import Refused, wanted
from inditree_drivers.motion import approach
from inditree_drivers.vectors import MAIN, OPTIONS, button, number, numbers, switches, texts

NAME = "Py Focuser"
START, BEST, MOST = 50000.0, 40000.0, 100000.0
SEEING_ARCSEC = 2.5
# How much a star grows for each step away from the focus, far from it.
ARCSEC_PER_STEP = 0.0005
STEPS_PER_S = 5000.0  # of each unit of FOCUS_SPEED
SIMULATOR = "Simulator Config"


def fwhm(position: float, best: float, seeing: float) -> float:
    """Full width at half maximum in arc seconds: a hyperbola, the "V-curve", with its minimum at `best`."""
    return math.hypot(seeing, ARCSEC_PER_STEP * (position - best))


def focuser_vectors(prefix: str) -> list[Any]:
    toggle = {"INDI_ENABLED": "Enabled", "INDI_DISABLED": "Disabled"}
    motion = {"FOCUS_INWARD": "Focus In", "FOCUS_OUTWARD": "Focus Out"}
    return [
        switches("FOCUS_MOTION", "Direction", MAIN, motion, on="FOCUS_INWARD"),
        numbers("FOCUS_SPEED", "Speed", MAIN, number("FOCUS_SPEED_VALUE", "Focus Speed", 2, 1, 5, 1, "%3.0f")),
        numbers("REL_FOCUS_POSITION", "Relative Position", MAIN, _steps("FOCUS_RELATIVE_POSITION", "Steps", 0)),
        numbers("ABS_FOCUS_POSITION", "Absolute Position", MAIN, _steps("FOCUS_ABSOLUTE_POSITION", "Steps", START)),
        numbers("FOCUS_MAX", "Max. Position", MAIN, _steps("FOCUS_MAX_VALUE", "Steps", MOST), perm="ro"),
        button("FOCUS_ABORT_MOTION", "Abort Motion", MAIN, "ABORT", "Abort"),
        numbers("FOCUS_SYNC", "Sync", MAIN, _steps("FOCUS_SYNC_VALUE", "Steps", 0)),
        switches("FOCUS_REVERSE_MOTION", "Reverse Motion", MAIN, toggle, on="INDI_DISABLED"),
        numbers(
            "FOCUS_TEMPERATURE",
            "Temperature",
            MAIN,
            number("TEMPERATURE", "Celsius", 15, -50, 70, 0, "%6.2f"),
            perm="ro",
        ),
        numbers(
            "FWHM",
            "FWHM",
            MAIN,
            number("SIM_FWHM", "arcseconds", fwhm(START, BEST, SEEING_ARCSEC), 0, 60, 0, "%4.2f"),
            perm="ro",
        ),
        numbers(
            "SEEING_SETTINGS",
            "Seeing",
            SIMULATOR,
            number("SIM_SEEING", "arcseconds", SEEING_ARCSEC, 0.1, 60, 0, "%4.2f"),
        ),
        numbers("SIM_FOCUSING", "Focus Simulation", SIMULATOR, _steps("SIM_FOCUS_POSITION", "Best Focus", BEST)),
        texts("ACTIVE_DEVICES", "Snoop devices", OPTIONS, [("ACTIVE_WEATHER", "Weather", prefix + "Weather")]),
    ]


def _steps(name: str, label: str, value: float) -> Any:
    return number(name, label, value, 0, MOST, 1000, "%.f")


class Focuser(Instrument):
    """The position is what it counts; FOCUS_SYNC renumbers it and moves the best focus along with it."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-focuser", FOCUSER, focuser_vectors(prefix))
        self.position = self.target = START
        self.accept("FOCUS_MOTION", "FOCUS_SPEED", "FOCUS_REVERSE_MOTION")
        self.handlers |= {
            "ABS_FOCUS_POSITION": self._absolute,
            "REL_FOCUS_POSITION": self._relative,
            "FOCUS_ABORT_MOTION": self._abort,
            "FOCUS_SYNC": self._sync,
            "SEEING_SETTINGS": self._simulated,
            "SIM_FOCUSING": self._simulated,
            "ACTIVE_DEVICES": self._active,
        }

    async def _absolute(self, event: Any) -> None:
        await self._move(wanted(event)["FOCUS_ABSOLUTE_POSITION"])

    async def _relative(self, event: Any) -> None:
        steps = wanted(event)["FOCUS_RELATIVE_POSITION"]
        inward = self.selected("FOCUS_MOTION") == "FOCUS_INWARD"
        reverse = self.selected("FOCUS_REVERSE_MOTION") == "INDI_ENABLED"
        to = self.position + (steps if inward == reverse else -steps)
        if not 0 <= to <= MOST:
            raise Refused(f"{to:.0f} is outside 0..{MOST:.0f}")
        self.put("REL_FOCUS_POSITION", FOCUS_RELATIVE_POSITION=steps)
        await self._move(to)

    async def _move(self, to: float) -> None:
        self.target = to
        await self._publish("Ok" if self.target == self.position else "Busy")

    async def _abort(self, event: Any) -> None:
        self.target = self.position
        self.select("FOCUS_ABORT_MOTION", None)
        await self.show("FOCUS_ABORT_MOTION")
        await self._publish("Idle")

    async def _sync(self, event: Any) -> None:
        to = wanted(event)["FOCUS_SYNC_VALUE"]
        best = self.value("SIM_FOCUSING", "SIM_FOCUS_POSITION") + to - self.position
        self.position = self.target = to
        await self.show("FOCUS_SYNC", "Ok", FOCUS_SYNC_VALUE=to)
        await self.show("SIM_FOCUSING", "Ok", SIM_FOCUS_POSITION=best)
        await self._publish("Ok")

    async def _simulated(self, event: Any) -> None:
        await self.store(event)
        await self._show_fwhm()

    async def _publish(self, state: str) -> None:
        """The blur first: who sees that the focuser has arrived may expose at once."""
        await self._show_fwhm()
        await self.show("REL_FOCUS_POSITION", state)
        await self.show("ABS_FOCUS_POSITION", state, FOCUS_ABSOLUTE_POSITION=round(self.position))

    async def _show_fwhm(self) -> None:
        best = self.value("SIM_FOCUSING", "SIM_FOCUS_POSITION")
        width = fwhm(self.position, best, self.value("SEEING_SETTINGS", "SIM_SEEING"))
        await self.show("FWHM", "Ok", SIM_FWHM=round(width, 4))

    async def on_connect(self) -> None:
        await self._publish("Ok")

    async def tick(self, seconds: float) -> None:
        if self.position != self.target:
            most = STEPS_PER_S * self.value("FOCUS_SPEED", "FOCUS_SPEED_VALUE") * seconds
            self.position = approach(self.position, self.target, most)
            await self._publish("Ok" if self.position == self.target else "Busy")

    def follows(self) -> Iterable[tuple[str, str]]:
        return [(self.prop("ACTIVE_DEVICES")["ACTIVE_WEATHER"], "WEATHER_PARAMETERS")]

    async def on_heard(self, device: str, vector: str) -> None:
        temperature = self.listen(device, vector, "WEATHER_TEMPERATURE")
        if temperature is not None:
            await self.show("FOCUS_TEMPERATURE", "Ok", TEMPERATURE=temperature)


def main() -> None:
    run.main(Focuser, NAME)


if __name__ == "__main__":
    main()
