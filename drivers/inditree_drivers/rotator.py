"""The rotator: turns the camera to a position angle, the shorter way round."""

from typing import Any

from inditree_drivers import run
from inditree_drivers.base import ROTATOR, Instrument
from inditree_drivers.events import wanted
from inditree_drivers.motion import approach_on_circle
from inditree_drivers.vectors import MAIN, button, number, numbers, switches

NAME = "Py Rotator"
DEGREES_PER_S = 10.0
CIRCLE = 360.0


def rotator_vectors() -> list[Any]:
    toggle = {"INDI_ENABLED": "Enabled", "INDI_DISABLED": "Disabled"}
    return [
        numbers("ABS_ROTATOR_ANGLE", "Goto", MAIN, _angle()),
        numbers("SYNC_ROTATOR_ANGLE", "Sync", MAIN, _angle()),
        button("ROTATOR_ABORT_MOTION", "Abort Motion", MAIN, "ABORT", "Abort"),
        switches("ROTATOR_REVERSE", "Reverse", MAIN, toggle, on="INDI_DISABLED"),
    ]


def _angle() -> Any:
    return number("ANGLE", "Angle", 0, 0, CIRCLE, 10, "%.2f")


class Rotator(Instrument):
    """The angle that is shown is where it stands, counted backwards where ROTATOR_REVERSE says so, from an offset that
    SYNC_ROTATOR_ANGLE sets.
    """

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-rotator", ROTATOR, rotator_vectors())
        self.position = self.target = 0.0  # degrees of its own gear
        self.offset = 0.0
        self.handlers |= {
            "ABS_ROTATOR_ANGLE": self._turn,
            "SYNC_ROTATOR_ANGLE": self._sync,
            "ROTATOR_ABORT_MOTION": self._abort,
            "ROTATOR_REVERSE": self._reverse,
        }

    @property
    def _sign(self) -> int:
        return -1 if self.selected("ROTATOR_REVERSE") == "INDI_ENABLED" else 1

    async def _turn(self, event: Any) -> None:
        self.target = self._sign * (wanted(event)["ANGLE"] - self.offset) % CIRCLE
        await self._publish()

    async def _sync(self, event: Any) -> None:
        angle = wanted(event)["ANGLE"]
        self.offset = angle - self._sign * self.position
        self.target = self.position
        await self.show("SYNC_ROTATOR_ANGLE", "Ok", ANGLE=angle)
        await self._publish()

    async def _abort(self, event: Any) -> None:
        self.target = self.position
        self.select("ROTATOR_ABORT_MOTION", None)
        await self.show("ROTATOR_ABORT_MOTION")
        await self._publish("Idle")

    async def _reverse(self, event: Any) -> None:
        await self.store(event)
        await self._publish()

    async def _publish(self, state: str = "") -> None:
        state = state or ("Ok" if self.position == self.target else "Busy")
        angle = (self._sign * self.position + self.offset) % CIRCLE
        await self.show("ABS_ROTATOR_ANGLE", state, ANGLE=round(angle, 4))

    async def on_connect(self) -> None:
        await self._publish()

    async def tick(self, seconds: float) -> None:
        if self.position != self.target:
            self.position = approach_on_circle(self.position, self.target, DEGREES_PER_S * seconds, CIRCLE)
            await self._publish()


def main() -> None:
    run.main(Rotator, NAME)


if __name__ == "__main__":
    main()
