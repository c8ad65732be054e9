"""Each kind of panel, drawn as Grafana draws it, as far as our dashboards use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from board import units
from board.model import KINDS, ROW, BoardError, Panel, Series
from board.picture import CURVES, DIM, EDGE, NAMED, PANEL, POINT, Box, Page, place

TITLE = 34  # pixels that a panel's title takes
LINE = 19  # of a line of a legend
LEGEND_LINES = 6
TIME_LINE = 22
NARROWEST_AXIS, DIGIT = 26, 7.4
TIME_ROOM, MARK_ROOM = 90, 20  # pixels for one time below the axis, one value beside it
STEPS_S = (5, 10, 15, 20, 30, 60, 120, 300)
LAST_AND_MAX = 82  # pixels of a column of the legend
# Grafana's Oranges are dark for little in the dark theme. The palest are left out: they are not seen as orange.
HEAT, HEAT_EXPONENT, HEAT_TOP = colormaps["Oranges_r"], 0.6, 1.3

Times = Sequence[int]
Drawer = Callable[[Page, Panel, Box, Sequence[Series], Times], None]


def draw(page: Page, panel: Panel, series: Sequence[Series], times: Times) -> None:
    """A panel with its frame and title; "No data" where it has no series."""
    box = place(panel.x, panel.y, panel.width, panel.height)
    if panel.kind == ROW:
        page.text(box.left + 6, box.top + box.height / 2, f"▾  {panel.title}", 15.5, bold=True)
        return
    page.rectangle(box, PANEL, EDGE, 3)
    page.text(box.left + 12, box.top + 18, panel.title, 14, bold=True)
    inner = box.inner(12, TITLE, 12, 8)
    if series:
        DRAWERS[panel.kind](page, panel, inner, series, times)
    else:
        page.text(inner.left + inner.width / 2, inner.top + inner.height / 2, "No data", 14, DIM, "center")


def _curves(page: Page, panel: Panel, box: Box, series: Sequence[Series], times: Times) -> None:
    shown = _in_legend(series)
    lines = len(shown) + 1 + (len(series) > len(shown))
    plot = box.inner(0, 0, 0, lines * LINE + TIME_LINE + 4)
    names = sorted({panel.unit(each.name) for each in series}, key=lambda unit: unit != panel.unit())
    if len(names) > 2:
        raise BoardError(f"{panel.title}: more units than there are axes")
    tops = {unit: _top(series, panel, unit) for unit in names}
    marks = {unit: units.ticks(tops[unit], unit, max(2, min(5, int(plot.height / MARK_ROOM)))) for unit in names}
    room = [max(NARROWEST_AXIS, DIGIT * max(len(units.text(each, unit)) for each in marks[unit])) for unit in names]
    plot = plot.inner(room[0], 4, room[1] if len(names) > 1 else 4, 0)
    axes = {unit: page.axes(plot) for unit in names}
    for index, unit in enumerate(names):
        _clock(axes[unit], plot, times, hidden=bool(index))
        _scale(axes[unit], unit, tops[unit], marks[unit], right=bool(index))
    for number, each in enumerate(series):
        _curve(axes[panel.unit(each.name)], each, times, CURVES[number % len(CURVES)])
    _legend(page, panel, Box(box.left, box.bottom - lines * LINE, box.width, lines * LINE), series, shown)


def _in_legend(series: Sequence[Series]) -> list[int]:
    """Which have a line there: all that fit. Grafana's legend can be scrolled; ours has those that rose highest."""
    if len(series) <= LEGEND_LINES:
        return list(range(len(series)))
    highest = sorted(range(len(series)), key=lambda n: -(series[n].largest or 0))
    return sorted(highest[: LEGEND_LINES - 1])


def _top(series: Sequence[Series], panel: Panel, unit: str) -> float:
    """The upper end of an axis: a little above the largest value, 1 where all are 0."""
    return 1.06 * max(each.largest or 0 for each in series if panel.unit(each.name) == unit) or 1.0


