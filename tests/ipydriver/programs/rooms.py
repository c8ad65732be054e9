"""Devices that do their own work; one is away until a switch brings it, and can be taken away again."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import indipydriver as ipd
from indipyserver import IPyServer

WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


class Room(ipd.Device):  # type: ignore[misc]
    async def devrxevent(self, event: Any, *_args: Any, **_words: Any) -> None:
        if isinstance(event, ipd.newNumberVector):
            event.vector["target"] = event["target"]
            await event.vector.send_setVector(state="Busy", timeout=7, timestamp=WHEN)
            self.devicedata["jobs"].put_nowait(event.vector)

    async def devhardware(self, *_args: Any, **_words: Any) -> None:
        while not self.stop:
            vector = await self.devicedata["jobs"].get()
            await vector.send_setVector(state="Ok")
            await self.send_device_message(f"{self.devicename} is at {vector['target']}", timestamp=WHEN)


class House(ipd.IPyDriver):  # type: ignore[misc]
    async def hardware(self) -> None:
        for device in self.devices():
            if isinstance(device, Room):
                self.add_background(device.devhardware())
        await self.shutdownrequested.wait()

    async def rxevent(self, event: Any) -> None:
        if event.devicename != "House":
            await self[event.devicename].devrxevent(event)
            return
        cellar = self["Cellar"]
        event.vector["cellar"] = event["cellar"]
        await event.vector.send_setVector()
        if event["cellar"] == "On":
            cellar.enable = True
            for vector in cellar.properties():
                await vector.send_defVector(message="there is a cellar")
        else:
            await cellar.send_delProperty("no cellar any more")
            await self.send_message("the cellar is closed", timestamp=WHEN)


def make_driver() -> House:
    def room(name: str) -> Room:
        target = ipd.NumberMember("target", format="%.2m", min=0, max=90, step=1, membervalue="20:30")
        vector = ipd.NumberVector("TARGET", "Target", "Main", "rw", "Idle", [target])
        note = ipd.TextVector("NOTE", 'a "quoted" & <odd> label', "Main", "ro", "Ok", [ipd.TextMember("n", "N", "a<b")])
        return Room(name, [vector, note], jobs=asyncio.Queue())

    cellar = room("Cellar")
    cellar.enable = False
    switch = ipd.SwitchVector(
        "SHOW", "Show", "Main", "rw", "AnyOfMany", "Ok", [ipd.SwitchMember("cellar"), ipd.SwitchMember("attic")]
    )
    return House(ipd.Device("House", [switch]), room("Kitchen"), cellar)


if __name__ == "__main__":
    asyncio.run(IPyServer(make_driver(), host="localhost", port=int(sys.argv[1])).asyncrun())
