"""The page: where everything is, in pixels from the top left corner, in the colours of Grafana's dark theme."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

WIDTH, MARGIN, HEAD, GAP = 1600, 12, 64, 8
CELL = 30  # pixels of a row of the grid; Grafana puts GAP between rows and columns
COLUMNS = 24
COLOURS = 256  # of the file: more are not seen, and it is a third as large as with all
PAGE, PANEL, EDGE, GRID = "#111217", "#181b1f", "#26292f", "#2a2d33"
TEXT, DIM = "#ccccdc", "#8e8e9c"
NAMED = {"green": "#73bf69", "red": "#f2495c", "blue": "#5794f2", "orange": "#ff9830", "text": "#6e7079"}
CURVES = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#c0d8ff", "#a352cc")
POINT = 0.72  # of a pixel, at 100 dots per inch


@dataclass(frozen=True)
class Box:
    """A rectangle on the page."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Of its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Of its lower edge."""
        return self.top + self.height

    def inner(self, left: float, top: float, right: float, bottom: float) -> Box:
        """What is left of it within these margins."""
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


def place(x: int, y: int, width: int, height: int) -> Box:
    """Where the grid has a panel."""
    column = (WIDTH - 2 * MARGIN + GAP) / COLUMNS
    row = CELL + GAP
    return Box(MARGIN + x * column, HEAD + y * row, width * column - GAP, height * row - GAP)


class Page:
    """A picture of so many rows of the grid."""

    def __init__(self, rows: int) -> None:
        self.height = HEAD + rows * (CELL + GAP) + MARGIN - GAP
        mpl.rcParams["font.family"] = "DejaVu Sans"
        self.figure = Figure(figsize=(WIDTH / 100, self.height / 100), dpi=100, facecolor=PAGE)

    def text(
        self,
        x: float,
        y: float,
        what: str,
        size: float = 13,
        colour: str = TEXT,
        align: str = "left",
        bold: bool = False,
    ) -> None:
        """One line, its middle at the height y; size in pixels."""
        self.figure.text(
            x / WIDTH,
            1 - y / self.height,
            what,
            parse_math=False,
            fontsize=size * POINT,
            color=colour,
            ha=align,
            va="center_baseline",
            weight="bold" if bold else "normal",
        )

    def fit(self, what: str, size: float, width: float) -> str:
        """The text, or as much of it as has room, and dots."""
        shorter, length = what, len(what)
        while length > 1 and self.width(shorter, size) > width:
            length -= 1
            shorter = what[:length].rstrip() + "…"
        return shorter

    def width(self, what: str, size: float, bold: bool = False) -> float:
        """Of a text, in pixels."""
        weight = "bold" if bold else "normal"
        drawn = self.figure.text(0, 0, what, parse_math=False, fontsize=size * POINT, weight=weight)
        width = float(drawn.get_window_extent().width)
        drawn.remove()
        return width

    def rectangle(self, box: Box, colour: str, edge: str | None = None, radius: float = 0) -> None:
        """Filled; with an edge of one pixel where it has a colour."""
        patch = FancyBboxPatch(
            (box.left, self.height - box.bottom),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0",
            facecolor=colour,
            edgecolor=edge or "none",
            linewidth=POINT if edge else 0,
            transform=None,
        )
        self.figure.add_artist(patch)

    def axes(self, box: Box) -> Axes:
        """Axes that fill the box, with a grid and no frame."""
        size = (box.left / WIDTH, 1 - box.bottom / self.height, box.width / WIDTH, box.height / self.height)
        axes = self.figure.add_axes(size, facecolor="none", zorder=2)
        axes.tick_params(length=0, labelsize=11.5 * POINT, labelcolor=DIM, pad=4)
        axes.grid(color=GRID, linewidth=POINT)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def head(self, title: str, chosen: Sequence[tuple[str, str]], begin: float, end: float) -> None:
        """Above the panels: the dashboard's title, its variables, and the time that is shown."""
        middle = HEAD / 2 - 2
        self.text(MARGIN + 6, middle, title, 21, bold=True)
        x = MARGIN + 40 + self.width(title, 21, bold=True)
        for name, value in chosen:
            self.text(x, middle, name, 13, DIM)
            x += self.width(name, 13) + 8
            width = self.width(value, 13) + 20
            self.rectangle(Box(x, middle - 15, width, 30), PANEL, EDGE, 3)
            self.text(x + 10, middle, value, 13)
            x += width + 18
        first, last = (datetime.fromtimestamp(each, UTC) for each in (begin, end))
        self.text(WIDTH - MARGIN - 6, middle, f"{first:%Y-%m-%d %H:%M:%S} to {last:%H:%M:%S} UTC", 14, align="right")

    def save(self, file: Path) -> None:
        """As a PNG with few colours."""
        drawn = io.BytesIO()
        self.figure.savefig(drawn, dpi=100, facecolor=PAGE)
        drawn.seek(0)
        with Image.open(drawn) as image:
            # Maximum coverage, since the curves' colours are on few pixels.
            method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
            few = image.convert("RGB").quantize(COLOURS, method=method, kmeans=1, dither=dither)
            few.save(file, optimize=True)
