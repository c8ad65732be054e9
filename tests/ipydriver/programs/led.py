"""A lamp that a client switches, and cannot read back (`wo`)."""

import asyncio
import sys
from typing import Any

import indipydriver as ipd
from indipyserver import IPyServer


class Lamp:
    """What would be a pin of a small computer."""

    lit = False


class LampDriver(ipd.IPyDriver):  # type: ignore[misc]
    async def rxevent(self, event: Any) -> None:
        lamp = self.driverdata["lamp"]
        match event:
            case ipd.newSwitchVector(devicename="Lamp", vectorname="SWITCH") if "on" in event:
                lamp.lit = event["on"] == "On"
                event.vector["on"] = event["on"]
                await event.vector.send_setVector(state="Ok", message="lit" if lamp.lit else "dark")


def make_driver() -> LampDriver:
    member = ipd.SwitchMember("on", "Lit")
    vector = ipd.SwitchVector("SWITCH", "Lamp", "Control", "wo", "AtMostOne", "Idle", [member])
    return LampDriver(ipd.Device("Lamp", [vector]), lamp=Lamp())


if __name__ == "__main__":
    asyncio.run(IPyServer(make_driver(), host="localhost", port=int(sys.argv[1])).asyncrun())
