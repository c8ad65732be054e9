"""KStars itself with the Web Manager and with a plain router. Run by `make kstars`: it installs Debian's KStars."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits

from kstars.desktop import KStars, kstars
from kstars.profiles import Profile
from kstars.session import Session
from kstars.tap import Tap
from live import Client, Router, until
from ports import free_port
from webmanager.ekos import FOCUS, MOUNT, Ekos, managed

DRIVERS = {"Mount": "Telescope Simulator", "CCD": "CCD Simulator"}
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
                assert b"delProperty device='Focuser" not in watching.data
                assert router.stop() == 0
        assert desk.process is not None and desk.process.poll() is None
        desk.shot("end")
