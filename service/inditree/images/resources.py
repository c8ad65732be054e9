"""Shared by all images of one router: the buffers, the threads that encode, the uploads on their way."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeAlias

from inditree.core import Core, Peer
from inditree.images import attached, heap
from inditree.images.buffers import Buffers
from inditree.wire.elements import Blob

Encoded: TypeAlias = Blob | attached.AttachedError
"""The base64 form of an image, or why there is none."""


class Upload(Protocol):
    """An image on its way. `starved_since`: it holds memory, and since then waits for more of it."""

    peer: Peer
    starved_since: float | None

    def check(self, now: float) -> None: ...


TRIM = 10.0
"""Seconds between two looks at which of the free buffers were not needed."""

REST = 3.0
"""Seconds after the last image has come or gone: then what the load took is given back. The next one pays 10 ms."""


class ImageResources:
    """One for each router. `limit` is bytes of one image as base64, with its tags."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.buffers = Buffers()
        self.executor = ThreadPoolExecutor(4, "encode")
        self.uploads: set[Upload] = set()
        self._used = 0.0  # when a buffer was seen to be used last
        self._rested = True
        self._next_trim = 0.0

    def encode(self, blob: Blob, fds: list[int]) -> Encoded:
        """The base64 form of images that came as descriptors. Blocks; any thread may call it."""
        try:
            return attached.encode(blob, fds, self.limit, self.buffers)
        except attached.AttachedError as error:
            return error

    def begin_encoding(self, blob: Blob, fds: list[int]) -> Future[Encoded] | None:
        """Encode in a thread. None where the machine gives none: `fds` stay the caller's, who does it himself."""
        job: Future[Encoded] = Future()
        try:
            self.executor.submit(self._run, job, blob, fds)
        except RuntimeError:  # the executor has queued it nevertheless
            if job.cancel():
                return None
        return job

    def _run(self, job: Future[Encoded], blob: Blob, fds: list[int]) -> None:
        if job.set_running_or_notify_cancel():
            try:
                job.set_result(self.encode(blob, fds))
            except Exception as error:
                job.set_exception(error)

    def free(self, blob: Blob) -> None:
        """Nobody holds this image any more: its buffers are used again, its descriptors closed."""
        self.buffers.used = True  # it may have none, and its memory is to be given back all the same
        attached.close_fds(blob)
        blob.chunks.clear()
        for buffer in blob.buffers:
            self.buffers.recycle(buffer)
        blob.buffers.clear()

    def tidy(self, now: float) -> None:
        """Now and then: let go of free buffers, and of all freed memory once no more images come."""
        if self.buffers.used:
            self.buffers.used = False
            self._used, self._rested = now, False
            if now >= self._next_trim:
                self._next_trim = now + TRIM
                self.buffers.trim()
        elif not self._rested and now - self._used >= REST:
            self._rested = True
            self.buffers.clear()
            heap.give_freed()

    def untie(self, core: Core) -> None:
        """Uploads that have a part of their image, and wait for memory that only these parts take: one has to go."""
        since = [upload.starved_since for upload in self.uploads]
        patience = core.settings.stall_timeout
        if (
            len(since) > 1
            and not core.intake.memory
            and all(at is not None and core.now - at >= patience for at in since)
        ):
            largest = max(self.uploads, key=lambda upload: core.intake.reserved.get(upload.peer, 0))
            core.desk.close(largest.peer, "limit", "no memory is left for its image beside what others upload")

    def close(self) -> None:
        """No more images will come."""
        self.executor.shutdown(wait=False, cancel_futures=True)
