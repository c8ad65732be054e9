"""A camera whose pictures another driver snoops on, and that takes what a client uploads."""

import asyncio
import hashlib
import sys
from typing import Any

import indipydriver as ipd
from indipyserver import IPyServer


class Camera(ipd.IPyDriver):  # type: ignore[misc]
    async def rxevent(self, event: Any) -> None:
        device = self["Camera"]
        match event:
            case ipd.newNumberVector(vectorname="EXPOSE"):
                size = int(self.indi_number_to_float(event["size"]))
                device["IMAGE"]["image"] = bytes(number % 251 for number in range(size))
                device["IMAGE"].set_blobsize("image", size)  # else it stays at that of the first picture
                await device["IMAGE"].send_setVectorMembers(members=["image"], message="a picture", state="Ok")
            case ipd.newBLOBVector(vectorname="DARK"):
                device["KEPT"]["text"] = f"{event.sizeformat['frame']} {hashlib.md5(event['frame']).hexdigest()}"
                await event.vector.send_setVectorMembers(state="Ok")
                await device["KEPT"].send_setVector()


class Archive(ipd.IPyDriver):  # type: ignore[misc]
    async def hardware(self) -> None:
        self.snoop("Camera", "IMAGE", timeout=5)

    async def snoopevent(self, event: Any) -> None:
        vector = self["Archive"]["LAST"]
        if isinstance(event, ipd.defBLOBVector):
            vector["text"] = "waiting"
        elif isinstance(event, ipd.setBLOBVector) and "image" in event:
            vector["text"] = f"{event.sizeformat['image']} {hashlib.md5(event['image']).hexdigest()}"
        await vector.send_setVector()


def make_drivers() -> list[ipd.IPyDriver]:
    def text(name: str) -> ipd.TextVector:
        return ipd.TextVector(name, name, "Main", "ro", "Ok", [ipd.TextMember("text", membervalue="nothing")])

    camera = [
        ipd.NumberVector("EXPOSE", "Expose", "Main", "rw", "Ok", [ipd.NumberMember("size", format="%.0f")]),
        ipd.BLOBVector("IMAGE", "Image", "Main", "ro", "Ok", [ipd.BLOBMember("image", blobformat=".raw")]),
        ipd.BLOBVector("DARK", "Dark", "Main", "wo", "Ok", [ipd.BLOBMember("frame")]),
        text("KEPT"),
    ]
    return [Camera(ipd.Device("Camera", camera)), Archive(ipd.Device("Archive", [text("LAST")]))]


if __name__ == "__main__":
    asyncio.run(IPyServer(*make_drivers(), host="localhost", port=int(sys.argv[1])).asyncrun())
