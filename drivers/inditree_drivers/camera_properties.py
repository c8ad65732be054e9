"""The properties of a camera: names, labels, groups and bounds."""

from typing import Any

from inditree_drivers.frame import Sensor
from inditree_drivers.vectors import MAIN, OPTIONS, blob, button, number, numbers, switches, texts

SETTINGS = "Image Settings"
INFO = "Image Info"
SIMULATOR = "Simulator Config"
TOGGLE = {"INDI_ENABLED": "Enabled", "INDI_DISABLED": "Disabled"}
MOST_BINNING = 4
# Of both sides: an image may have 128 MiB.
MOST_PIXELS = 8192


def camera_vectors(sensor: Sensor, seeing: float, active: list[tuple[str, str, str]]) -> list[Any]:
    """`active` are the members of ACTIVE_DEVICES: (name, label, device)."""
    return [*_main(sensor), *_settings(sensor), *_image(sensor), *_options(active), _simulator(sensor, seeing)]


def _main(sensor: Sensor) -> list[Any]:
    cooler = {"COOLER_ON": "ON", "COOLER_OFF": "OFF"}
    temperature = number("CCD_TEMPERATURE_VALUE", "Temperature (C)", 15, -50, 50, 0, "%5.2f")
    return [
        numbers("CCD_EXPOSURE", "Expose", MAIN, number("CCD_EXPOSURE_VALUE", "Duration (s)", 1, 0, 3600, 1, "%5.2f")),
        button("CCD_ABORT_EXPOSURE", "Abort", MAIN, "ABORT", "Abort"),
        numbers("CCD_TEMPERATURE", "Temperature", MAIN, temperature),
        switches("CCD_COOLER", "Cooler", MAIN, cooler, on="COOLER_OFF"),
        numbers("CCD_GAIN", "Gain", MAIN, number("GAIN", "Gain (0.1 dB)", sensor.gain, 0, 300, 10, "%.f")),
        numbers("CCD_OFFSET", "Offset", MAIN, number("OFFSET", "Offset (counts)", sensor.offset, 0, 6000, 10, "%.f")),
    ]


def _settings(sensor: Sensor) -> list[Any]:
    kinds = {"FRAME_LIGHT": "Light", "FRAME_BIAS": "Bias", "FRAME_DARK": "Dark", "FRAME_FLAT": "Flat"}
    return [
        numbers(
            "CCD_FRAME",
            "Frame",
            SETTINGS,
            number("X", "Left", 0, 0, sensor.width - 1, 0, "%4.0f"),
            number("Y", "Top", 0, 0, sensor.height - 1, 0, "%4.0f"),
            number("WIDTH", "Width", sensor.width, 1, sensor.width, 0, "%4.0f"),
            number("HEIGHT", "Height", sensor.height, 1, sensor.height, 0, "%4.0f"),
        ),
        button("CCD_FRAME_RESET", "Frame Values", SETTINGS, "RESET", "Reset"),
        numbers(
            "CCD_BINNING",
            "Binning",
            SETTINGS,
            number("HOR_BIN", "X", 1, 1, MOST_BINNING, 1, "%2.0f"),
            number("VER_BIN", "Y", 1, 1, MOST_BINNING, 1, "%2.0f"),
        ),
        switches("CCD_FRAME_TYPE", "Type", SETTINGS, kinds, on="FRAME_LIGHT"),
        switches("CCD_CAPTURE_FORMAT", "Format", SETTINGS, {"INDI_MONO": "Mono"}, on="INDI_MONO"),
        switches("CCD_TRANSFER_FORMAT", "Encode", SETTINGS, {"FORMAT_FITS": "FITS"}, on="FORMAT_FITS"),
        switches("CCD_COMPRESSION", "Compression", SETTINGS, TOGGLE, on="INDI_DISABLED"),
    ]


def _image(sensor: Sensor) -> list[Any]:
    return [
        numbers(
            "CCD_INFO",
            "CCD Information",
            INFO,
            number("CCD_MAX_X", "Max. Width", sensor.width, 1, 16000, 0, "%.f"),
            number("CCD_MAX_Y", "Max. Height", sensor.height, 1, 16000, 0, "%.f"),
            number("CCD_PIXEL_SIZE", "Pixel size (um)", sensor.pitch_x, 1, 40, 0, "%.2f"),
            number("CCD_PIXEL_SIZE_X", "Pixel size X", sensor.pitch_x, 1, 40, 0, "%.2f"),
            number("CCD_PIXEL_SIZE_Y", "Pixel size Y", sensor.pitch_y, 1, 40, 0, "%.2f"),
            number("CCD_BITSPERPIXEL", "Bits per pixel", 16, 8, 64, 0, "%.f"),
            perm="ro",
        ),
        blob("CCD1", "Image Data", INFO),
    ]


def _options(active: list[tuple[str, str, str]]) -> list[Any]:
    upload = {"UPLOAD_CLIENT": "Client", "UPLOAD_LOCAL": "Local", "UPLOAD_BOTH": "Both"}
    header = [("FITS_OBSERVER", "Observer", "Unknown"), ("FITS_OBJECT", "Object", "Unknown")]
    return [
        texts("ACTIVE_DEVICES", "Snoop devices", OPTIONS, active),
        texts("FITS_HEADER", "FITS Header", "General Info", header),
        switches("UPLOAD_MODE", "Upload", OPTIONS, upload, on="UPLOAD_CLIENT"),
        switches("WCS_CONTROL", "WCS", "WCS", {"WCS_ENABLE": "Enable", "WCS_DISABLE": "Disable"}, on="WCS_ENABLE"),
        numbers(
            "SCOPE_INFO",
            "Scope",
            OPTIONS,
            number("FOCAL_LENGTH", "Focal Length (mm)", 0, 0, 10000, 100, "%.2f"),
            number("APERTURE", "Aperture (mm)", 0, 0, 5000, 100, "%.2f"),
        ),
    ]


def _simulator(sensor: Sensor, seeing: float) -> Any:
    return numbers(
        "SIMULATOR_SETTINGS",
        "Settings",
        SIMULATOR,
        number("SIM_XRES", "CCD X resolution", sensor.width, 64, MOST_PIXELS, 64, "%4.0f"),
        number("SIM_YRES", "CCD Y resolution", sensor.height, 64, MOST_PIXELS, 64, "%4.0f"),
        number("SIM_XSIZE", "CCD X Pixel Size", sensor.pitch_x, 1, 30, 1, "%4.2f"),
        number("SIM_YSIZE", "CCD Y Pixel Size", sensor.pitch_y, 1, 30, 1, "%4.2f"),
        number("SIM_SKYGLOW", "Sky Glow (magnitudes)", sensor.sky_mag, 10, 25, 0.5, "%4.1f"),
        number("SIM_SEEING", "Seeing without a focuser (arcsec)", seeing, 0.1, 60, 0.5, "%4.2f"),
    )
