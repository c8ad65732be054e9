"""The simulators under `inditree serve`, in process and as programs, used by indipyclient and by libindi's tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import indipyclient as ipc
import pytest

import waiting
from live import Router, serve, tool

DEVICES = {
    *("Py Telescope", "Py Camera", "Py Guide Camera", "Py Focuser", "Py Filter Wheel", "Py Dome", "Py Weather"),
    *("Py GPS", "Own Focuser"),
}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """All instruments in the router's process, and one more focuser as a child."""
    words = ["inditree_drivers.simulators:observatory", "inditree-focuser"]
    with serve(tmp_path_factory.mktemp("router"), *words, env={"INDIDEV": "Own Focuser"}) as running:
        yield running


class Script(ipc.IPyClient):  # type: ignore[misc]
    """A user's script on indipyclient."""

    def __init__(self, port: int) -> None:
        super().__init__(indihost="127.0.0.1", indiport=port)
        self.images: list[bytes] = []
        self.enableBLOBdefault = "Also"

    async def rxevent(self, event: Any) -> None:
        if isinstance(event, ipc.setBLOBVector):
            self.images += [event[name] for name in event]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await waiting.becomes(condition, what)

    def has(self, device: str, vector: str) -> bool:
        return device in self and vector in self[device] and bool(self[device][vector].enable)

    async def set(self, device: str, name: str, **members: Any) -> None:
        await self.until(lambda: self.has(device, name), f"{device}.{name}")
        await self.send_newVector(device, name, members=members)

    async def play(self) -> None:
        await self.until(lambda: set(self) >= DEVICES, "all devices")
        for device in ("Py Camera", "Own Focuser"):
            await self.set(device, "CONNECTION", CONNECT="On", DISCONNECT="Off")
        await self.set("Py Camera", "SIMULATOR_SETTINGS", SIM_XRES="128", SIM_YRES="128")
        await self.set("Py Camera", "CCD_EXPOSURE", CCD_EXPOSURE_VALUE="0.05")
        await self.set("Own Focuser", "ABS_FOCUS_POSITION", FOCUS_ABSOLUTE_POSITION="49000")
        await self.until(lambda: self.images, "an image")

        def there() -> bool:
            vector = self["Own Focuser"]["ABS_FOCUS_POSITION"]
            return bool(vector.state == "Ok" and vector.getfloatvalue("FOCUS_ABSOLUTE_POSITION") == 49000)

        await self.until(there, "the focuser's place")


def test_indipyclient(router: Router) -> None:
    async def main() -> Script:
        script = Script(router.port)
        running = asyncio.get_running_loop().create_task(script.asyncrun())
        try:
            await script.play()
        finally:
            script.shutdown()
            await running
        return script

    script = asyncio.run(main())
    (image,) = script.images
    assert image.startswith(b"SIMPLE  =")
    assert len(image) >= 128 * 128 * 2


@pytest.mark.parametrize("focuser", ["Py Focuser", "Own Focuser"])
def test_getprop_setprop_and_eval(router: Router, focuser: str) -> None:
    where = f"{focuser}.ABS_FOCUS_POSITION.FOCUS_ABSOLUTE_POSITION"
    at = ("-p", str(router.port))
    assert tool("indi_setprop", *at, f"{focuser}.CONNECTION.CONNECT=On").returncode == 0
    done = tool("indi_eval", *at, "-t", "10", "-w", f'"{focuser}.CONNECTION.CONNECT"==1')
    assert done.returncode == 0, done.stderr
    assert tool("indi_setprop", *at, f"{where}=48500").returncode == 0
    done = tool("indi_eval", *at, "-t", "10", "-w", f'"{where}"==48500')
    assert done.returncode == 0, done.stderr
    assert tool("indi_getprop", *at, "-t", "5", "-1", where).stdout.strip() == "48500"
    listed = tool("indi_getprop", *at, "-t", "2").stdout
    assert {line.split(".")[0] for line in listed.splitlines()} >= DEVICES


def test_no_driver_failed(router: Router) -> None:
    assert "Traceback" not in router.log
