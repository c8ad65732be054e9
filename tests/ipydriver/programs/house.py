"""A thermostat; a window that opens when it snoops that it is too warm; a light that watches both."""

import asyncio
import sys
from typing import Any

import indipydriver as ipd
from indipyserver import IPyServer

STEP_S = 0.02


class Room:
    """Warms up or cools down towards what the thermostat wants."""

    def __init__(self) -> None:
        self.temperature = self.target = 20.0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            difference = self.target - self.temperature
            self.temperature += max(-0.5, min(0.5, difference))


class Thermostat(ipd.IPyDriver):  # type: ignore[misc]
    """Its task shows the temperature, changed or not; a client sets the target."""

    async def hardware(self) -> None:
        room = self.driverdata["room"]
        self.add_background(room.run())
        vector = self["Thermostat"]["TEMPERATURE"]
        while not self.stop:
            await asyncio.sleep(STEP_S)
            vector["temperature"] = room.temperature
            await vector.send_setVector()

    async def rxevent(self, event: Any) -> None:
        if isinstance(event, ipd.newNumberVector) and "target" in event:
            try:
                target = self.indi_number_to_float(event["target"])
            except TypeError:
                await self["Thermostat"].send_device_message("that is not a number")
                return
            self.driverdata["room"].target = target
            event.vector["target"] = target
            await event.vector.send_setVector(state="Ok", message="new target")


class Window(ipd.IPyDriver):  # type: ignore[misc]
    async def hardware(self) -> None:
        self.snoop("Thermostat", "TEMPERATURE", timeout=5)

    async def snoopevent(self, event: Any) -> None:
        match event:
            case ipd.setNumberVector(devicename="Thermostat", vectorname="TEMPERATURE") if "temperature" in event:
                temperature = self.indi_number_to_float(event["temperature"])
                vector = self["Window"]["STATUS"]
                wanted = "open" if temperature > 21 else "closed" if temperature < 18 else vector["status"]
                if vector["status"] != wanted:
                    vector["status"] = wanted
                    await vector.send_setVector(allvalues=False)


class Watch(ipd.IPyDriver):  # type: ignore[misc]
    """Snoops on all that there is."""

    async def hardware(self) -> None:
        await self.send_getProperties()

    async def snoopevent(self, event: Any) -> None:
        vector = self["Watch"]["HEARD"]
        if event.devicename in vector and vector[event.devicename] != "Ok":
            vector[event.devicename] = "Ok"
            everything = all(vector[name] == "Ok" for name in vector)
            await vector.send_setVector(state="Ok" if everything else "Busy")


def make_drivers() -> list[ipd.IPyDriver]:
    room = Room()
    temperature = ipd.NumberMember("temperature", format="%3.1f", membervalue=room.temperature)
    target = ipd.NumberMember("target", "Target", "%3.1f", min=-50, max=99, membervalue=room.target)
    thermostat = [
        ipd.NumberVector("TEMPERATURE", "Temperature", "Values", "ro", "Ok", [temperature]),
        ipd.NumberVector("TARGET", "Target", "Values", "rw", "Idle", [target]),
    ]
    status = ipd.TextMember("status", "Position", "closed")
    lights = [ipd.LightMember("Thermostat"), ipd.LightMember("Window")]
    return [
        Thermostat(ipd.Device("Thermostat", thermostat), room=room),
        Window(ipd.Device("Window", [ipd.TextVector("STATUS", "Window", "Values", "ro", "Ok", [status])])),
        Watch(ipd.Device("Watch", [ipd.LightVector("HEARD", "Heard", "Values", "Idle", lights)])),
    ]


if __name__ == "__main__":
    asyncio.run(IPyServer(*make_drivers(), host="localhost", port=int(sys.argv[1])).asyncrun())
