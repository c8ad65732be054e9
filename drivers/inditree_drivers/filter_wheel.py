"""The filter wheel: eight filters, one slot after the other, the shorter way round."""

from typing import Any

from inditree_drivers import run
from inditree_drivers.base import FILTER, Instrument
from inditree_drivers.events import wanted
from inditree_drivers.filters import FILTERS
from inditree_drivers.motion import turn
from inditree_drivers.vectors import number, numbers, texts

NAME = "Py Filter Wheel"
SECONDS_PER_SLOT = 0.5
GROUP = "Filter Wheel"


def wheel_vectors() -> list[Any]:
    names = [(f"FILTER_SLOT_NAME_{slot}", f"Filter#{slot}", name) for slot, name in enumerate(FILTERS, 1)]
    slot = number("FILTER_SLOT_VALUE", "Filter", 1, 1, len(FILTERS), 1, "%3.0f")
    return [numbers("FILTER_SLOT", "Filter Slot", GROUP, slot), texts("FILTER_NAME", "Filter", GROUP, names)]


class FilterWheel(Instrument):
    """A camera takes the throughput of a filter from its name (see filters.py)."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-filter-wheel", FILTER, wheel_vectors())
        self.slot = self.target = 1
        self.left_s = 0.0
        self.accept("FILTER_NAME")
        self.handlers["FILTER_SLOT"] = self._turn

    async def _turn(self, event: Any) -> None:
        self.target = round(wanted(event)["FILTER_SLOT_VALUE"])
        self.left_s = SECONDS_PER_SLOT * abs(turn(self.slot, self.target, len(FILTERS)))
        await self._publish()

    async def _publish(self) -> None:
        state = "Ok" if self.slot == self.target else "Busy"
        await self.show("FILTER_SLOT", state, FILTER_SLOT_VALUE=float(self.slot))

    async def on_connect(self) -> None:
        await self._publish()

    async def tick(self, seconds: float) -> None:
        self.left_s -= seconds
        if self.slot != self.target and self.left_s <= 0:
            self.slot = self.target
            await self._publish()


def main() -> None:
    run.main(FilterWheel, NAME)


if __name__ == "__main__":
    main()
