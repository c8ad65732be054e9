"""The picture that a camera sees: stars, sky, dark current and noise as an array of counts. Pure; numpy only."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inditree_drivers.sky import project, stars_near

Pixels = NDArray[np.float32]

# Photons of a star of magnitude 0 in the V band, per second and square metre above the atmosphere.
PHOTONS_MAG0 = 1.0e10
EFFICIENCY = 0.6  # of optics and sensor together
READ_NOISE_E = 3.0
DARK_E_PER_S_AT_0C = 0.05
DARK_DOUBLING_C = 6.0
HOT_PIXELS = 200
HOT_FACTOR = 400.0
FULL_WELL_E = 65000.0
FLAT_E_PER_S = 8000.0
GAIN_PER_DOUBLING = 60.0  # CCD_GAIN is in steps of 0.1 dB
SIGMAS = 5.0
MOST_SIGMA_PX = 40.0
_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True, slots=True)
class Optics:
    """Lengths in millimetres; `fwhm_arcsec` is what seeing and focus make of a star."""

    focal_length: float = 900.0
    aperture: float = 120.0
    fwhm_arcsec: float = 3.5
    throughput: float = 1.0


@dataclass(frozen=True, slots=True)
class Sensor:
    """Size in pixels, pixel pitch in micrometres, temperature in degrees Celsius."""

    width: int = 1280
    height: int = 1024
    pitch_x: float = 5.2
    pitch_y: float = 5.2
    temperature: float = 0.0
    gain: float = 0.0
    offset: float = 100.0
    sky_mag: float = 19.5
    noise: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """The part that is read, in unbinned pixels from the lower left corner, and the binning."""

    x: int = 0
    y: int = 0
    width: int = 1280
    height: int = 1024
    bin_x: int = 1
    bin_y: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the image; what does not fill a whole bin is not read."""
        return self.height // self.bin_y, self.width // self.bin_x


@dataclass(frozen=True, slots=True)
class Shot:
    """One exposure: where (J2000 degrees), how long (seconds), `kind` one of LIGHT, BIAS, DARK, FLAT."""

    ra: float
    dec: float
    seconds: float
    optics: Optics = Optics()
    sensor: Sensor = Sensor()
    window: Window = Window()
    kind: str = "LIGHT"
    seed: int = 0


def scale(optics: Optics, pitch_um: float) -> float:
    """Degrees per pixel at the centre."""
    return math.degrees(pitch_um / 1000 / optics.focal_length)


def reference_pixel(sensor: Sensor, window: Window) -> tuple[float, float]:
    """Says where the telescope points, in FITS pixels of the image (the first pixel's centre is 1)."""
    x = ((sensor.width + 1) / 2 - window.x - 0.5) / window.bin_x + 0.5
    y = ((sensor.height + 1) / 2 - window.y - 0.5) / window.bin_y + 0.5
    return x, y


def gain_factor(gain: float) -> float:
    """Counts per electron."""
    return float(2 ** (gain / GAIN_PER_DOUBLING))


def render(shot: Shot) -> NDArray[np.uint16]:
    """The image, shape `window.shape`; row 0 is the southern edge, as FITS has it; east is to the left."""
    sensor, window = shot.sensor, shot.window
    rng = np.random.default_rng(shot.seed)
    electrons = np.zeros((window.height, window.width), dtype=np.float32)
    if shot.kind != "BIAS":
        _add_dark(electrons, shot)
    if shot.kind == "FLAT":
        electrons += FLAT_E_PER_S * shot.seconds * shot.optics.throughput * _vignetting(sensor, window)
    elif shot.kind == "LIGHT":
        electrons += _sky_electrons(shot)
        _add_stars(electrons, shot)
    np.minimum(electrons, FULL_WELL_E, out=electrons)
    read = _binned(electrons, window)
    if sensor.noise:
        # Poisson noise as a Gaussian of the same width: right from a few electrons on, and ten times as fast.
        read += np.sqrt(read + READ_NOISE_E**2) * rng.standard_normal(read.shape, dtype=np.float32)
    counts = np.rint(read * gain_factor(sensor.gain) + sensor.offset)
    image: NDArray[np.uint16] = np.clip(counts, 0, 65535).astype(np.uint16)
    return image


def _binned(electrons: Pixels, window: Window) -> Pixels:
    rows, columns = window.shape
    whole = electrons[: rows * window.bin_y, : columns * window.bin_x]
    if window.bin_x == window.bin_y == 1:
        return whole
    summed: Pixels = whole.reshape(rows, window.bin_y, columns, window.bin_x).sum(axis=(1, 3))
    return summed


