"""Images to and from IPyDriver objects in the router's loop."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from indipydriver import BLOBMember

from inditree.python.driver import InProcess
from inditree.wire.elements import Blob
from programs.processes import both_loops, until
from python.ipydrivers import Bench, Desk, bench, framed, hosted, new
from waiting import DEADLINE

Run = Callable[[Coroutine[Any, Any, None]], None]

MEBI = 1 << 20


@pytest.mark.parametrize("kind", ["bytes", "path", "str", "file", "small"])
def test_blobs_of_the_driver(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        data = os.urandom(8 * MEBI + 1 if kind != "small" else 1000)
        path = tmp_path / "image.fits.z"
        path.write_bytes(data)
        values = {"bytes": data, "path": path, "str": str(path), "file": io.BytesIO(data), "small": data}
        driver = bench()
        async with hosted(driver) as (_, desk):
            vector = driver["Bench"]["IMAGE"]
            await driver.send_message("before")
            vector["b"] = values[kind]
            await vector.send_setVectorMembers(members=["b"], message="one")
            await driver.send_message("after")
            await until(lambda: len(desk.items) == 3, "all three")
        blob = desk.items[1]
        assert isinstance(blob, Blob), "in its place"
        whole = blob.join()
        (one,) = desk.roots[1]
        assert base64.b64decode(one.text or "", validate=True) == data
        suffix = ".fits.z" if kind in ("path", "str") else ""
        assert one.attrib == {"name": "b", "format": suffix, "size": str(len(data))}
        again = framed(whole)
        assert (again.size, again.payload, again.device, again.name) == (blob.size, blob.payload, "Bench", "IMAGE")
        assert [(o.tag_start, o.tag_stop, o.payload) for o in again.ones] == [
            (o.tag_start, o.tag_stop, o.payload) for o in blob.ones
        ]
        assert max(map(len, blob.chunks)) <= MEBI

    asyncio.run(main())


def test_two_members_and_none() -> None:
    async def main() -> None:
        driver = bench()
        large = os.urandom(MEBI)
        async with hosted(driver) as (_, desk):
            vector = driver["Bench"]["IMAGE"]
            vector["a"], vector["b"] = large, b"small"
            vector.set_blobsize("a", 5 * MEBI)
            await vector.send_setVectorMembers(members=["a", "b"])
            await vector.send_setVectorMembers(state="Busy")
            await until(lambda: len(desk.items) == 2, "both")
        first, second = desk.roots
        assert [base64.b64decode(one.text or "") for one in first] == [large, b"small"]
        assert first[0].attrib == {"name": "a", "format": ".fits", "size": str(5 * MEBI)}
        assert (len(second), second.get("state")) == (0, "Busy"), "a change of state is no image"
        assert isinstance(desk.items[1], bytes)

    asyncio.run(main())


def test_a_member_with_methods_of_its_own_is_left_alone() -> None:
    class Stamped(BLOBMember):  # type: ignore[misc]
        def oneblob(self, value: Any = None) -> Any:
            element = super().oneblob(value)
            element.set("stamp", "1")
            return element

    async def main() -> None:
        driver = bench()
        vector = driver["Bench"]["IMAGE"]
        vector.data["a"] = Stamped("a")
        async with hosted(driver) as (_, desk):
            vector["a"] = b"x" * 100_000
            await vector.send_setVectorMembers(members=["a"])
            await until(lambda: desk.items, "the image")
        (one,) = desk.roots[0]
        assert one.get("stamp") == "1"
        assert base64.b64decode(one.text or "") == b"x" * 100_000

    asyncio.run(main())


@both_loops
@pytest.mark.parametrize("layout", ["one line", "lines"])
def test_blobs_for_the_driver(run: Run, layout: str) -> None:
    async def main() -> None:
        data = os.urandom(8 * MEBI)
        text = base64.encodebytes(data) if layout == "lines" else base64.b64encode(data)
        element = b'<newBLOBVector device="Bench" name="UPLOAD"><oneBLOB name="file" size="%d" format=".bin">' % len(
            data
        ) + (text + b"</oneBLOB></newBLOBVector>\n")
        blob = framed(element)
        freed: list[Blob] = []
        blob.freed = freed
        blob.retain()
        driver = bench()
        async with hosted(driver) as (port, desk):
            port.feed(blob)
            port.feed(new("Text", "NOTE", "text", "after it"))
            assert not port.room
            blob.release()
            assert not freed, "it is still needed"
            await desk.wait("setBLOBVector", "UPLOAD")
            assert freed == [blob]
            assert port.room
            assert [event.vectorname for event in driver.events] == ["UPLOAD", "NOTE"]
            assert driver.events[0]["file"] == data
            (one,) = ET_of(desk.blobs()[0])
            assert base64.b64decode(one.text or "") == data[::-1]

    def ET_of(item: Blob) -> Any:
        desk = Desk()
        desk.receive(item)
        return desk.roots[0]

    run(main())


@both_loops
def test_held_images_wait_and_the_rest_goes_on(run: Run) -> None:
    class Camera(Bench):
        async def hardware(self) -> None:
            vector = self["Bench"]["IMAGE"]
            for count in range(1, 4):
                vector["a"] = bytes([count]) * 100_000
                await vector.send_setVectorMembers(members=["a"])

    async def main() -> None:
        driver = bench(kind=Camera)
        desk = Desk()
        port = InProcess(driver, desk.receive)
        port.hold()
        running = asyncio.get_running_loop().create_task(port.run())
        port.feed(new("Text", "NOTE", "text", "go on"))
        await desk.wait("setTextVector", "NOTE")
        assert not desk.blobs()
        port.read_on()
        await until(lambda: len(desk.blobs()) == 3, "the images")
        port.hold()
        driver.add_background(driver.hardware())
        await asyncio.sleep(0)
        port.stop()
        await asyncio.wait_for(running, DEADLINE)
        assert len(desk.blobs()) == 3, "one that is held ends as well, unsent"

    run(main())


def test_debug_logs_no_image(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        driver = bench()
        driver.debug_enable = True
        async with hosted(driver) as (port, desk):
            driver["Bench"]["IMAGE"]["a"] = b"x" * 100_000
            await driver["Bench"]["IMAGE"].send_setVectorMembers(members=["a"])
            port.feed(new("Text", "NOTE", "text", "x"))
            await desk.wait("setTextVector", "NOTE")

    with caplog.at_level(logging.DEBUG, "indipydriver"):
        asyncio.run(main())
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("TX:: <setBLOBVector") and ">[100000 bytes]</oneBLOB>" in line for line in lines)
    assert any(line.startswith("RX:: <newTextVector") for line in lines)
