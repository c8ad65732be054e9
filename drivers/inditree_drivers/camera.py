"""The camera: exposures of the sky where the telescope points, as FITS files, with frame, binning and cooling."""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from inditree_drivers import run
from inditree_drivers.base import CCD, Instrument
from inditree_drivers.camera_properties import camera_vectors
from inditree_drivers.cooler import Cooler
from inditree_drivers.earth import to_j2000
from inditree_drivers.events import Refused, one_of, wanted
from inditree_drivers.exposing import Exposure, Image, take
from inditree_drivers.filters import throughput
from inditree_drivers.fits import About
from inditree_drivers.frame import Optics, Sensor, Shot, Window

NAME = "Py Camera"
LEFT_SHOWN_S = 1.0
SEEING_ARCSEC = 3.5
# Where it looks while no telescope is heard: where one stands when it starts.
POLE = (0.0, 90.0)
log = logging.getLogger(__name__)


class Camera(Instrument):
    """The main camera. What it snoops on is named in ACTIVE_DEVICES; it works alone as well."""

    program = "inditree-camera"
    model = Sensor()
    optics = Optics()
    scope_members = ("TELESCOPE_FOCAL_LENGTH", "TELESCOPE_APERTURE")
    # Members of ACTIVE_DEVICES and their labels; without the prefix a device has its label for a name.
    snooped: tuple[tuple[str, str], ...] = (
        ("ACTIVE_TELESCOPE", "Telescope"),
        ("ACTIVE_FOCUSER", "Focuser"),
        ("ACTIVE_FILTER", "Filter Wheel"),
    )
    seeing = SEEING_ARCSEC

    def __init__(self, name: str = NAME, prefix: str = "Py ") -> None:
        active = [(member, label, prefix + label) for member, label in self.snooped]
        super().__init__(name, self.program, CCD, camera_vectors(self.model, self.seeing, active))
        self.cooler = Cooler()
        self.exposure: Exposure | None = None
        self._changed = asyncio.Event()
        self._count = 0
        self._set_handlers()

    def _set_handlers(self) -> None:
        self.accept("CCD_GAIN", "CCD_OFFSET", "CCD_BINNING", "CCD_FRAME_TYPE", "CCD_CAPTURE_FORMAT", "SCOPE_INFO")
        self.accept("CCD_TRANSFER_FORMAT", "CCD_COMPRESSION", "FITS_HEADER", "WCS_CONTROL")
        self.handlers |= {
            "CCD_EXPOSURE": self._expose,
            "CCD_ABORT_EXPOSURE": self._abort,
            "CCD_FRAME": self._frame,
            "CCD_FRAME_RESET": self._frame_reset,
            "CCD_TEMPERATURE": self._temperature,
            "CCD_COOLER": self._cooler,
            "UPLOAD_MODE": self._upload,
            "SIMULATOR_SETTINGS": self._settings,
            "ACTIVE_DEVICES": self._active,
        }

    # exposing

    async def _expose(self, event: Any) -> None:
        """A new exposure takes the place of one that is running, as in libindi."""
        seconds = wanted(event)["CCD_EXPOSURE_VALUE"]
        self._set_exposure(self._planned(seconds))
        await self.show("CCD_EXPOSURE", "Busy", CCD_EXPOSURE_VALUE=seconds)

    async def _abort(self, event: Any) -> None:
        was = self.exposure
        self._set_exposure(None)
        self.select("CCD_ABORT_EXPOSURE", None)
        await self.show("CCD_ABORT_EXPOSURE")
        if was is not None:
            await self.show("CCD_EXPOSURE", "Idle", CCD_EXPOSURE_VALUE=0.0)

    def _set_exposure(self, exposure: Exposure | None) -> None:
        self.exposure = exposure
        self._changed.set()

    def _planned(self, seconds: float) -> Exposure:
        kind = (self.selected("CCD_FRAME_TYPE") or "FRAME_LIGHT").removeprefix("FRAME_")
        ra, dec = self.pointing()
        self._count += 1
        shot = Shot(ra, dec, seconds, self.optics_now(), self.sensor_now(), self.window(), kind, seed=self._count)
        compress = self.selected("CCD_COMPRESSION") == "INDI_ENABLED"
        return Exposure(shot, self._about(), time.monotonic() + seconds, compress)

    def _about(self) -> About:
        header = self.prop("FITS_HEADER")
        return About(
            camera=self.name,
            telescope=self.follow("ACTIVE_TELESCOPE"),
            filter=self.filter_name(),
            observer=header["FITS_OBSERVER"],
            object=header["FITS_OBJECT"],
            began=time.time(),
            wcs=self.selected("WCS_CONTROL") == "WCS_ENABLE",
        )

    async def hardware(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(super().hardware())
            group.create_task(self._work())

    def shutdown(self) -> None:
        super().shutdown()
        self._changed.set()

    async def _work(self) -> None:
        """Follow the exposure that is set, whichever it is now, until it is read out or another takes its place."""
        while not self.stop:
            self._changed.clear()
            exposure = self.exposure
            if exposure is None:
                await self._changed.wait()
            elif exposure.left > 0:
                if not await self._changed_within(min(LEFT_SHOWN_S, exposure.left)):
                    await self._show_left(exposure)
            else:
                await self._read_out(exposure)

    async def _changed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _show_left(self, exposure: Exposure) -> None:
        if exposure is self.exposure:
            await self.show("CCD_EXPOSURE", "Busy", CCD_EXPOSURE_VALUE=exposure.left)

    async def _read_out(self, exposure: Exposure) -> None:
        try:
            image = await asyncio.to_thread(take, exposure)
        except Exception:  # whatever it is, the camera goes on and the client hears of it
            log.exception("%s: the exposure failed", self.name)
            image = None
        if image is not None and exposure is self.exposure:
            await self._send(image)
        if exposure is not self.exposure:
            return
        self.exposure = None
        state, message = ("Ok", "") if image else ("Alert", "The exposure failed: see the driver's log")
        await self.show("CCD_EXPOSURE", state, message, CCD_EXPOSURE_VALUE=0.0)

    async def _send(self, image: Image) -> None:
        vector = self.prop("CCD1")
        vector["CCD1"] = image.content
        vector.data["CCD1"].blobformat = image.format
        vector.set_blobsize("CCD1", image.size)
        await vector.send_setVectorMembers(state="Ok", members=["CCD1"])

    # what it sees

    def follow(self, member: str) -> str:
        """The device that ACTIVE_DEVICES names; empty where there is none."""
        vector = self.prop("ACTIVE_DEVICES")
        return str(vector[member]) if member in vector else ""

    def pointing(self) -> tuple[float, float]:
        """J2000 degrees."""
        telescope = self.follow("ACTIVE_TELESCOPE")
        ra, dec = (self.listen(telescope, "EQUATORIAL_EOD_COORD", axis) for axis in ("RA", "DEC"))
        return POLE if ra is None or dec is None else to_j2000(ra, dec, time.time())

    def optics_now(self) -> Optics:
        """Gives the optics of SCOPE_INFO where it is set, else the telescope's, else our own."""
        own = (self.value("SCOPE_INFO", "FOCAL_LENGTH"), self.value("SCOPE_INFO", "APERTURE"))
        telescope = self.follow("ACTIVE_TELESCOPE")
        heard = (self.listen(telescope, "TELESCOPE_INFO", member) for member in self.scope_members)
        default = (self.optics.focal_length, self.optics.aperture)
        focal, aperture = (mine or theirs or ours for mine, theirs, ours in zip(own, heard, default, strict=True))
        return Optics(focal, aperture, self.fwhm(), throughput(self.filter_name()))

    def fwhm(self) -> float:
        heard = self.listen(self.follow("ACTIVE_FOCUSER"), "FWHM", "SIM_FWHM")
        return heard or self.value("SIMULATOR_SETTINGS", "SIM_SEEING")

    def filter_name(self) -> str:
        wheel = self.follow("ACTIVE_FILTER")
        slot = self.listen(wheel, "FILTER_SLOT", "FILTER_SLOT_VALUE")
        if slot is None:
            return ""
        return self.heard.get((wheel, "FILTER_NAME"), {}).get(f"FILTER_SLOT_NAME_{slot:.0f}", "").strip()

    def sensor_now(self) -> Sensor:
        settings = self.prop("SIMULATOR_SETTINGS")
        return Sensor(
            width=int(settings.getfloatvalue("SIM_XRES")),
            height=int(settings.getfloatvalue("SIM_YRES")),
            pitch_x=settings.getfloatvalue("SIM_XSIZE"),
            pitch_y=settings.getfloatvalue("SIM_YSIZE"),
            temperature=round(self.cooler.temperature, 2),
            gain=self.value("CCD_GAIN", "GAIN"),
            offset=self.value("CCD_OFFSET", "OFFSET"),
            sky_mag=settings.getfloatvalue("SIM_SKYGLOW"),
        )

    def window(self) -> Window:
        x, y, width, height = (int(self.value("CCD_FRAME", key)) for key in ("X", "Y", "WIDTH", "HEIGHT"))
        bins = (int(self.value("CCD_BINNING", key)) for key in ("HOR_BIN", "VER_BIN"))
        return Window(x, y, width, height, *bins)

    # settings

    async def _frame(self, event: Any) -> None:
        to = {key: float(int(value)) for key, value in wanted(event).items()}
        info = self.prop("CCD_INFO")
        for start, length, most in (("X", "WIDTH", "CCD_MAX_X"), ("Y", "HEIGHT", "CCD_MAX_Y")):
            if to[start] + to[length] > info.getfloatvalue(most):
                raise Refused(f"{start} + {length} is {to[start] + to[length]:g}, past the sensor's edge")
        await self.show("CCD_FRAME", **to)

    async def _frame_reset(self, event: Any) -> None:
        sensor = self.sensor_now()
        self.select("CCD_FRAME_RESET", None)
        await self.show("CCD_FRAME_RESET")
        await self.show("CCD_FRAME", X=0.0, Y=0.0, WIDTH=float(sensor.width), HEIGHT=float(sensor.height))
        await self.show("CCD_BINNING", HOR_BIN=1.0, VER_BIN=1.0)

    async def _settings(self, event: Any) -> None:
        """Another sensor: its size is shown, and the frame is the whole of it again."""
        before = self.sensor_now()
        await self.store(event)
        sensor = self.sensor_now()
        size = {"CCD_MAX_X": float(sensor.width), "CCD_MAX_Y": float(sensor.height)}
        pitch = {f"CCD_PIXEL_SIZE{axis}": sensor.pitch_x for axis in ("", "_X")}
        await self.show("CCD_INFO", **size, **pitch, CCD_PIXEL_SIZE_Y=sensor.pitch_y)
        if (before.width, before.height) == (sensor.width, sensor.height):
            return
        frame = self.prop("CCD_FRAME")
        for start, length, most in (("X", "WIDTH", sensor.width), ("Y", "HEIGHT", sensor.height)):
            frame.data[start].max, frame.data[length].max = str(most - 1), str(most)
        self.put("CCD_FRAME", X=0.0, Y=0.0, WIDTH=float(sensor.width), HEIGHT=float(sensor.height))
        await self.redefine("CCD_FRAME")

    async def _upload(self, event: Any) -> None:
        if one_of(event) != "UPLOAD_CLIENT":
            raise Refused("A simulator keeps no files: images go to the client")
        await self.store(event)

    def follows(self) -> Iterable[tuple[str, str]]:
        telescope, wheel = self.follow("ACTIVE_TELESCOPE"), self.follow("ACTIVE_FILTER")
        return [
            (telescope, "EQUATORIAL_EOD_COORD"),
            (telescope, "TELESCOPE_INFO"),
            (self.follow("ACTIVE_FOCUSER"), "FWHM"),
            (wheel, "FILTER_SLOT"),
            (wheel, "FILTER_NAME"),
        ]

    # cooling

    async def _temperature(self, event: Any) -> None:
        """A target switches the cooler on, as libindi's cameras do."""
        self.cooler.target = wanted(event)["CCD_TEMPERATURE_VALUE"]
        self.cooler.on = True
        self.select("CCD_COOLER", "COOLER_ON")
        await self.show("CCD_COOLER", "Busy")
        await self._show_temperature()

    async def _cooler(self, event: Any) -> None:
        await self.store(event)
        self.cooler.on = self.selected("CCD_COOLER") == "COOLER_ON"
        await self.show("CCD_COOLER", "Busy" if self.cooler.on else "Idle")
        await self._show_temperature()

    async def _show_temperature(self) -> None:
        state = "Busy" if not self.cooler.settled and self.cooler.on else "Ok" if self.cooler.on else "Idle"
        await self.show("CCD_TEMPERATURE", state, CCD_TEMPERATURE_VALUE=round(self.cooler.temperature, 2))

    async def tick(self, seconds: float) -> None:
        if self.cooler.advance(seconds):
            await self._show_temperature()

    async def on_disconnect(self) -> None:
        self._set_exposure(None)


def main() -> None:
    run.main(Camera, NAME)


if __name__ == "__main__":
    main()