def _scale(axes: Axes, unit: str, top: float, marks: Sequence[float], *, right: bool) -> None:
    axes.set_ylim(0, top)
    axes.set_yticks(marks, [units.text(each, unit) if each else "0" for each in marks])
    if right:
        axes.yaxis.tick_right()
        axes.tick_params(length=0)
        axes.grid(visible=False)


def _clock(axes: Axes, plot: Box, times: Times, *, hidden: bool = False) -> None:
    """The time below the axes; one whose text would stand over the edge of the panel is left out."""
    begin, end = times[0], times[-1]
    axes.set_xlim(begin, end)
    second = plot.width / (end - begin)
    step = next((each for each in STEPS_S if each * second >= TIME_ROOM), STEPS_S[-1])
    first = (begin // step + 1) * step
    marks = [each for each in range(first, end, step) if min(each - begin, end - each) * second > 22]
    axes.set_xticks(marks, ["" if hidden else f"{datetime.fromtimestamp(each, UTC):%H:%M:%S}" for each in marks])


def _curve(axes: Axes, series: Series, times: Times, colour: str) -> None:
    values = [float("nan") if each is None else each for each in series.values]
    axes.plot(times, values, color=colour, linewidth=1.6 * POINT, solid_joinstyle="round")
    axes.fill_between(times, values, color=colour, alpha=0.08, linewidth=0)
    alone = [n for n, each in enumerate(series.values) if each is not None and not _beside(series.values, n)]
    axes.plot([times[n] for n in alone], [values[n] for n in alone], ".", color=colour, markersize=3)


def _beside(values: Sequence[float | None], index: int) -> bool:
    """Whether a value has another next to it, with which it makes a line."""
    return any(0 <= n < len(values) and values[n] is not None for n in (index - 1, index + 1))


def _legend(page: Page, panel: Panel, box: Box, series: Sequence[Series], shown: Sequence[int]) -> None:
    """A table: the name, the last and the largest value of each."""
    largest, last = box.right, box.right - LAST_AND_MAX
    y = box.top + LINE / 2 + 2
    for x, what in ((box.left, "Name"), (last, "Last"), (largest, "Max")):
        page.text(x, y, what, 12, "#6ea0ff", "left" if what == "Name" else "right")
    for number in shown:
        each = series[number]
        y += LINE
        page.rectangle(Box(box.left, y - 2, 14, 4), CURVES[number % len(CURVES)], radius=1)
        page.text(box.left + 20, y, page.fit(each.name, 12.5, last - box.left - LAST_AND_MAX), 12.5)
        unit = panel.unit(each.name)
        page.text(last, y, units.text(each.last, unit), 12.5, align="right")
        page.text(largest, y, units.text(each.largest, unit), 12.5, align="right")
    if more := len(series) - len(shown):
        page.text(box.left + 20, y + LINE, f"and {more} more", 12.5, DIM)


def _numbers(page: Page, panel: Panel, box: Box, series: Sequence[Series], times: Times) -> None:
    """Big, one beside the other; with their names where there are several, or nothing but the name."""
    only_name = panel.json["options"]["textMode"] == "name"
    share = box.width / len(series)
    for number, each in enumerate(series):
        x = box.left + share * (number + 0.5)
        last = round(each.last) if panel.defaults.get("decimals") == 0 and each.last is not None else each.last
        what = each.name if only_name else units.text(last, panel.unit(each.name))
        size = next(size for size in (44, 38, 32, 26, 20) if size == 20 or page.width(what, size, True) < share - 8)
        if len(series) > 1:
            page.text(x, box.top + 10, page.fit(each.name, 13, share - 8), 13, DIM, "center")
        middle = box.top + box.height / 2 + (10 if len(series) > 1 else -4)
        page.text(x, middle, what, size, _threshold(panel, each.last), "center", bold=True)


def _threshold(panel: Panel, value: float | None) -> str:
    """The colour of the last step that the value has reached."""
    steps = panel.defaults["thresholds"]["steps"]
    return NAMED[[each["color"] for each in steps if each["value"] is None or (value or 0) >= each["value"]][-1]]


def _states(page: Page, panel: Panel, box: Box, series: Sequence[Series], times: Times) -> None:
    """A bar for each, cut where the state changes; below, which colour is which."""
    mapped: Mapping[str, Mapping[str, str]] = panel.defaults["mappings"][0]["options"]
    names = max(page.width(each.name, 12.5) for each in series) + 12
    plot = box.inner(names, 4, 4, TIME_LINE + LINE + 8)
    axes = page.axes(plot)
    axes.grid(visible=False, axis="y")
    _clock(axes, plot, times)
    axes.set_ylim(len(series), 0)
    axes.set_yticks([])
    for row, each in enumerate(series):
        page.text(plot.left - 10, plot.top + plot.height * (row + 0.5) / len(series), each.name, 12.5, align="right")
        for begin, end, value in _spans(each.values):
            colour = NAMED[mapped[str(int(value))]["color"]]
            left, right = times[begin], times[min(end, len(times) - 1)]
            axes.barh(row + 0.5, right - left, 0.8, left, color=colour, linewidth=0)
    x, middle = box.left, box.bottom - LINE / 2
    for key in sorted({str(int(value)) for each in series for value in each.values if value is not None}):
        page.rectangle(Box(x, middle - 2, 14, 4), NAMED[mapped[key]["color"]], radius=1)
        page.text(x + 20, middle, mapped[key]["text"], 12.5)
        x += 20 + page.width(mapped[key]["text"], 12.5) + 18


def _spans(values: Sequence[float | None]) -> list[tuple[int, int, float]]:
    """First and following index of each stretch of the same value; where there is none, there is no stretch."""
    found: list[tuple[int, int, float]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][1] == index and found[-1][2] == value:
            found[-1] = (found[-1][0], index + 1, value)
        else:
            found.append((index, index + 1, value))
    return found


def _heat(page: Page, panel: Panel, box: Box, series: Sequence[Series], times: Times) -> None:
    """Prometheus's buckets hold what is in the smaller ones, too: that is taken off before they are drawn."""
    unit = str(panel.json["options"]["yAxis"]["unit"])
    buckets = sorted(series, key=lambda each: float(each.labels["le"]))
    cells: list[list[float]] = []
    below = [0.0] * len(times)
    for each in buckets:
        values = [value or 0.0 for value in each.values]
        cells.append([max(0.0, value - less) for value, less in zip(values, below, strict=True)])
        below = values
    ends = [units.text(float(each.labels["le"]), unit) if each.labels["le"] != "+Inf" else "+Inf" for each in buckets]
    plot = box.inner(DIGIT * max(map(len, ends)), 6, 4, TIME_LINE + LINE + 8)
    axes = page.axes(plot)
    axes.grid(visible=False)
    _clock(axes, plot, times)
    most = max(map(max, cells)) or 1.0
    axes.imshow(
        [[value if value > 1e-9 else float("nan") for value in row] for row in cells],
        cmap=HEAT,
        norm=PowerNorm(HEAT_EXPONENT, 0, most * HEAT_TOP),
        aspect="auto",
        origin="lower",
        extent=(times[0], times[-1], 0, len(buckets)),
        interpolation="nearest",
    )
    axes.set_yticks(range(1, len(buckets) + 1), ends)
    _colour_bar(page, Box(box.left, box.bottom - LINE + 4, box.width, LINE), most)


def _colour_bar(page: Page, box: Box, most: float) -> None:
    steps, width = 48, 200.0
    page.text(box.left, box.top + 6, "0", 12, DIM)
    for step in range(steps):
        red, green, blue, _ = HEAT((step / steps / HEAT_TOP) ** HEAT_EXPONENT, bytes=True)
        cell = Box(box.left + 16 + width * step / steps, box.top + 1, width / steps + 0.5, 9)
        page.rectangle(cell, f"#{red:02x}{green:02x}{blue:02x}")
    page.text(box.left + 16 + width + 8, box.top + 6, f"{units.text(most, 'none')} per second", 12, DIM)


DRAWERS: dict[str, Drawer] = dict(zip(KINDS, (_curves, _numbers, _states, _heat), strict=True))
