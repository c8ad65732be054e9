"""The GPS: place and time of the observatory."""

import time
from datetime import UTC, datetime
from typing import Any

from inditree_drivers import run
from inditree_drivers.base import GPS as INTERFACE
from inditree_drivers.base import Instrument
from inditree_drivers.events import wanted
from inditree_drivers.telescope_properties import geographic
from inditree_drivers.vectors import MAIN, button, number, numbers, texts

NAME = "Py GPS"


def gps_vectors() -> list[Any]:
    period = number("PERIOD", "Period (s)", 0, 0, 3600, 60, "%.f")
    return [
        geographic("ro", MAIN),
        texts("TIME_UTC", "UTC", MAIN, [("UTC", "UTC Time", ""), ("OFFSET", "UTC Offset", "0")], perm="ro"),
        button("GPS_REFRESH", "Refresh", MAIN, "REFRESH", "GPS"),
        numbers("GPS_REFRESH_PERIOD", "Refresh", MAIN, period),
    ]


class GPS(Instrument):
    """A GPS receiver that has a fix at once. With a period of 0 it says its place when it is connected or asked."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-gps", INTERFACE, gps_vectors())
        self.since_s = 0.0
        self.handlers |= {"GPS_REFRESH": self._refresh, "GPS_REFRESH_PERIOD": self._period}

    async def _refresh(self, event: Any) -> None:
        self.select("GPS_REFRESH", None)
        await self.on_connect()
        await self.show("GPS_REFRESH")

    async def _period(self, event: Any) -> None:
        self.since_s = 0.0
        await self.show("GPS_REFRESH_PERIOD", "Ok", **wanted(event))

    async def on_connect(self) -> None:
        self.since_s = 0.0
        await self.show("GEOGRAPHIC_COORD", "Ok")
        await self.show("TIME_UTC", "Ok", UTC=datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S"))

    async def tick(self, seconds: float) -> None:
        self.since_s += seconds
        if 0 < self.value("GPS_REFRESH_PERIOD", "PERIOD") <= self.since_s:
            await self.on_connect()


def main() -> None:
    run.main(GPS, NAME)


if __name__ == "__main__":
    main()
