"""INDI on stdin and stdout for an IPyDriver, in place of indipydriver's own.

indiserver gives a driver one socket for both. indipydriver makes its stdin non-blocking, with that its stdout as well,
and then loses the rest of an image that does not go out in one piece (seen: with 1.9.9 most images, and the driver
hung). It also looks for input a hundred times a second, and takes end of file for silence.
"""

import asyncio
import logging
import os
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

READ_BYTES = 65536
STDIN, STDOUT = 0, 1
log = logging.getLogger(__name__)


class Elements:
    """Bytes in, whole top-level elements out."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._parser: Any = ET.XMLPullParser(("start", "end"))
        self._parser.feed(b"<indi>")
        self._depth = 0
        self._root: Any = None

    def take(self, data: bytes) -> Iterator[Any]:
        """The elements that are complete with this data; what cannot be parsed is logged and left out."""
        try:
            self._parser.feed(data)
            late = self._flush()
            for what, element in self._parser.read_events():
                if what == "start":
                    self._depth += 1
                    self._root = element if self._depth == 1 else self._root
                    continue
                self._depth -= 1
                if self._depth == 1:
                    self._root.remove(element)
                    yield element
            if late is not None:
                raise late
        except ET.ParseError as error:
            log.error("what the server sent is no XML: %s", error)
            self._start()

    def _flush(self) -> ET.ParseError | None:
        """Since 2.6 expat puts off what looks unfinished: an end tag in three pieces came only with the next element.

        What is wrong shows after the elements before it, as it does without.
        """
        try:
            getattr(self._parser, "flush", lambda: None)()
        except ET.ParseError as error:
            return error
        return None


class Stdio:
    """A commsobj of indipydriver over stdin and stdout: `run_rx` until the server hangs up, `run_tx` one element whole.

    A server that does not read makes `run_tx` wait, and nothing else: the driver goes on.
    """

    def __init__(self, driver: Any, stdin: int = STDIN, stdout: int = STDOUT) -> None:
        self.driver = driver
        self.stdin, self.stdout = stdin, stdout
        self._ready = asyncio.Event()
        for descriptor in (stdin, stdout):
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                os.set_blocking(descriptor, False)

    async def run_rx(self) -> None:
        elements = Elements()
        while not self.driver.stop:
            data = await self._read()
            if not data:
                # A driver must not outlive its server.
                self.driver.shutdown()
                return
            for element in elements.take(data):
                await self.driver._readdata(element)

    async def _read(self) -> bytes:
        """Empty at the end of the input and when the driver is to stop."""
        while not self.driver.stop:
            try:
                return os.read(self.stdin, READ_BYTES)
            except BlockingIOError:
                self._ready.clear()
                loop = asyncio.get_running_loop()
                await _when(self._ready, loop.add_reader, loop.remove_reader, self.stdin)
        return b""

    async def run_tx(self, element: Any) -> None:
        # In a thread, as a BLOB is megabytes of text to copy; another element takes as long as the way there.
        blob = element.tag == "setBLOBVector"
        data = await asyncio.to_thread(ET.tostring, element) if blob else ET.tostring(element)
        left = memoryview(data + b"\n")
        while left:
            try:
                left = left[os.write(self.stdout, left) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await _when(asyncio.Event(), loop.add_writer, loop.remove_writer, self.stdout)

    def shutdown(self) -> None:
        """Ends the connection for the driver's own shutdown."""
        self._ready.set()


async def _when(event: asyncio.Event, watch: Callable[..., Any], leave: Callable[[int], Any], descriptor: int) -> None:
    watch(descriptor, event.set)
    try:
        await event.wait()
    finally:
        leave(descriptor)
