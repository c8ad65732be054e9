"""A real libindi camera whose stdout is a UNIX socket: the image that comes out is the one that it made."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy
import pytest
from astropy.io import fits

from inditree.images.attached import encode, wanted
from inditree.images.buffers import Buffers
from inditree.wire.elements import Blob, Element, Run
from inditree.wire.framer import Framer
from programs.processes import descriptors, driver
from waiting import DEADLINE

EXPOSE = (
    '<newNumberVector device="C" name="CCD_EXPOSURE">'
    '<oneNumber name="CCD_EXPOSURE_VALUE">0.05</oneNumber></newNumberVector>'
)


def switch(name: str, member: str) -> str:
    one = f'<oneSwitch name="{member}">On</oneSwitch>'
    return f'<newSwitchVector device="C" name="{name}">{one}</newSwitchVector>'


class Camera:
    """indi_simulator_ccd as "C", read by recvmsg."""

    def __init__(self, stdin: int, stdout: socket.socket) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.fds: list[int] = []
        self.framer = Framer(lambda head: head, 1 << 20, 1 << 30)

    def send(self, text: str) -> None:
        os.write(self.stdin, text.encode() + b"\n")

    async def wait(self, tag: str, name: str = "", text: bytes = b"") -> Element | Run | Blob:
        """Read up to an element of that tag with that text in it; pings are answered as they come."""
        end = time.monotonic() + DEADLINE
        while True:
            while item := self.framer.pull():
                if isinstance(item, Element) and item.tag == "pingRequest":
                    self.send(f'<pingReply uid="{item.attributes["uid"]}"/>')
                if isinstance(item, Blob):
                    if item.tag == tag:
                        return item
                elif isinstance(item, Run):
                    if any(head.tag == tag and head.name == name for head in item.heads) and text in item.data:
                        return item
                elif item.tag == tag and name in ("", item.name) and text in item.data:
                    return item
            await self._read(end)

    async def _read(self, end: float) -> None:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.stdout, 65536, 16)
            except BlockingIOError:
                assert time.monotonic() < end, "the camera says nothing"
                await asyncio.sleep(0.005)
            else:
                assert data, "the camera has ended"
                self.fds += fds
                self.framer.feed(data)
                return


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_the_image_is_the_one_that_the_camera_made(compressed: bool, tmp_path: Path) -> None:
    """Of each exposure the simulator writes a file as well (UPLOAD_BOTH): that is what has to come over the socket."""

    async def main() -> None:
        home = {"HOME": str(tmp_path), "INDIDEV": "C"}
        async with driver(["indi_simulator_ccd"], blob_socket=True, env=home) as child:
            with contextlib.closing(socket.socket(fileno=os.dup(child.stdout))) as stdout:
                await expose(Camera(child.stdin, stdout))

    async def expose(camera: Camera) -> None:
        camera.send('<getProperties version="1.7"/>')
        await camera.wait("defSwitchVector", "CONNECTION")
        camera.send(switch("CONNECTION", "CONNECT"))
        await camera.wait("defNumberVector", "CCD_EXPOSURE")
        camera.send(switch("CCD_COMPRESSION", "INDI_ENABLED" if compressed else "INDI_DISABLED"))
        camera.send(switch("UPLOAD_MODE", "UPLOAD_BOTH"))
        texts = "".join(
            f'<oneText name="UPLOAD_{name}">{value}</oneText>'
            for name, value in (("DIR", tmp_path), ("PREFIX", "I_XXX"))
        )
        camera.send(f'<newTextVector device="C" name="UPLOAD_SETTINGS">{texts}</newTextVector>')
        before = descriptors()
        for count in range(1, 3):
            camera.send(EXPOSE)
            given = await camera.wait("setBLOBVector")
            assert isinstance(given, Blob) and wanted(given) == len(camera.fds) == 1
            blob = await asyncio.to_thread(encode, given, camera.fds, 1 << 30, Buffers())
            camera.fds = []
            (one,) = ET.fromstring(blob.join())
            assert one.attrib.keys() == {"name", "size", "format"}
            check(base64.b64decode(one.text or "", validate=True), one.attrib, tmp_path / f"I_{count:03}.fits")
        assert descriptors() == before

    def check(image: bytes, attributes: dict[str, str], file: Path) -> None:
        if not compressed:
            assert (attributes["format"], int(attributes["size"])) == (".fits", len(image))
            assert image == file.read_bytes()
            return
        assert attributes["format"] == ".fits.fz"
        assert int(attributes["size"]) == file.stat().st_size > len(image)
        with fits.HDUList.fromstring(image) as frame, fits.open(file) as original:
            assert numpy.array_equal(frame[1].data, original[0].data)

    asyncio.run(main())
