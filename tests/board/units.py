"""Values as Grafana writes them, by the names that it has for units."""

from __future__ import annotations

import math

SI = ("", "k", "M", "G", "T")
IEC = ("", "Ki", "Mi", "Gi", "Ti")
SCALES: dict[str, list[tuple[float, str]]] = {
    "bytes": [(1024.0**n, f" {prefix}B") for n, prefix in enumerate(IEC)],
    "Bps": [(1000.0**n, f" {prefix}B/s") for n, prefix in enumerate(SI)],
    "cps": [(1000.0**n, f" {prefix}c/s") for n, prefix in enumerate(("", "K", "M"))],
    "s": [(1e-9, " ns"), (1e-6, " µs"), (1e-3, " ms"), (1.0, " s"), (60.0, " min"), (3600.0, " h")],
    "ms": [(0.001, " µs"), (1.0, " ms"), (1000.0, " s"), (60_000.0, " min")],
    "percentunit": [(0.01, "%")],
    "percent": [(1.0, "%")],
    "celsius": [(1.0, " °C")],
    "degree": [(1.0, "°")],
    "none": [(1.0, "")],
    "short": [(1000.0**n, suffix) for n, suffix in enumerate(("", " K", " Mil", " Bil"))],
}
UNITS = frozenset(SCALES) | {"bool_on_off"}
STEPS = (1, 2, 2.5, 5, 10)
STEPS_IEC = tuple(2**n for n in range(11))


def text(value: float | None, unit: str) -> str:
    """A value in a unit; KeyError for a unit that is not in UNITS."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "bool_on_off":
        return "On" if value else "Off"
    factor, suffix = _scale(value, unit)
    return _digits(value / factor) + suffix


def ticks(top: float, unit: str, most: int = 5) -> list[float]:
    """From 0 to `top` (more than 0) or the last before it: at most `most` steps, even in the unit."""
    factor, _ = _scale(top, unit)
    smallest = top / factor / most
    if unit == "bytes" and smallest >= 1:
        step = float(next(each for each in STEPS_IEC if each >= smallest))
    else:
        power = 10.0 ** math.floor(math.log10(smallest))
        step = power * next(each for each in STEPS if power * each >= smallest * (1 - 1e-9))
    return [n * step * factor for n in range(math.floor(top / factor / step + 1e-9) + 1)]


def _scale(value: float, unit: str) -> tuple[float, str]:
    """The largest factor that leaves at least 1 before it; 0 and what is too small have that of the plain unit."""
    scales = SCALES[unit]
    fitting = [each for each in scales if abs(value) >= each[0]]
    return fitting[-1] if fitting else next((each for each in scales if each[0] == 1.0), scales[0])


def _digits(value: float) -> str:
    """Three that count, all of those before the point, no trailing zeros."""
    before = len(str(int(abs(value))))
    return f"{value:.{3 - before}f}".rstrip("0").rstrip(".") if before < 3 else f"{value:.0f}"
