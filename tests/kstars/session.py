"""A night in Ekos by its D-Bus interface: a profile is started, exposures are taken, all is stopped."""

from __future__ import annotations

import time
from pathlib import Path

from kstars.desktop import CAPTURE, EKOS, INDI, KStars
from kstars.profiles import sequence
from live import until

MODULE = "org.kde.kstars.Ekos"
DONE = 2
"""Of `ekosStatus`: the devices that the profile names are there."""


class Session:
    """What an astronomer does in Ekos."""

    def __init__(self, kstars: KStars) -> None:
        self.kstars = kstars

    @property
    def state(self) -> int:
        """0 idle, 1 pending, 2 success, 3 error."""
        return int(self.kstars.get(EKOS, MODULE, "ekosStatus"))

    @property
    def log(self) -> list[str]:
        """What Ekos said, oldest first."""
        return list(reversed(self.kstars.get(EKOS, MODULE, "logText")))

    def start(self, profile: str) -> None:
        """Start a profile; its devices are there and connected afterwards."""
        assert self.kstars.call(EKOS, f"{MODULE}.setProfile", repr(profile))
        self.kstars.call(EKOS, f"{MODULE}.start")
        until(lambda: self.state == DONE, 60, "the devices are there")
        until(lambda: self.kstars.answers(CAPTURE), 60, "the capture module")
        until(lambda: self.camera, 60, "the camera")

    def stop(self) -> None:
        """Press Stop."""
        self.kstars.call(EKOS, f"{MODULE}.stop")
        until(lambda: self.state == 0, 60, "Ekos stopped")

    @property
    def camera(self) -> str:
        """The camera of the capture module."""
        return str(self.kstars.get(CAPTURE, f"{MODULE}.Capture", "camera"))

    @property
    def devices(self) -> set[str]:
        """All devices that KStars shows."""
        return set(self.kstars.call(INDI, "org.kde.kstars.INDI.getDevices"))

    def expose(self, count: int = 2) -> list[Path]:
        """Take exposures; the files that KStars wrote."""
        folder = self.kstars.folder / f"images-{time.monotonic_ns()}"
        queue = self.kstars.folder / "queue.esq"
        queue.write_text(sequence(folder, count))
        capture = f"{MODULE}.Capture"
        self.kstars.call(CAPTURE, f"{capture}.clearSequenceQueue")
        assert self.kstars.call(CAPTURE, f"{capture}.loadSequenceQueue", repr(str(queue)))
        self.kstars.call(CAPTURE, f"{capture}.start")
        status = f"{capture}.getSequenceQueueStatus"
        until(lambda: self.kstars.call(CAPTURE, status) == "Complete", 120, "exposures")
        return sorted(folder.rglob("*.fits"))
