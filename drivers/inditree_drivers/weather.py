"""The weather station: what WEATHER_CONTROL is set to, judged by ranges that a client may change."""

from typing import Any

from inditree_drivers import run
from inditree_drivers.base import WEATHER, Instrument
from inditree_drivers.events import wanted
from inditree_drivers.telescope_properties import geographic
from inditree_drivers.vectors import MAIN, button, lights, number, numbers, switches

NAME = "Py Weather"
GROUP = "Parameters"
# Of each parameter: label, the member of WEATHER_CONTROL that sets it, lowest and highest value that is safe.
PARAMETERS = {
    "WEATHER_FORECAST": ("Weather", "Weather", 0.0, 0.0),
    "WEATHER_TEMPERATURE": ("Temperature (C)", "Temperature", -10.0, 30.0),
    "WEATHER_WIND_SPEED": ("Wind (kph)", "Wind", 0.0, 20.0),
    "WEATHER_WIND_GUST": ("Gust (kph)", "Gust", 0.0, 20.0),
    "WEATHER_RAIN_HOUR": ("Precip (mm)", "Precip", 0.0, 0.0),
}
# Those that decide whether it is safe.
CRITICAL = ("WEATHER_FORECAST", "WEATHER_TEMPERATURE", "WEATHER_WIND_SPEED", "WEATHER_RAIN_HOUR")
MILD = {"Temperature": 15.0}
BY_BADNESS = ("Idle", "Ok", "Busy", "Alert")


def judge(value: float, low: float, high: float, warn_percent: float) -> str:
    """Alert outside of low..high, Busy near an end of it, else Ok. An end at 0 has no warning: no wind is no danger."""
    margin = (high - low) * warn_percent / 100
    if not low <= value <= high:
        return "Alert"
    near = (low != 0 and value < low + margin) or (high != 0 and value > high - margin)
    return "Busy" if near else "Ok"


def weather_vectors() -> list[Any]:
    return [
        numbers("WEATHER_UPDATE", "Update", MAIN, number("PERIOD", "Period (s)", 60, 0, 3600, 60, "%.f")),
        button("WEATHER_REFRESH", "Weather", MAIN, "REFRESH", "Refresh"),
        switches("WEATHER_OVERRIDE", "Safety", MAIN, {"OVERRIDE": "Override Status"}, rule="AnyOfMany"),
        lights("WEATHER_STATUS", "Status", MAIN, {name: PARAMETERS[name][0] for name in CRITICAL}),
        numbers(
            "WEATHER_PARAMETERS",
            "Parameters",
            GROUP,
            *(
                number(name, label, MILD.get(control, 0), low, high, 0, "%4.2f")
                for name, (label, control, low, high) in PARAMETERS.items()
            ),
            perm="ro",
        ),
        *(_range(name, label, low, high) for name, (label, _, low, high) in PARAMETERS.items()),
        numbers(
            "WEATHER_CONTROL",
            "Control",
            MAIN,
            number("Weather", "Weather", 0, 0, 1, 1, "%.f"),
            number("Temperature", "Temperature", MILD["Temperature"], -50, 70, 10, "%.2f"),
            number("Wind", "Wind", 0, 0, 100, 5, "%.2f"),
            number("Gust", "Gust", 0, 0, 50, 5, "%.2f"),
            number("Precip", "Precip", 0, 0, 100, 10, "%.f"),
        ),
        geographic("rw"),
    ]


def _range(name: str, label: str, low: float, high: float) -> Any:
    return numbers(
        name,
        label,
        GROUP,
        number("MIN_OK", "OK range min", low, -1e6, 1e6, 0, "%4.2f"),
        number("MAX_OK", "OK range max", high, -1e6, 1e6, 0, "%4.2f"),
        number("PERC_WARN", "% for Warning", 15, 0, 100, 1),
    )


class Weather(Instrument):
    """Shows the weather each PERIOD, and at once when it is changed or asked for."""

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        super().__init__(name, "inditree-weather", WEATHER, weather_vectors())
        self.since_s = 0.0
        self.accept("GEOGRAPHIC_COORD")
        self.handlers |= {"WEATHER_REFRESH": self._refresh, "WEATHER_UPDATE": self._period}
        self.handlers |= dict.fromkeys(("WEATHER_CONTROL", "WEATHER_OVERRIDE", *PARAMETERS), self._change)

    async def _refresh(self, event: Any) -> None:
        self.select("WEATHER_REFRESH", None)
        await self.show("WEATHER_REFRESH")
        await self._publish()

    async def _period(self, event: Any) -> None:
        await self.show("WEATHER_UPDATE", "Ok", **wanted(event))

    async def _change(self, event: Any) -> None:
        await self.store(event)
        await self._publish()

    async def _publish(self) -> None:
        self.since_s = 0.0
        now = {name: self.value("WEATHER_CONTROL", PARAMETERS[name][1]) for name in PARAMETERS}
        await self.show("WEATHER_PARAMETERS", "Ok", **now)
        status = {name: self._judged(name, now[name]) for name in CRITICAL}
        safe = self.selected("WEATHER_OVERRIDE") is not None
        worst = "Ok" if safe else max(status.values(), key=BY_BADNESS.index)
        await self.show("WEATHER_STATUS", worst, **status)

    def _judged(self, name: str, value: float) -> str:
        return judge(value, *(self.value(name, member) for member in ("MIN_OK", "MAX_OK", "PERC_WARN")))

    async def on_connect(self) -> None:
        await self._publish()

    async def tick(self, seconds: float) -> None:
        self.since_s += seconds
        if 0 < self.value("WEATHER_UPDATE", "PERIOD") <= self.since_s:
            await self._publish()


def main() -> None:
    run.main(Weather, NAME)


if __name__ == "__main__":
    main()
