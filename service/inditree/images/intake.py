"""The images in one peer's stream: admitted, read by a thread where they are large, encoded where that is wanted."""

from __future__ import annotations

import asyncio
import functools
import re
from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeAlias

from inditree.core import Peer
from inditree.errors import PeerError
from inditree.images.attached import WORTH_A_THREAD, AttachedError, close, hand_over, is_compressed, raw_size, wanted
from inditree.images.thread import ImageThread, Outcome
from inditree.transport.channel import Channel, DriverChannel
from inditree.transport.descriptors import close_all
from inditree.transport.writing import Writing
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from inditree.wire.images import ImageScanner
from inditree.wire.syntax import message

if TYPE_CHECKING:
    from inditree.transport.engine import Engine

_Job: TypeAlias = Future[Blob | AttachedError]

SPARE = 1 << 20
"""Bytes that an image may have beyond a tenth more than was announced, before there has to be memory for more."""

_SIZE = re.compile("[0-9]{1,15}")

THREAD_FROM = 1 << 20
"""Bytes of an image from which on it is read by a thread: the hand-over costs 50-95 us."""


class Images(Writing, ABC):
    """What a stream does with images."""

    def __init__(self, engine: Engine, peer: Peer, channel: Channel, log: bool) -> None:
        super().__init__(engine, peer, channel, log)
        self._framer = Framer(engine.core.route(peer), engine.limits.element, engine.blob_text)
        self._thread: ImageThread | None = None
        self._threaded = False  # the thread reads
        self._busy = False  # an image is being encoded
        self._image: ImageScanner | None = None  # the one that was admitted
        self._granted = float("inf")  # bytes that it may have before it is to be admitted again
        self._upload = 0, 0.0  # its bytes at the last look, and since when it has no more
        self.starved_since: float | None = None  # it holds memory for an image, and waits for more of it
        self._discard = False
        self._starved = False
        self._buffers: list[bytearray] = []

    @abstractmethod
    def update(self) -> None:
        """Read, or do not, as things stand now."""

    @property
    @abstractmethod
    def unread(self) -> bool:
        """It is not read now, for whatever reason of ours."""

    @property
    @abstractmethod
    def finishing(self) -> bool:
        """The driver is gone: what is left of it is read whatever holds it."""

    @abstractmethod
    def _resume(self, ended: bool = False) -> None:
        """Act on what was read, and read on if nothing is in the way; `ended`: there is no more."""

    @abstractmethod
    def _bad(self, error: PeerError) -> None:
        """The peer sent what is not INDI."""

    def _go_on_with_image(self, image: ImageScanner) -> None:
        """An image has begun: is there memory for it, and who reads on?"""
        if (image is not self._image or image.size > self._granted) and not self._admit(image):
            return
        if self._discard:
            del image.chunks[1:]
        elif image.size + self._remaining(image) >= THREAD_FROM:
            if self._thread is None:
                self._thread = ImageThread(self._loop, self._engine.buffers)
            self._threaded = True
            self._engine.uploads.add(self)
            self.update()
            expected = image.size + self._remaining(image)
            self._thread.read(self.channel, self._framer, expected, self._granted, self._image_read)

    def _admit(self, image: ImageScanner) -> bool:
        image.began = image.began or self._core.now
        expected = max(image.size + self._remaining(image), self.peer.last_size)
        if self._core.may_begin(self.peer, expected):
            self._image, self._discard = image, False
            if self.peer.policy.listener:
                self._granted = expected * 1.1 + SPARE
                self._upload = image.size, self._core.now
                self._engine.uploads.add(self)
        elif self.peer.pings or self.finishing:
            # It is always read: while it waits for its reply, more than 2 KiB of input kills it.
            self._core.discard(self.peer)
            self._image, self._discard = image, True
        else:
            self._starved = True
            self.update()
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

    def check_upload(self, now: float) -> None:
        """Who connected to us and has begun an image has to go on with it: it holds memory."""
        image = self._framer.image
        if self.closed or image is None or image is not self._image:
            self._engine.uploads.discard(self)
            self.starved_since = None
            return
        if self._threaded and self._thread is not None:
            self._core.heard(self.peer, self._thread.heard)  # a slow image is no silent link
        if not self.peer.policy.listener:
            return
        settings = self._core.settings
        limit = settings.stall_timeout if self.peer.link is None else settings.link_timeout
        if image.size != self._upload[0] or not self.unread:
            self.starved_since = None
        elif self._starved and self.starved_since is None:
            self.starved_since = now
        if image.size != self._upload[0] or self.unread:
            self._upload = image.size, now
        elif now - self._upload[1] >= limit:
            self._core.desk.close(self.peer, "stalled", f"began an image and sent no more of it for {limit:g} s")

    def _image_read(self, outcome: Outcome) -> None:
        """The thread has stopped reading."""
        self._threaded = False
        self._buffers += outcome.buffers
        if self.closed:
            self._release_buffers()
            self.channel.close()
            return
        self._core.heard(self.peer, self._engine.begin())
        error = outcome.error
        if error is not None and not isinstance(error, OSError):
            if isinstance(error, PeerError):
                self._bad(error)
            else:
                self._engine.mistake(self.peer, error)
            self._engine.flush()
            return
        self._resume(ended=outcome.eof or error is not None)

    def _take_blob(self, blob: Blob) -> None:
        self._image = None
        blob.buffers, self._buffers = self._buffers, []
        blob.began = blob.began or self._core.now
        attached = wanted(blob)
        if self._discard:
            self._discard = False
            self._core.desk.drop(self.peer, "memory", blob.size)
            close_all(self._fds(attached))
        elif attached:
            self._take_attached(blob, attached)
        else:
            self._core.receive(self.peer, blob)

    def _fds(self, count: int) -> list[int]:
        return self.channel.take_fds(count) if isinstance(self.channel, DriverChannel) else []

    def _take_attached(self, blob: Blob, count: int) -> None:
        """Images that came as descriptors: as such for those on UNIX sockets, base64 for those who read TCP.

        Nothing later overtakes them.
        """
        fds = self._fds(count)
        as_fds, as_text = self._core.forms(self.peer, blob)
        if is_compressed(blob):
            as_fds, as_text = False, True
        handed = self._hand_over(blob, fds) if as_fds or not as_text else None
        if not as_text or isinstance(handed, AttachedError):
            close_all(fds)
            assert handed is not None
            self._encoded(blob, handed)
        elif raw_size(blob) < WORTH_A_THREAD:
            self._encoded(blob, self._engine.encode(blob, fds), handed)
        else:
            self._busy = True
            self.update()
            job = self._engine.executor.submit(self._engine.encode, blob, fds)
            task = self._engine.tasks.start(self._encode(blob, job, handed), f"encode {self.peer.name}")
            task.add_done_callback(functools.partial(_let_go, job, fds, handed))

    def _hand_over(self, blob: Blob, fds: list[int]) -> Blob | AttachedError:
        try:
            return hand_over(blob, fds, self._engine.blob_text)
        except AttachedError as error:
            return error

    async def _encode(self, blob: Blob, job: _Job, handed: Blob | None) -> None:
        try:
            result = await asyncio.wrap_future(job)
            if self.closed:
                if handed is not None:
                    close(handed)
                return
            self._engine.begin()
            self._encoded(blob, result, handed)
        except Exception as error:
            self._engine.mistake(self.peer, error)
            self._engine.flush()
        finally:
            self._busy = False
        self._resume()

    def _encoded(self, blob: Blob, result: Blob | AttachedError, handed: Blob | None = None) -> None:
        """`handed`: its other form, where that is wanted beside this one."""
        if isinstance(result, Blob):
            result.began = blob.began
            if handed is not None:
                result.attached = handed.attached
            self._core.receive(self.peer, result)
            return
        if handed is not None:
            close(handed)
        self._core.desk.drop(self.peer, "unknown", blob.size)
        text = f"{self.peer.name}: {blob.device}.{blob.name}: {result}"
        self._core.desk.log("warning", "no_image", text, device=blob.device)
        if blob.tag == "newBLOBVector":
            told = f"{blob.name}: the request was not delivered: {result}"
            answer = message(told, self._core.settings.timestamp(), blob.device)
            self._core.desk.send(self.peer, answer, "message")

    def _release_buffers(self) -> None:
        for buffer in self._buffers:
            self._engine.buffers.give(buffer)
        self._buffers.clear()


def _let_go(job: _Job, fds: list[int], handed: Blob | None, task: asyncio.Task[None]) -> None:
    """The image goes nowhere: the router ends, or it could not be encoded."""
    if task.cancelled():
        if job.cancel():  # it has not begun: else it closes them itself
            close_all(fds)
    elif job.exception() is None:
        return
    if handed is not None:
        close(handed)
