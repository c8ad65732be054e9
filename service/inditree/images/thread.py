"""Reading a large image beside the loop, so that its reading overlaps with the writing of the one before.

Both threads spend their time in system calls that release the interpreter lock. The thread reads to the end of
one image only and gives it back, with what came behind it, so the loop decides about flow and nothing is locked.
"""

from __future__ import annotations

import asyncio
import queue
import select
import threading
import time
from collections.abc import Callable

from inditree.images.buffers import SIZE, Buffers
from inditree.images.interfaces import Source
from inditree.wire.framer import Framer

POLL_MS = 200
"""How long the thread waits for bytes before it looks whether it is still wanted."""

SLACK = 4096
"""Bytes asked for beyond the announced end of an image: what follows has to be copied."""


class ReadResult:
    """The result of the thread's reading, and why it stopped: the image's end, the stream's, or an error.

    `buffers` hold what it read: they belong to the image from now on.
    """

    __slots__ = ("buffers", "eof", "error")

    def __init__(self) -> None:
        self.buffers: list[bytearray] = []
        self.eof = False
        self.error: Exception | None = None


_Job = tuple[Source, Framer, int, float, Callable[[ReadResult], None]]


class ImageThread:
    """One thread for one source, started with its first large image.

    `heard` is when it last read something, in seconds of time.monotonic.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, buffers: Buffers) -> None:
        self._loop = loop
        self._buffers = buffers
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ended = False
        self.heard = 0.0
        threading.Thread(target=self._run, name="image", daemon=True).start()

    def read(
        self,
        channel: Source,
        framer: Framer,
        expected: int,
        most: float,
        done: Callable[[ReadResult], None],
    ) -> None:
        """Read the image that `framer` has begun, of about `expected` bytes; `done` is called in the loop.

        Past `most` bytes it stops, the image incomplete.
        """
        self._jobs.put((channel, framer, expected, most, done))

    def end(self) -> None:
        """The source is gone: stop at the next opportunity; `done` is called all the same."""
        self._ended = True
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            channel, framer, expected, most, done = job
            outcome = ReadResult()
            try:
                self._read(channel, framer, expected, most, outcome)
            except ValueError as error:  # its descriptor was closed meanwhile
                outcome.error = OSError(str(error))
            except Exception as error:  # one that nobody expects is told as well, or the loop would wait for ever
                outcome.error = error
            del job, channel, framer
            try:
                self._loop.call_soon_threadsafe(done, outcome)
            except RuntimeError:
                return  # the loop is closed: so is the router
            del done, outcome  # its buffers are as large as the image, and the next one may never come

    def _read(self, channel: Source, framer: Framer, expected: int, most: float, outcome: ReadResult) -> None:
        image = framer.image
        assert image is not None
        poll = select.poll()
        poll.register(channel.read_fd(), select.POLLIN)
        buffer, filled = self._buffers.get(), 0
        outcome.buffers.append(buffer)
        while not self._ended and image.size <= most:
            room = SIZE - filled
            if expected > image.size:
                room = min(room, expected - image.size + SLACK)
            try:
                count = channel.recv_into(memoryview(buffer)[filled : filled + room])
            except (BlockingIOError, InterruptedError):
                poll.poll(POLL_MS)
                continue
            if count == 0:
                outcome.eof = True
                return
            self.heard = time.monotonic()
            if framer.feed_image(buffer, filled, filled + count):
                return
            filled += count
            if SIZE - filled < SIZE // 16:
                buffer, filled = self._buffers.get(), 0
                outcome.buffers.append(buffer)
