"""The images in one peer's stream: admitted, read by a thread where they are large, encoded where that is wanted."""

from __future__ import annotations

import asyncio
import functools
import re
from concurrent.futures import Future

from inditree.core import Peer
from inditree.errors import PeerError
from inditree.flow.pauses import Pause
from inditree.images.attached import (
    WORTH_A_THREAD,
    AttachedError,
    close_fds,
    guard_memory,
    hand_over,
    is_compressed,
    raw_size,
    wanted,
)
from inditree.images.descriptors import FDS_KEPT, close_all
from inditree.images.interfaces import Fds, Host, Reader, Source
from inditree.images.resources import Encoded
from inditree.images.thread import ImageThread, ReadResult
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from inditree.wire.images import ImageScanner
from inditree.wire.syntax import message

SPARE = 1 << 20
"""Bytes that an image may have beyond a tenth more than was announced, before there has to be memory for more."""

_SIZE = re.compile("[0-9]{1,15}")

THREAD_FROM = 1 << 20
"""Bytes of an image from which on it is read by a thread: the hand-over costs 50-95 us."""


class ImageIntake:
    """The images of one stream, from their first byte to `Core.receive`: memory, threads, descriptors, encoding.

    `threaded`: a thread reads one. `encoding`: one is being encoded. `discard`: the one at hand is read and not kept.
    `fds` gives the descriptors that came with them, None where none are taken from this peer.
    """

    def __init__(self, host: Host, peer: Peer, source: Source, framer: Framer, reader: Reader, fds: Fds | None) -> None:
        self.peer = peer
        self.threaded = False
        self.encoding = False
        self.discard = False
        self.starved_since: float | None = None  # it holds memory for an image, and waits for more of it
        self._host = host
        self._core = host.core
        self._resources = host.resources
        self._source = source
        self._framer = framer
        self._reader = reader
        self._fds = fds
        self._thread: ImageThread | None = None
        self._starved = False
        self._image: ImageScanner | None = None  # the one that was admitted
        self._granted = float("inf")  # bytes that it may have before it is to be admitted again
        self._upload = 0, 0.0  # its bytes at the last look, and since when it has no more
        self._buffers: list[bytearray] = []

    def go_on(self, image: ImageScanner) -> None:
        """An image has begun: is there memory for it, and who reads on?"""
        if image.broken is not None and image is not self._image:
            return  # nothing of it is kept
        if (image is not self._image or image.size > self._granted) and not self._admit(image):
            return
        if self.discard:
            del image.chunks[1:]
        elif image.size + self._remaining(image) >= THREAD_FROM:
            if self._thread is None and not self._start_thread():
                return
            assert self._thread is not None
            self.threaded = True
            self._resources.uploads.add(self)
            self._reader.pause(Pause.THREAD)
            expected = image.size + self._remaining(image)
            self._thread.read(self._source, self._framer, expected, self._granted, self._image_read)

    def _start_thread(self) -> bool:
        """The thread of this source; False where the machine gives none: the source is closed, and says why."""
        try:
            self._thread = ImageThread(self._host.loop, self._resources.buffers)
        except RuntimeError as error:
            self._core.desk.close(self.peer, "error", f"no thread can be had to read its image: {error}")
            return False
        return True

    def _admit(self, image: ImageScanner) -> bool:
        image.began = image.began or self._core.now
        expected = max(image.size + self._remaining(image), self.peer.last_size)
        if self._core.may_begin(self.peer, expected, image.element):
            self._image, self.discard = image, False
            if self.peer.policy.listener:
                self._granted = expected * 1.1 + SPARE
                self._upload = image.size, self._core.now
                self._resources.uploads.add(self)
        elif self.peer.pings or self._reader.finishing:
            # It is always read: while it waits for its reply, more than 2 KiB of input kills it.
            self._core.discard(self.peer)
            self._image, self.discard = image, True
        else:
            self._starved = True
            self._reader.pause(Pause.MEMORY)
            return False
        return True

    @staticmethod
    def _remaining(image: ImageScanner) -> int:
        """About how many bytes of the image are to come, as far as its source has said."""
        if not image.ones:
            return 0
        one = image.ones[-1]
        attributes = one.attributes
        for key, factor in (("enclen", 1.02), ("size", 4 / 3)):
            value = attributes.get(key, "")
            if _SIZE.fullmatch(value):
                return max(0, int(int(value) * factor) - one.payload)
        return 0

    def check(self, now: float) -> None:
        """Close a client or link that began an image and does not go on with it: it holds memory."""
        image = self._framer.image
        if self._reader.closed or image is None or image is not self._image:
            self._resources.uploads.discard(self)
            self.starved_since = None
            return
        if self.threaded and self._thread is not None:
            self._core.heard(self.peer, self._thread.heard)  # a slow image is no silent link
        if not self.peer.policy.listener:
            return
        settings = self._core.settings
        limit = settings.stall_timeout if self.peer.link is None else settings.link_timeout
        if image.size != self._upload[0] or not self._reader.stands_still:
            self.starved_since = None
        elif self._starved and self.starved_since is None:
            self.starved_since = now
        if image.size != self._upload[0] or self._reader.stands_still:
            self._upload = image.size, now
        elif now - self._upload[1] >= limit:
            self._core.desk.close(self.peer, "stalled", f"began an image and sent no more of it for {limit:g} s")

    def _image_read(self, outcome: ReadResult) -> None:
        """The thread has stopped reading."""
        self.threaded = False
        self._buffers += outcome.buffers
        if self._reader.closed:
            self._release_buffers()
            self._source.close()
            return
        self._core.heard(self.peer, self._host.begin())
        error = outcome.error
        if error is not None and not isinstance(error, OSError):
            if isinstance(error, PeerError):
                self._reader.bad(error)
            else:
                self._host.mistake(self.peer, error)
            self._host.flush()
            return
        self._reader.resume(Pause.THREAD, ended=outcome.eof or error is not None)

    def complete(self, blob: Blob) -> None:
        self._image = None
        blob.buffers, self._buffers = self._buffers, []
        blob.began = blob.began or self._core.now
        attached = wanted(blob)
        if self.discard:
            self.discard = False
            self._core.desk.count_dropped(self.peer, "memory", blob.size)
            close_all(self._claimed(attached))
        elif attached:
            self._complete_attached(blob, attached)
        else:
            self._core.receive(self.peer, blob)

    def abandon(self, attached: int) -> None:
        """The image at hand was none: nobody has its buffers, its `attached` descriptors, or its memory."""
        self._image, self.discard = None, False
        self._core.intake.arrived(self.peer)
        self._core.intake.moved()
        close_all(self._claimed(attached))
        if not self.threaded and self._framer.image is None:
            self._release_buffers()

    def disown(self) -> None:
        """Close what no element claimed: all that came was looked at, and a descriptor comes with its element."""
        close_all(self._claimed(FDS_KEPT))

    def _claimed(self, count: int) -> list[int]:
        return self._fds(count) if self._fds is not None else []

    def _complete_attached(self, blob: Blob, count: int) -> None:
        """Images that came as descriptors: as such for those on UNIX sockets, base64 for those who read TCP.

        Nothing later overtakes them.
        """
        fds = self._claimed(count)
        as_fds, as_text = self._core.forms(self.peer, blob)
        if is_compressed(blob) or (as_fds and not guard_memory(fds)):
            as_fds, as_text = False, True
        handed = self._hand_over(blob, fds) if as_fds or not as_text else None
        if not as_text or isinstance(handed, AttachedError):
            close_all(fds)
            assert handed is not None
            self._encoded(blob, handed)
        elif raw_size(blob) < WORTH_A_THREAD or (job := self._resources.begin_encoding(blob, fds)) is None:
            self._encoded(blob, self._resources.encode(blob, fds), handed)
        else:
            self.encoding = True
            self._reader.pause(Pause.ENCODE)
            task = self._host.tasks.start(self._encode(blob, job, handed), f"encode {self.peer.name}")
            task.add_done_callback(functools.partial(_let_go, job, fds, handed))

    def _hand_over(self, blob: Blob, fds: list[int]) -> Encoded:
        try:
            return hand_over(blob, fds, self._resources.limit)
        except AttachedError as error:
            return error

    async def _encode(self, blob: Blob, job: Future[Encoded], handed: Blob | None) -> None:
        try:
            result = await asyncio.wrap_future(job)
            if self._reader.closed:
                if handed is not None:
                    close_fds(handed)
                return
            self._host.begin()
            self._encoded(blob, result, handed)
        except Exception as error:
            self._host.mistake(self.peer, error)
            self._host.flush()
        finally:
            self.encoding = False
        self._reader.resume(Pause.ENCODE)

    def _encoded(self, blob: Blob, result: Encoded, handed: Blob | None = None) -> None:
        """`handed`: its other form, where that is wanted beside this one."""
        if isinstance(result, Blob):
            result.began = blob.began
            if handed is not None:
                result.attached = handed.attached
            self._core.receive(self.peer, result)
            return
        if handed is not None:
            close_fds(handed)
        self._core.desk.count_dropped(self.peer, "unknown", blob.size)
        text = f"{self.peer.name}: {blob.device}.{blob.name}: {result}"
        self._core.desk.log("warning", "no_image", text, device=blob.device)
        if blob.tag == "newBLOBVector":
            told = f"{blob.name}: the request was not delivered: {result}"
            answer = message(told, self._core.settings.timestamp(), blob.device)
            self._core.desk.send(self.peer, answer, "message")

    def fed(self) -> None:
        """Notes that there is memory again, or none is waited for any more."""
        self._starved = False

    def end(self) -> bool:
        """The stream is closed. False: a thread still reads it, and closes the source when it has stopped."""
        if self._thread is not None:
            self._thread.end()
        if self.threaded:
            return False
        self._framer.image = None
        self._release_buffers()
        return True

    def _release_buffers(self) -> None:
        for buffer in self._buffers:
            self._resources.buffers.recycle(buffer)
        self._buffers.clear()


def _let_go(job: Future[Encoded], fds: list[int], handed: Blob | None, task: asyncio.Task[None]) -> None:
    """The image goes nowhere: the router ends, or it could not be encoded."""
    if task.cancelled():
        if job.cancel():  # it has not begun: else it closes them itself
            close_all(fds)
    elif job.exception() is None:
        return
    if handed is not None:
        close_fds(handed)
