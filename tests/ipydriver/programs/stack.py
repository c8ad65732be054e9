"""A camera that takes as many pictures as it is told, one after the other: each is its number and the same noise."""

import asyncio
import random
import sys
from typing import Any

import indipydriver as ipd
from indipyserver import IPyServer

SIZE = 8 << 20


def noise(size: int = SIZE) -> bytes:
    """Whoever checks the pictures has it, too."""
    return random.Random(8).randbytes(size - 8)


class Stack(ipd.IPyDriver):  # type: ignore[misc]
    async def rxevent(self, event: Any) -> None:
        count = int(self.indi_number_to_float(event["count"]))
        self.add_background(self.pictures(count))

    async def pictures(self, count: int) -> None:
        vector = self["Stack"]["IMAGE"]
        body = noise()
        for number in range(count):
            vector["image"] = number.to_bytes(8, "big") + body
            await vector.send_setVectorMembers(members=["image"])


def make_driver() -> Stack:
    take = ipd.NumberVector("TAKE", "Take", "Main", "rw", "Ok", [ipd.NumberMember("count", format="%g")])
    image = ipd.BLOBVector("IMAGE", "Image", "Main", "ro", "Ok", [ipd.BLOBMember("image", blobformat=".raw")])
    return Stack(ipd.Device("Stack", [take, image]))


if __name__ == "__main__":
    asyncio.run(IPyServer(make_driver(), host="localhost", port=int(sys.argv[1])).asyncrun())
