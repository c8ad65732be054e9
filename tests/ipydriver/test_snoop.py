"""Snooping between an IPyDriver in process, a driver of libindi beside it, and drivers behind a link."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from indipydriver import (
    Device,
    IPyDriver,
    NumberMember,
    NumberVector,
    newNumberVector,
    setBLOBVector,
    setNumberVector,
)

from inditree import IPyServer
from ipydriver.servers import becomes
from live import Client, serve
from ports import free_port

CCD, FAR = "CCD Simulator", "Far CCD"
PLACES = {CCD: (5.5, 20.0), FAR: (6.75, -30.0)}


class Mount(IPyDriver):  # type: ignore[misc]
    """Is where it is told to be, at once, and listens to two cameras."""

    def __init__(self, *devices: Device) -> None:
        super().__init__(*devices)
        self.heard: list[Any] = []

    async def hardware(self) -> None:
        for camera in (CCD, FAR):
            self.snoop(camera, "CCD_EXPOSURE", timeout=5)
            self.snoop(camera, "CCD1", timeout=5)

    async def rxevent(self, event: Any) -> None:
        if isinstance(event, newNumberVector):
            for name, value in event.items():
                event.vector[name] = value
            await event.vector.send_setVector(state="Ok")

    async def snoopevent(self, event: Any) -> None:
        self.heard.append(event)

    def images(self, camera: str) -> list[bytes]:
        found = [e for e in self.heard if isinstance(e, setBLOBVector) and e.devicename == camera]
        return [event["CCD1"] for event in found if "CCD1" in event]

    def states(self, camera: str) -> list[str]:
        return [e.state for e in self.heard if isinstance(e, setNumberVector) and e.devicename == camera]


def mount() -> Mount:
    members = [NumberMember(name, format="%g", membervalue=0) for name in ("RA", "DEC")]
    return Mount(Device("Py Mount", [NumberVector("EQUATORIAL_EOD_COORD", "Place", "Main", "rw", "Ok", members)]))


def picture(client: Client, camera: str) -> bytes:
    """One exposure of a camera of libindi that snoops on the mount, which was sent somewhere first."""
    client.connect_ccd(camera)
    client.send(
        f'<newTextVector device="{camera}" name="ACTIVE_DEVICES"><oneText name="ACTIVE_TELESCOPE">Py Mount</oneText>'
        "</newTextVector>"
    )
    client.take(f"<setTextVector[^>]*device=.{camera}.[^>]*name=.ACTIVE_DEVICES.[^>]*>.*?Py Mount")
    ra, dec = PLACES[camera]
    client.send(
        f'<newNumberVector device="Py Mount" name="EQUATORIAL_EOD_COORD"><oneNumber name="RA">{ra}</oneNumber>'
        f'<oneNumber name="DEC">{dec}</oneNumber></newNumberVector>'
    )
    client.take("<setNumberVector[^>]*device=.Py Mount.[^>]*>.*?</setNumberVector>")
    return client.expose(camera)


def is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def angle(data: bytes, key: str) -> float:
    """A sexagesimal text of the FITS header."""
    found = re.search(rb"%s *= ' *(-?)(\d+) (\d+) ([\d.]+)" % key.encode(), data[:20000])
    assert found is not None, f"no {key}: the camera heard nothing of the mount"
    value = int(found[2]) + int(found[3]) / 60 + float(found[4]) / 3600
    return -value if found[1] else value


def test_all_of_them_hear_one_another(tmp_path: Path) -> None:
    driver = mount()

    async def main(far: int, work: Callable[[int], dict[str, bytes]]) -> dict[str, bytes]:
        server = IPyServer(driver, port=free_port())
        server.add_exdriver("indi_simulator_ccd")
        server.add_remote("127.0.0.1", far, blob_enable=True)
        running = asyncio.get_running_loop().create_task(server.asyncrun())
        try:
            await becomes(lambda: is_open(server.port), "it listens")
            pictures = await asyncio.to_thread(work, server.port)
            for camera in PLACES:
                await becomes(lambda camera=camera: driver.images(camera), f"the mount gets the picture of {camera}")  # type: ignore[misc]
        finally:
            server.shutdown()
            await running
        return pictures

    def work(port: int) -> dict[str, bytes]:
        pictures = {}
        for camera in PLACES:
            with Client(port) as client:
                client.ask("Py Mount")
                pictures[camera] = picture(client, camera)
        return pictures

    with serve(tmp_path, "indi_simulator_ccd", env={"INDIDEV": FAR}) as router:
        pictures = asyncio.run(main(router.port, work))
    for camera, data in pictures.items():
        ra, dec = PLACES[camera]  # of now; the header has those of J2000
        assert abs(angle(data, "OBJCTRA") - ra) < 0.1, camera
        assert abs(angle(data, "OBJCTDEC") - dec) < 0.5, camera
        assert driver.images(camera) == [data], "the mount sees what the client sees"
        assert driver.states(camera)[-1] == "Ok"
        assert "Busy" in driver.states(camera)