def _collected(shot: Shot) -> float:
    """Electrons of a star of magnitude 0 in the whole exposure."""
    area = math.pi * (shot.optics.aperture / 2000) ** 2
    return PHOTONS_MAG0 * EFFICIENCY * area * shot.optics.throughput * shot.seconds


def _sky_electrons(shot: Shot) -> float:
    """Counts those of one unbinned pixel; the sky's magnitude is that of a square arc second."""
    arcsec2 = scale(shot.optics, shot.sensor.pitch_x) * scale(shot.optics, shot.sensor.pitch_y) * 3600**2
    return float(_collected(shot) * 10 ** (-0.4 * shot.sensor.sky_mag) * arcsec2)


def _add_dark(electrons: Pixels, shot: Shot) -> None:
    sensor, window = shot.sensor, shot.window
    level = DARK_E_PER_S_AT_0C * 2 ** (sensor.temperature / DARK_DOUBLING_C) * shot.seconds
    electrons += level
    # The same pixels are hot in every image of a sensor of that size.
    places = np.random.default_rng(sensor.width * 65536 + sensor.height)
    x = places.integers(0, sensor.width, HOT_PIXELS) - window.x
    y = places.integers(0, sensor.height, HOT_PIXELS) - window.y
    inside = (x >= 0) & (x < window.width) & (y >= 0) & (y < window.height)
    electrons[y[inside], x[inside]] += level * HOT_FACTOR


def _vignetting(sensor: Sensor, window: Window) -> Pixels:
    """1 at the centre of the sensor, 0.8 at its corners."""
    x = (np.arange(window.width, dtype=np.float32) + window.x) / sensor.width * 2 - 1
    y = (np.arange(window.height, dtype=np.float32) + window.y) / sensor.height * 2 - 1
    return (1 - 0.1 * (x[None, :] ** 2 + y[:, None] ** 2)).astype(np.float32)


def star_pixels(shot: Shot) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """x, y and electrons of the stars in view; unbinned pixels of the window, the first one's centre is 0."""
    optics, sensor, window = shot.optics, shot.sensor, shot.window
    step_x, step_y = scale(optics, sensor.pitch_x), scale(optics, sensor.pitch_y)
    reach = math.hypot(sensor.width * step_x, sensor.height * step_y) * 0.55
    stars = stars_near(shot.ra, shot.dec, min(reach, 80.0))
    xi, eta = project(stars.ra, stars.dec, shot.ra, shot.dec)
    x = (sensor.width - 1) / 2 - xi / step_x - window.x
    y = (sensor.height - 1) / 2 + eta / step_y - window.y
    return x, y, _collected(shot) * 10 ** (-0.4 * stars.mag)


def _add_stars(electrons: Pixels, shot: Shot) -> None:
    """Each star as a Gaussian, integrated over the pixels, so that no light is lost however sharp it is."""
    optics, sensor = shot.optics, shot.sensor
    sigma = optics.fwhm_arcsec / 3600 / 2.3548
    sigma_x, sigma_y = (
        min(MOST_SIGMA_PX, max(0.3, sigma / scale(optics, pitch))) for pitch in (sensor.pitch_x, sensor.pitch_y)
    )
    half = math.ceil(SIGMAS * max(sigma_x, sigma_y))
    x, y, light = star_pixels(shot)
    rows, columns = electrons.shape
    near = (x > -half) & (x < columns + half) & (y > -half) & (y < rows + half) & (light > 0.1)
    x, y, light = x[near], y[near], light[near]
    across, left = _profile(x, sigma_x, half)
    up, low = _profile(y, sigma_y, half)
    # A frame as wide as half a star takes what falls outside; it is cut off at the end.
    padded = np.zeros((rows + 4 * half + 2, columns + 4 * half + 2), dtype=np.float32)
    size = 2 * half + 1
    for index in range(len(x)):
        top, side = low[index] + 2 * half, left[index] + 2 * half
        padded[top : top + size, side : side + size] += np.outer(light[index] * up[index], across[index])
    electrons += padded[2 * half : 2 * half + rows, 2 * half : 2 * half + columns]


def _profile(at: NDArray[np.float64], sigma: float, half: int) -> tuple[Pixels, NDArray[np.int64]]:
    """Gives for each star the share of its light in 2 * half + 1 pixels in a row, and the first of these pixels."""
    first = np.rint(at).astype(np.int64) - half
    edges = first[:, None] + np.arange(2 * half + 2) - 0.5 - at[:, None]
    below = np.asarray(_erf(edges / (sigma * math.sqrt(2))), dtype=np.float64) / 2
    return np.diff(below, axis=1).astype(np.float32), first
