"""KStars itself with the Web Manager and with a plain router. Run by `make kstars`: it installs Debian's KStars."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from astropy.io import fits

from kstars import strange
from kstars.desktop import INDI, KStars, kstars
from kstars.profiles import Profile
from kstars.session import Session
from kstars.tap import Tap
from live import Client, Router, serve, until
from ports import free_port
from webmanager.ekos import CCD, FOCUS, MOUNT, Ekos, managed

DRIVERS = {"Mount": "Telescope Simulator", "CCD": "CCD Simulator"}
CONNECT = (
    "<newSwitchVector device='Telescope Simulator' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
    "</newSwitchVector>"
)
STARTED = [
    "GET /api/server/status",
    "GET /api/info/version",
    "GET /api/server/drivers",
    "POST /api/server/stop",
    "POST /api/profiles/My%20Pier",
    "POST /api/profiles/My%20Pier/drivers",
    "POST /api/server/start/My%20Pier",
    "GET /api/server/drivers",
]


def night(kstars: KStars, router: Router, ekos: Ekos, watching: Client) -> None:
    """Start, connect, two exposures, a restart of the mount's driver, one more exposure, stop."""
    session = Session(kstars)
    session.start("My Pier")
    assert ekos.status == ("True", "My Pier")
    assert {"CCD Simulator", "Telescope Simulator", "Focuser Simulator"} <= session.devices
    until(lambda: {"device": "CCD Simulator", "connected": True} in ekos.get("/api/devices"), what="it is connected")
    until(lambda: {"device": "Telescope Simulator", "connected": True} in ekos.get("/api/devices"), what="connected")
    for file in session.expose(2):
        with fits.open(file) as opened:
            assert opened[0].data.shape == (1024, 1280)
    kstars.shot("exposed")
    before = router.driver_pid(MOUNT)
    ekos.post("/api/drivers/restart/Telescope%20Simulator")
    until(lambda: router.driver_pid(MOUNT) != before, what="another process")
    until(
        lambda: {"device": "Telescope Simulator", "connected": False} in ekos.get("/api/devices"), what="defined anew"
    )
    assert len(session.expose(1)) == 1
    kstars.shot("restarted")
    session.stop()
    assert ekos.status == ("False", "")
    watching.ping()


def test_a_night_and_another_one_after_a_restart_of_the_router(tmp_path: Path) -> None:
    """Another client, of a driver of the router itself, stays connected."""
    ekos, port = Ekos(free_port()), free_port()
    with (
        Tap(ekos.port) as tap,
        kstars(tmp_path / "desk", Profile("My Pier", port, tap.port, DRIVERS)) as desk,
    ):
        for _ in range(2):
            with (
                managed(tmp_path, f"[{{exec: [{FOCUS}]}}]", ekos=ekos, port=port) as (router, _),
                Client(port) as watching,
            ):
                watching.ask("Focuser Simulator")
                watching.take("<def[^>]*device=.Focuser Simulator.")
                tap.requests.clear()
                night(desk, router, ekos, watching)
                assert tap.lines == [*STARTED, "POST /api/server/stop"]
                assert b"delProperty device='Focuser" not in watching.heard
                assert router.stop() == 0
        assert desk.process is not None and desk.process.poll() is None
        desk.shot("end")


@contextlib.contextmanager
def plain(folder: Path, port: int, text: str) -> Iterator[Router]:
    """A router without a Web Manager."""
    name = f"plain-{len(list(folder.glob('plain-*.log')))}"
    file = folder / f"{name}.yaml"
    file.write_text(text)
    with serve(folder, "--config", str(file), port=port, name=name) as router:
        yield router


def ask(desk: KStars, call: str, *words: str) -> str:
    """What KStars has of a property."""
    return str(desk.call(INDI, f"org.kde.kstars.INDI.{call}", *map(repr, words)))


def test_names_and_values_beyond_ascii_of_a_plain_router(tmp_path: Path) -> None:
    """In the panel of KStars, and what it commands arrives: its own spelling of a device is the driver's."""
    port = free_port()
    drivers = (
        "drivers:\n"
        f"  - {{exec: [{sys.executable}, {strange.__file__}]}}\n"
        f"  - {{exec: [{CCD}], rename: {{CCD Simulator: 'Caméra 1'}}}}\n"
    )
    with plain(tmp_path, port, drivers) as router, Tap(port) as tap, kstars(tmp_path / "desk") as desk:
        assert desk.call(INDI, "org.kde.kstars.INDI.connect", "'127.0.0.1'", str(tap.port))
        session = Session(desk)
        until(lambda: session.devices == {"Météo", "Wächter", "Caméra 1"}, what="the devices")
        assert ask(desk, "getText", "Météo", "STATION", "FILTRE") == "Hα R & D"
        assert ask(desk, "getText", "Wächter", "ORT", "HAUS") == "Kühlung"
        assert ask(desk, "setText", "Météo", "STATION", "FILTRE", "été") == "True"
        assert ask(desk, "sendProperty", "Météo", "STATION") == "True"
        until(lambda: b"\xe9t\xe9\n" in bytes(tap.requests[0]), what="KStars writes Latin-1")
        until(lambda: ask(desk, "getText", "Météo", "STATION", "FILTRE") == "été", what="the answer")
        ask(desk, "setSwitch", "Caméra 1", "CONNECTION", "CONNECT", "On")
        ask(desk, "sendProperty", "Caméra 1", "CONNECTION")
        until(lambda: "CCD_EXPOSURE" in ask(desk, "getProperties", "Caméra 1"), what="it is connected")
        desk.shot("plain")
        assert router.stop() == 0


def given_an_image(tap: Tap) -> bool:
    """Whether KStars was sent a whole image, on one of the connections that it opens for images."""
    return any(b"</setBLOBVector>" in each for each in tap.answers)


def shows_an_image(desk: KStars) -> bool:
    """Whether KStars has opened its viewer of FITS files."""
    return any("FITS" in name for name in desk.windows())


def test_a_night_that_was_recorded_is_shown_again(tmp_path: Path) -> None:
    """KStars shows the recorded devices, connected as they were, and the images of that night as they come."""
    port, record = free_port(), tmp_path / "record"
    drivers = f"drivers: [{{exec: [{CCD}]}}, {{exec: [{MOUNT}]}}]\n"
    with plain(tmp_path, port, f"{drivers}record: {{dir: {record}, images: all}}\n") as router, Client(port) as client:
        client.connect_ccd()
        client.ask("Telescope Simulator")
        client.send(CONNECT)
        client.take("<setSwitchVector[^>]*Telescope Simulator[^>]*name=.CONNECTION.")
        for _ in range(4):
            client.expose(seconds=0.5)
        assert router.stop() == 0
    replay = f"drivers: [{{exec: [{sys.executable}, -m, inditree, replay, {record}, --speed, '0.1']}}]\n"
    with (
        Tap(port) as tap,
        kstars(tmp_path / "desk", Profile("Plain", tap.port, None, DRIVERS)) as desk,
        plain(tmp_path, port, replay),
    ):
        session = Session(desk)
        session.start("Plain")
        assert {"CCD Simulator", "Telescope Simulator"} <= session.devices
        desk.shot("replay")
        until(lambda: given_an_image(tap), 45, "an image of that night")
        until(lambda: shows_an_image(desk), what="it is shown")
        desk.shot("recorded")
