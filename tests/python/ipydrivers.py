"""IPyDriver objects of the real package, and a desk that plays the router to them."""

from __future__ import annotations

import asyncio
import contextlib
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Iterator
from typing import Any

from indipydriver import (
    BLOBMember,
    BLOBVector,
    Device,
    IPyDriver,
    LightMember,
    LightVector,
    NumberMember,
    NumberVector,
    SwitchMember,
    SwitchVector,
    TextMember,
    TextVector,
)

from inditree.python.driver import InProcess
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from programs.processes import until
from waiting import DEADLINE


class Bench(IPyDriver):  # type: ignore[misc]
    """Does what it is told, and says so: numbers, switches, texts, lights and BLOBs."""

    def __init__(self, *devices: Device, **data: Any) -> None:
        super().__init__(*devices, **data)
        self.events: list[Any] = []
        self.snooped: list[Any] = []

    async def rxevent(self, event: Any) -> None:
        self.events.append(event)
        vector = event.vector
        match vector.name:
            case "HEATER":
                if vector.name in event.root.get("name") and event["power"] == "99":
                    raise RuntimeError("the heater burns")
                vector["power"] = event["power"]
                self[event.devicename]["ALARM"]["hot"] = "Alert" if float(event["power"]) > 50 else "Ok"
                await self[event.devicename]["ALARM"].send_setVector()
            case "ABORT":
                self.driverdata["abort"].set()
                vector["abort"] = "Off"
            case "SLEW":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.driverdata["abort"].wait(), DEADLINE)
            case "UPLOAD":
                for name, value in event.items():
                    vector[name] = value[::-1]
                await vector.send_setVectorMembers(state="Ok", members=list(event))
                return
            case _:
                for name, value in event.items():
                    vector[name] = value
        await vector.send_setVector(state="Ok")

    async def snoopevent(self, event: Any) -> None:
        self.snooped.append(event)

    @property
    def snooped_kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.snooped]


def bench(name: str = "Bench", kind: type[IPyDriver] = Bench, **data: Any) -> Any:
    """A driver with a property of each kind."""
    power = NumberMember("power", "Power", format="%4.1f", min=0, max=100, step=1, membervalue=0)
    vectors = [
        NumberVector("HEATER", "Heater", "Main", "rw", "Ok", [power]),
        SwitchVector("ABORT", "Abort", "Main", "rw", "AtMostOne", "Ok", [SwitchMember("abort", "Abort", "Off")]),
        SwitchVector("SLEW", "Slew", "Main", "rw", "AtMostOne", "Ok", [SwitchMember("go", "Go", "Off")]),
        TextVector("NOTE", "Note", "Main", "rw", "Ok", [TextMember("text", "Text", "none")]),
        LightVector("ALARM", "Alarm", "Main", "Ok", [LightMember("hot", "Hot", "Idle")]),
        BLOBVector("IMAGE", "Image", "Main", "ro", "Ok", [BLOBMember("a", blobformat=".fits"), BLOBMember("b")]),
        BLOBVector("UPLOAD", "Upload", "Main", "rw", "Ok", [BLOBMember("file")]),
    ]
    return kind(Device(name, vectors), abort=asyncio.Event(), **data)


class Desk:
    """What came from the driver, in order."""

    def __init__(self) -> None:
        self.items: list[bytes | Blob] = []

    def receive(self, item: bytes | Blob) -> None:
        self.items.append(item)

    @property
    def roots(self) -> list[ET.Element]:
        return list(self._roots())

    def _roots(self) -> Iterator[ET.Element]:
        for item in self.items:
            if isinstance(item, Blob):
                yield ET.fromstring(item.join())
            else:
                assert item.decode().endswith("\n")
                yield from ET.fromstring(b"<r>" + item + b"</r>")

    def of(self, tag: str, name: str | None = None) -> list[ET.Element]:
        return [root for root in self._roots() if root.tag == tag and name in (None, root.get("name"))]

    def blobs(self) -> list[Blob]:
        return [item for item in self.items if isinstance(item, Blob)]

    async def wait(self, tag: str, name: str | None = None, count: int = 1) -> ET.Element:
        """The element of that kind that makes it so many."""
        await until(lambda: len(self.of(tag, name)) >= count, f"{count} {tag} {name}")
        return self.of(tag, name)[count - 1]


@contextlib.asynccontextmanager
async def hosted(driver: Any) -> AsyncIterator[tuple[InProcess, Desk]]:
    """A driver that runs, and ends in good order afterwards."""
    desk = Desk()
    port = InProcess(driver, desk.receive)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(port.run())
        await until(lambda: driver._tg is not None, "its start")
        try:
            yield port, desk
        finally:
            port.stop()
            await asyncio.wait_for(asyncio.shield(running), DEADLINE)


def new(kind: str, name: str, member: str, value: str, device: str = "Bench") -> bytes:
    one = f'<one{kind} name="{member}">{value}</one{kind}>'
    return f'<new{kind}Vector device="{device}" name="{name}">{one}</new{kind}Vector>\n'.encode()


def framed(data: bytes) -> Any:
    framer = Framer(lambda head: head, 1 << 20, 1 << 30)
    framer.feed(data)
    return framer.pull()
