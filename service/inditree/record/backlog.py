"""The backlog of a record: the loop appends, the writer takes all. Bounded, as a disk can be slow."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from inditree.wire.elements import Blob

BACKLOG_BYTES = 32 << 20
"""Bytes that wait for a disk that is slow, images apart: some seconds of the fastest drivers."""
BACKLOG_IMAGES = 128 << 20
"""Bytes of images that wait for a disk that is slow."""


class Item(NamedTuple):
    """One thing in the backlog. `kind` is said, known (a definition said again), commanded or pictured."""

    time: float
    kind: str
    source: str
    data: bytes
    result: str = ""
    blob: Blob | None = None  # an image, held until it is written

    @property
    def size(self) -> int:
        """Bytes that it takes while it waits."""
        return self.blob.size if self.blob is not None else len(self.data)


Taped: TypeAlias = Item | tuple[float, str, str, bytes, str, Blob | None]
"""An Item, or its fields as they are, which is made in a third of the time."""


class Backlog:
    """Items that wait to be written. The loop appends, the thread takes all. `images`: how many bytes may be images."""

    def __init__(self, images: int = BACKLOG_IMAGES) -> None:
        self._room = min(images, BACKLOG_IMAGES)
        self._items: list[Taped] = []
        self._bytes = self._images = 0
        self.lost = 0

    def append(self, item: Item) -> bool:
        """Append an item; False, and counted, where there is no room."""
        if item.kind == "pictured":
            room = self._images + item.size <= self._room or not self._images
            self._images += item.size if room else 0
        else:
            room = self._bytes + item.size <= BACKLOG_BYTES
            self._bytes += item.size if room else 0
        if room:
            self._items.append(item)
        else:
            self.lost += 1
        return room

    def say(self, time: float, kind: str, source: str, data: bytes) -> None:
        """Append what was said: as `append`, for what comes twenty thousand times a second."""
        size = self._bytes + len(data)
        if size <= BACKLOG_BYTES:
            self._bytes = size
            self._items.append((time, kind, source, data, "", None))
        else:
            self.lost += 1

    def pop_all(self) -> list[Taped]:
        """Takes out all items, the oldest first."""
        items, self._items = self._items, []
        self._bytes = self._images = 0
        return items
