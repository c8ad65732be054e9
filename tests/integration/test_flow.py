"""docs/flow.md with real sockets: cameras, slow and healthy clients, links between routers."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.cameras import camera, reading, row
from live import Router, serve, until
from ports import free_port, listens
from waiting import DEADLINE

MIB = 1 << 20


@contextlib.contextmanager
def routers(folder: Path, *programs: str, queue: int = 128 * MIB, hops: int = 0) -> Iterator[Router]:
    """A router with these drivers; with `hops`, the last of so many routers linked to it in a row."""
    with row(folder, *programs, queue=queue, hops=hops) as all_:
        yield all_[-1]


def test_a_client_that_hardly_reads_one_camera_stops_no_other_behind_the_same_link(tmp_path: Path) -> None:
    """Once its client got five to seven images, and then nothing more, for good."""
    programs = [camera(tmp_path, device, 2 * MIB) for device in ("Cam1", "Cam2")]
    with routers(tmp_path, *programs, hops=1) as router:
        for device in ("Cam1", "Cam2"):
            router.wait_for(f"{device}: provided by")
        with reading(router.port, "Cam1", speed=50e3) as slow, reading(router.port, "Cam2") as healthy:
            slow.go("Cam1")
            until(lambda: slow.taken > 100_000, what="the slow client has begun")
            healthy.go("Cam2")
            until(lambda: len(healthy.images["Cam2"]) >= 60, what=f"images of camera 2: {healthy.images}")
            numbers = healthy.images["Cam2"]
            assert numbers == list(range(len(numbers)))


def test_a_preview_stream_does_not_put_out_the_science_frame(tmp_path: Path) -> None:
    """Drivers that ping are always read; once the FITS was lost in each run."""
    programs = [
        camera(tmp_path, "Guide", 75_000, every=1 / 30, ping=True, form=".stream"),
        camera(tmp_path, "Science", 2_000_000, number=1, ping=True),
    ]
    with routers(tmp_path, *programs, queue=4 * MIB) as router:
        for device in ("Guide", "Science"):
            router.wait_for(f"{device}: provided by")
        with reading(router.port, "Guide", "Science", speed=400e3) as client:
            client.go("Guide")
            until(lambda: len(client.images["Guide"]) > 20, what="the stream flows")
            client.go("Science")
            until(lambda: client.images["Science"], what="the FITS has come")


def test_a_number_of_a_mount_is_no_older_than_one_image(tmp_path: Path) -> None:
    programs = [
        camera(tmp_path, "Cam", 1_000_000),
        camera(tmp_path, "Mount", every=0.1, mount=True),
    ]
    with routers(tmp_path, *programs) as router:
        for device in ("Cam", "Mount"):
            router.wait_for(f"{device}: provided by")
        with reading(router.port, "Cam", "Mount", speed=400e3) as client:
            client.go("Cam", "Mount")
            until(lambda: len(client.images["Cam"]) >= 5, what="images come")
            assert max(client.ages) <= 1_000_000 / 400e3 + 1.0


@pytest.mark.parametrize(
    ("number", "part", "hops"), [(3, 0.30, 0), (2, 0.22, 1), (3, 0.15, 1)], ids=["three", "two-linked", "three-linked"]
)
def test_cameras_flat_out_to_one_client_lose_nothing_to_each_other(
    tmp_path: Path, number: int, part: float, hops: int
) -> None:
    queue, count = 8 * MIB, 25
    devices = [f"Cam{each}" for each in range(number)]
    size = int(queue * part) - 300
    programs = [camera(tmp_path, device, size, number=count) for device in devices]
    with routers(tmp_path, *programs, queue=queue, hops=hops) as router:
        for device in devices:
            router.wait_for(f"{device}: provided by")
        with reading(router.port, *devices) as client:
            client.go(*devices)
            until(lambda: all(count - 1 in each for each in client.images.values()), 3 * DEADLINE, f"{client.images}")
            assert client.images == {device: list(range(count)) for device in devices}


def test_the_api_says_which_camera_waits_for_whom_and_why_it_is_not_read(tmp_path: Path) -> None:
    http = f"127.0.0.1:{free_port()}"
    with serve(tmp_path, camera(tmp_path, "Cam", 2 * MIB), http=http) as router:
        router.wait_for("Cam: provided by")
        with reading(router.port, "Cam", speed=50e3) as slow:
            slow.go("Cam")
            until(lambda: _rows(http, "clients")[0]["waiting"], what="images wait")
            (waiting,) = _rows(http, "clients")[0]["waiting"]
            assert waiting["device"] == "Cam" and 1 <= waiting["images"] <= 2 and waiting["bytes"] > MIB
            until(lambda: _rows(http, "drivers")[0]["unread"].get("held", 0) > 1.5, what="the camera is held")
            with urllib.request.urlopen(f"http://{http}/metrics", timeout=DEADLINE) as answer:
                assert re.search(rb'indi_source_held{driver="[^"]+",reason="held",remote=""} [1-9]', answer.read())


def _rows(http: str, what: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://{http}/api/v1/{what}", timeout=DEADLINE) as answer:
        rows: list[dict[str, Any]] = json.loads(answer.read())
        return rows


def test_d_of_the_drop_in_drops_stream_frames_first(tmp_path: Path) -> None:
    """Frames of 300 kB that nobody could take: 1 MB of them wait at most, and an exposure beside them is not lost."""
    program = camera(tmp_path, "Guide", 300_000, every=0.02, form=".stream", number=200)
    science = camera(tmp_path, "Science", 3_000_000, number=2)
    port = free_port()
    words = ["indiserver", "-v", "-p", str(port), "-u", str(tmp_path / "socket"), "-d", "1", "--definitions", "view"]
    router = Router(tmp_path / "drop-in.log", [*words, program, science], port)
    try:
        until(lambda: listens(port), what="the drop-in accepts")
        with reading(port, "Guide", "Science", speed=200e3) as slow, reading(port, "Guide") as fast:
            fast.go("Guide")
            until(lambda: len(fast.images["Guide"]) >= 100, what="the stream flows")
            slow.go("Science")
            until(lambda: 199 in fast.images["Guide"], what="the stream has ended")
            until(lambda: slow.images["Science"] == [0, 1], what=f"exposures: {slow.images}")
            assert len(slow.images["Guide"]) < 60
    finally:
        router.stop()
