"""A profile with autoconnect has its devices connected when they appear, and no others."""

from __future__ import annotations

from pathlib import Path

from live import Client, until
from webmanager.ekos import CCD, FOCUS, MOUNT, PROFILE, Ekos, managed

OFF = (
    "<newSwitchVector device='CCD Simulator' name='CONNECTION'><oneSwitch name='DISCONNECT'>On</oneSwitch>"
    "</newSwitchVector>"
)


def connected(ekos: Ekos) -> dict[str, bool]:
    """The devices that there are, and whether each is connected."""
    return {row["device"]: row["connected"] for row in ekos.get("/api/devices")}


def test_the_devices_of_a_started_profile_are_connected_each_time_they_appear(tmp_path: Path) -> None:
    """Whatever else there is stays as it is; what a client sets stays until the driver starts anew."""
    both = {"CCD Simulator": True, "Telescope Simulator": True, "Focuser Simulator": False}
    with managed(tmp_path, f"[{{exec: [{FOCUS}]}}]") as (router, ekos), Client(router.port) as client:
        ekos.save("P", PROFILE, autoconnect=1)
        assert ekos.get("/api/profiles/P")["autoconnect"] == 1
        ekos.post("/api/server/start/P")
        until(lambda: connected(ekos) == both, what="the profile's are connected")
        client.ask("CCD Simulator")
        client.send(OFF)
        until(lambda: not connected(ekos)["CCD Simulator"], what="it is disconnected")
        before = router.driver_pid(MOUNT)
        ekos.post("/api/drivers/restart/Telescope%20Simulator")
        until(lambda: router.driver_pid(MOUNT) != before, what="another process")
        until(lambda: connected(ekos).get("Telescope Simulator"), what="it is connected again")
        assert not connected(ekos)["CCD Simulator"]
        ekos.post("/api/drivers/restart/CCD%20Simulator")
        until(lambda: connected(ekos) == both, what="all are connected again")


def test_a_driver_that_ran_before_is_connected_by_the_profile_that_wants_it(tmp_path: Path) -> None:
    """It is there already: the start counts as its appearance, each time."""
    with managed(tmp_path, f"[{{exec: [{CCD}]}}]") as (router, ekos), Client(router.port) as client:
        ekos.save("off", PROFILE[:1], autoconnect=0)
        ekos.save("on", PROFILE[:1], autoconnect=1)
        client.ask("CCD Simulator")
        client.take("<defSwitchVector[^>]*name=.CONNECTION.")
        ekos.post("/api/server/start/off")
        for _ in range(2):
            assert connected(ekos) == {"CCD Simulator": False}
            ekos.post("/api/server/start/on")
            until(lambda: connected(ekos) == {"CCD Simulator": True}, what="it is connected")
            ekos.post("/api/server/stop")
            client.send(OFF)
            until(lambda: connected(ekos) == {"CCD Simulator": False}, what="it is disconnected")


def test_a_remote_of_the_profile_is_connected_and_the_configuration_comes_first(tmp_path: Path) -> None:
    """What `devices` says of a device counts; a link's devices are the profile's as its drivers' are."""
    (tmp_path / "far").mkdir()
    more = "devices: [{device: Telescope Simulator, connect: false}]\n"
    with (
        managed(tmp_path / "far", f"[{{exec: [{CCD}]}}]") as (far, _),
        managed(tmp_path, more=more) as (_, ekos),
    ):
        remote = {"remote": f"CCD Simulator@127.0.0.1:{far.port}"}
        ekos.save("P", [*PROFILE[1:], remote, {"label": "Focuser Simulator"}], autoconnect=1)
        ekos.post("/api/server/start/P")
        wanted = {"CCD Simulator": True, "Telescope Simulator": False, "Focuser Simulator": True}
        until(lambda: connected(ekos) == wanted, what="they are connected, but for the mount")
