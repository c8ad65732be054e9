"""INDI on stdin and stdout: elements from bytes, and a whole image through one socket that serves both ways."""

import asyncio
import os
import socket
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from inditree_drivers.stdio import Elements, Stdio

NEW = b'<newTextVector device="a" name="b"><oneText name="c">x&lt;y</oneText></newTextVector>'
TEXT = b'<getProperties version="1.7" />\n' + NEW


class Driver:
    """As much of an IPyDriver as a commsobj sees."""

    def __init__(self) -> None:
        self.stop = False
        self.heard: list[str] = []
        self.hears = asyncio.Event()
        self.comms: Stdio | None = None

    def shutdown(self) -> None:
        self.stop = True
        if self.comms is not None:
            self.comms.shutdown()

    async def _readdata(self, element: Any) -> None:
        self.heard.append(element.tag)
        self.hears.set()


@given(some.lists(some.integers(0, len(TEXT)), max_size=6))
def test_elements_however_they_are_cut(cuts: list[int]) -> None:
    elements, at, seen = Elements(), 0, []
    for cut in [*sorted(cuts), len(TEXT)]:
        seen += [ET.tostring(element).strip() for element in elements.take(TEXT[at:cut])]
        at = cut
    assert seen == [b'<getProperties version="1.7" />', NEW]


def test_after_what_is_no_xml_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    elements = Elements()
    assert [element.tag for element in elements.take(b"<a/><b></c>")] == ["a"]
    assert [element.tag for element in elements.take(b"<d/>")] == ["d"]
    assert "no XML" in caplog.text


def run_both(near: int, work: Callable[[Driver, Stdio], Any], out: int) -> Driver:
    driver = Driver()

    async def main() -> None:
        driver.comms = Stdio(driver, near, out)
        async with asyncio.TaskGroup() as group:
            group.create_task(driver.comms.run_rx())
            group.create_task(work(driver, driver.comms))

    asyncio.run(main())
    return driver


def test_a_large_element_goes_out_whole_and_is_no_obstacle() -> None:
    """The server reads late: what it sends meanwhile is heard, and not a byte of the image is lost."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    image = ET.Element("setBLOBVector")
    image.text = "QUJD" * 250_000

    async def work(driver: Driver, comms: Stdio) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(comms.run_tx(image))
            loop = asyncio.get_running_loop()
            theirs.setblocking(False)
            await loop.sock_sendall(theirs, b"<getProperties/>")
            await driver.hears.wait()
            got = b""
            while not got.endswith(b"</setBLOBVector>\n"):
                got += await loop.sock_recv(theirs, 65536)
            assert got == ET.tostring(image) + b"\n"
            theirs.shutdown(socket.SHUT_WR)

    with ours, theirs:
        driver = run_both(ours.fileno(), work, ours.fileno())
    assert driver.heard == ["getProperties"] and driver.stop


def test_end_of_input_is_the_end() -> None:
    read, write = os.pipe()
    os.write(write, b"<getProperties/>")
    os.close(write)

    async def work(driver: Driver, comms: Stdio) -> None:
        pass

    null = os.open(os.devnull, os.O_WRONLY)
    try:
        driver = run_both(read, work, null)
    finally:
        os.close(read)
        os.close(null)
    assert driver.heard == ["getProperties"] and driver.stop


def test_shutdown_ends_the_reading() -> None:
    read, write = os.pipe()

    async def work(driver: Driver, comms: Stdio) -> None:
        await asyncio.sleep(0)
        driver.shutdown()

    try:
        assert run_both(read, work, write).stop
    finally:
        os.close(read)
        os.close(write)


def test_a_server_that_is_gone_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()

    async def work(driver: Driver, comms: Stdio) -> None:
        await comms.run_tx(ET.Element("message"))

    with ours, pytest.raises(ExceptionGroup) as caught:
        run_both(ours.fileno(), work, ours.fileno())
    assert caught.group_contains(ConnectionError)
