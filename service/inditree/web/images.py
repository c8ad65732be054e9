"""Images by URL: the newest of each property, kept while a web client wants it, and sent as the file that it is."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator

import pybase64

from inditree.envelope import Image as Place
from inditree.wire.elements import Blob, OneBlob

PIECE = 192 << 10
"""Bytes of base64 that are decoded at once; a multiple of 4."""

LINE = 72
"""Characters of base64 in a line, as libindi writes it."""

_TYPES = {
    "fits": "image/fits",
    "fit": "image/fits",
    "fts": "image/fits",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}
_ENDING = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}")
_SPACE = b" \t\r\n"

Key = tuple[str, str]

Fetched = Callable[[str, int], None]
"""Told of an image of a device that was fetched whole, and of its bytes."""


def payload(blob: Blob, one: OneBlob, size: int = PIECE) -> Iterator[bytes]:
    """Give the base64 of one image in the chunks of its element, `size` bytes at a time, not a copy of the whole."""
    start, left = one.tag_stop, one.payload
    for chunk in blob.chunks:
        view = memoryview(chunk)
        if start >= len(view):
            start -= len(view)
            continue
        while start < len(view) and left > 0:
            part = view[start : start + min(size, left)]
            start += len(part)
            left -= len(part)
            yield bytes(part)
        start = max(0, start - len(view))
        if left <= 0:
            return


def decoded(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Undo base64 that comes in parts, with line breaks or without."""
    kept = b""
    for part in parts:
        text = kept + part.translate(None, _SPACE)
        whole = len(text) & ~3
        kept = text[whole:]
        if whole:
            yield pybase64.b64decode(text[:whole])
    if kept:
        yield pybase64.b64decode(kept + b"=" * (-len(kept) % 4))


def exact_size(one: OneBlob) -> int | None:
    """Give the bytes of an image where its announced size and its layout agree; None where only decoding it shows."""
    announced = one.attributes.get("size", "")
    if not re.fullmatch("[0-9]{1,15}", announced):
        return None
    size = int(announced)
    text = (size + 2) // 3 * 4
    lines = -(-text // LINE)
    layouts = {text + around for around in range(3)} | {text + lines + around for around in (-1, 0, 1, 2)}
    return size if one.payload in layouts else None


class Sent:
    """An image on its way to a browser: holds its buffers until it is released."""

    def __init__(self, blob: Blob, one: OneBlob, identifier: str, ending: str, count: Fetched) -> None:
        self._count = count
        self._given = 0
        self._blob = blob
        self._one = one
        self.type = _TYPES.get(ending.lstrip("."), "application/octet-stream")
        self.etag = f'"{identifier}"'
        self.size = exact_size(one)
        self.wake: Callable[[], None] = lambda: None
        blob.retain()

    def pieces(self) -> Iterator[bytes]:
        """Give the file's own bytes."""
        for piece in decoded(payload(self._blob, self._one)):
            self._given += len(piece)
            yield piece

    def delivered(self) -> None:
        """The last byte is with the kernel."""
        self._count(self._blob.device, self._given)

    def release(self) -> None:
        """Let go of the buffers."""
        self._blob.release()


class Images:
    """The images of one listener. An ID cannot be guessed, and says by itself that it was ours once.

    `count` is told of each image that was fetched whole.
    """

    def __init__(self, count: Fetched) -> None:
        self._count = count
        self._secret = secrets.token_bytes(32)
        self._newest: dict[Key, tuple[Blob, dict[str, Place]]] = {}
        self._where: dict[str, tuple[Key, OneBlob, str]] = {}

    def keep(self, blob: Blob) -> dict[str, Place]:
        """Keep an image in the place of the one before; where its members are to be had. Asked again: the same."""
        key = (blob.device, blob.name)
        known = self._newest.get(key)
        if known is not None and known[0] is blob:
            return known[1]
        self.forget(key)
        blob.retain()
        places = {}
        for one in blob.ones:
            name = one.attributes.get("name", "")
            ending = one.attributes.get("format", "")
            identifier, shown = self._make(), ending if _ENDING.fullmatch(ending) else ".bin"
            self._where[identifier] = (key, one, shown)
            size = one.attributes.get("size", "")
            places[name] = Place(f"/blob/{identifier}{shown}", int(size) if size.isdecimal() else 0, ending)
        self._newest[key] = (blob, places)
        return places

    def find(self, identifier: str) -> Sent | int:
        """Find an image, which is the caller's to release; 410 for one that was replaced, 404 for what never was."""
        where = self._where.get(identifier)
        if where is None:
            return 410 if self._is_ours(identifier) else 404
        key, one, ending = where
        return Sent(self._newest[key][0], one, identifier, ending, self._count)

    def places(self, key: Key) -> dict[str, Place]:
        """Says where the newest image of a property is to be had, by member."""
        known = self._newest.get(key)
        return known[1] if known is not None else {}

    def forget(self, key: Key) -> None:
        """Keep the image of a property no longer; who is fetching it gets it whole."""
        known = self._newest.pop(key, None)
        if known is None:
            return
        for place in known[1].values():
            self._where.pop(place.url.removeprefix("/blob/").partition(".")[0], None)
        known[0].release()

    def forget_unwanted(self, wanted: Callable[[Key], bool]) -> None:
        """Forget those of properties that nobody wants any more."""
        for key in [key for key in self._newest if not wanted(key)]:
            self.forget(key)

    def evict(self) -> Key | None:
        """Forget the oldest, as memory is short; its property. None: there is none."""
        key = next(iter(self._newest), None)
        if key is not None:
            self.forget(key)
        return key

    def kept(self) -> list[Key]:
        """The properties of which an image is kept."""
        return list(self._newest)

    def _make(self) -> str:
        nonce = secrets.token_hex(8)
        return nonce + self._sign(nonce)

    def _is_ours(self, identifier: str) -> bool:
        return len(identifier) == 32 and hmac.compare_digest(
            self._sign(identifier[:16]).encode(), identifier[16:].encode("utf-8", "replace")
        )

    def _sign(self, nonce: str) -> str:
        return hmac.new(self._secret, nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]
