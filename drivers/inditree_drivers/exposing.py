"""One exposure of a camera: what is taken down when it begins, and what becomes of it. Pure but for the clock read."""

import time
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from inditree_drivers.fits import About, encode
from inditree_drivers.frame import Shot, render


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Everything that counts is fixed when it begins; `ends` is in seconds of time.monotonic."""

    shot: Shot
    about: About
    ends: float
    compress: bool = False

    @property
    def left(self) -> float:
        return max(0.0, self.ends - time.monotonic())


class Image(NamedTuple):
    """The content of the BLOB; `size` is that before compression, as the INDI white paper has it."""

    content: bytes
    size: int
    format: str


def take(exposure: Exposure) -> Image:
    """Render and encode; some tenths of a second of work for a large sensor, so do it in a thread."""
    file = encode(render(exposure.shot), exposure.shot, exposure.about)
    if exposure.compress:
        # What libindi's clients undo by themselves: zlib's format, marked by `.z`.
        return Image(zlib.compress(file, 1), len(file), ".fits.z")
    return Image(file, len(file), ".fits")
