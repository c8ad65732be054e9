"""docs/flow.md with real sockets: many cameras and clients, a video stream, what a slow client costs other cameras."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from integration.cameras import camera, reading, row
from live import Client, serve, until

MIB = 1 << 20
CCD = "CCD Simulator"


def test_five_cameras_and_ten_clients_over_two_links(tmp_path: Path) -> None:
    """Nine take two cameras each, at all three routers; the tenth hardly reads, alone with a camera two links away.

    That it costs nobody an image is shown where time is counted in steps: tests/flow/test_chain.py.
    """
    devices = [f"Cam{number}" for number in range(5)]
    programs = [camera(tmp_path, device, MIB // 2) for device in devices]
    with row(tmp_path, *programs, queue=8 * MIB, hops=2) as routers, contextlib.ExitStack() as stack:
        for router in routers:
            for device in devices:
                router.wait_for(f"{device}: provided by")
        slow = stack.enter_context(reading(routers[2].port, "Cam4", speed=50e3))
        slow.go("Cam4")
        until(lambda: slow.taken > 500_000, what="the slow client has begun")
        clients = [
            stack.enter_context(reading(routers[number % 3].port, devices[number % 4], devices[(number + 1) % 4]))
            for number in range(9)
        ]
        slow.go(*devices[:4])
        rows = [(client, device) for client in clients for device in client.images]
        assert len(rows) == 18
        until(lambda: all(len(client.images[device]) >= 20 for client, device in rows), 90, "images of all at all")
        for client, device in rows:
            numbers = list(client.images[device])
            assert numbers == sorted(set(numbers)), f"order of {device}"


def test_an_exposure_reaches_a_slow_client_beside_a_video_stream(tmp_path: Path) -> None:
    """libindi's camera streams through the property of its exposures; frames of 1.7 MB, of which few fit."""
    config = tmp_path / "flow.yaml"
    config.write_text(f"limits: {{queue: {6 * MIB}B}}\n")
    words = ["--config", str(config), "indi_simulator_ccd"]
    with serve(tmp_path, *words, env={"HOME": str(tmp_path)}) as router:
        router.wait_for(f"{CCD}: provided by")
        with Client(router.port, receive_buffer=64 << 10) as client:
            client.connect_ccd()
            client.send(
                f"<newSwitchVector device='{CCD}' name='CCD_VIDEO_STREAM'><oneSwitch name='STREAM_ON'>On</oneSwitch>"
                "</newSwitchVector>"
            )
            slow = _Formats(client, 2e6)
            slow.until(".stream", 2)
            client.send(
                f"<newNumberVector device='{CCD}' name='CCD_EXPOSURE'><oneNumber name='CCD_EXPOSURE_VALUE'>0.5"
                "</oneNumber></newNumberVector>"
            )
            slow.until(".fits", 1)
            slow.until(".stream", slow.formats.count(".stream") + 1)


class _Formats:
    """Reads at `speed` bytes a second, and keeps the formats of the images that have come whole."""

    def __init__(self, client: Client, speed: float) -> None:
        self.formats: list[str] = []
        self._client = client
        self._speed = speed
        self._taken = 0
        self._began = time.monotonic()
        self._tail = b""

    def until(self, form: str, number: int) -> None:
        """So many images of a format have come."""
        until(lambda: self._read().count(form) >= number, what=f"{form} among {self.formats}")

    def _read(self) -> list[str]:
        if self._taken > self._speed * (time.monotonic() - self._began):
            return self.formats
        data = self._client.sock.recv(128 << 10)
        self._taken += len(data)
        if b"<" not in data:  # no image ends here
            self._tail += data
            return self.formats
        text = self._tail + data
        done = 0
        for found in re.finditer(rb"<oneBLOB[^>]*format='([^']*)'[^>]*>[^<]*</oneBLOB>", text):
            self.formats.append(found[1].decode())
            done = found.end()
        self._tail = text[done:]
        return self.formats


def test_a_slow_client_of_one_camera_costs_a_client_of_another_behind_the_same_link_no_rate(tmp_path: Path) -> None:
    """Of two cameras with thirty images a second as many come beside the slow client as of the one that it cannot slow.

    In the same seconds, which are as long for both. There came none any more.
    """
    slowed = camera(tmp_path, "Cam1", 2 * MIB)
    programs = [slowed, *(camera(tmp_path, device, MIB // 4, every=1 / 30) for device in ("Cam2", "Cam3"))]
    with row(tmp_path, *programs, queue=16 * MIB, hops=1) as (first, second):
        for device in ("Cam1", "Cam2", "Cam3"):
            second.wait_for(f"{device}: provided by")
        with (
            reading(second.port, "Cam1", speed=50e3) as slow,
            reading(second.port, "Cam2") as beside,
            reading(first.port, "Cam3") as apart,
        ):
            slow.go("Cam1")
            until(lambda: slow.taken > 500_000, what="the slow client has begun")
            beside.go("Cam2")
            apart.go("Cam3")
            until(lambda: beside.images["Cam2"] and apart.images["Cam3"], what="images")
            before = len(beside.images["Cam2"]), len(apart.images["Cam3"])
            until(lambda: len(apart.images["Cam3"]) >= before[1] + 120, what="four seconds of images")
            came, usual = len(beside.images["Cam2"]) - before[0], len(apart.images["Cam3"]) - before[1]
        assert came >= 0.6 * usual, f"{came} images of {usual}"
