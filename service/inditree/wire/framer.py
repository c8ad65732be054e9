"""Feed bytes, pull complete elements.

The caller feeds what one read gave and pulls until None, so that each element is acted on before the
next one is looked at. A bad byte raises PeerError from `pull`, after everything whole before it was given out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from inditree.errors import PeerError
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.images import ImageScanner
from inditree.wire.syntax import (
    BLOB_TAGS,
    FAST_START,
    NEW_TAGS,
    START_TAG_LIMIT,
    TAG_NAME,
    TEXT_LIMIT,
    check_whole,
    parse_start,
    tag_end,
)

HEADS_LIMIT = 8192
"""Start tags remembered for one source; a source that invents more starts over."""

_GT, _SLASH, _NEWLINE = 0x3E, 0x2F, 0x0A
_NO_GROUP = object()
_OPENING = re.compile(rb"<[A-Za-z_:]")
_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"))


class Framer:
    """The elements in one peer's stream.

    `route` gives the group of a head, whose `group` is None; `element_limit` and `blob_limit` are bytes of
    one element. `text` is how many bytes of text between elements were skipped, in all.
    """

    def __init__(self, route: Callable[[Head], object], element_limit: int, blob_limit: int) -> None:
        self.text = 0
        self.image: ImageScanner | None = None
        self.heads: dict[bytes, Head] = {}
        self._route = route
        self._element_limit = element_limit
        self._blob_limit = blob_limit
        self._data = b""
        self._pos = 0
        self._runs = 0
        self._text_row = 0
        self._partial = bytearray()  # an element that earlier reads began
        self._scanned = 0  # how far `_partial` was looked at
        self._quote = 0
        self._close: bytes | None = None  # what ends it, once its start tag is known
        self._image_ended = False

    @property
    def idle(self) -> bool:
        """True between elements: nothing of a next one has come."""
        return not self._partial and self.image is None and self._pos >= len(self._data)

    @property
    def held(self) -> int:
        """Bytes kept for an element that is not complete."""
        return len(self._partial) + (self.image.size if self.image else 0)

    def feed(self, data: bytes) -> None:
        """Take what a read gave; everything fed before must have been pulled."""
        self._pos = 0
        if not self._partial:
            self._data = data
            return
        self._partial += data
        self._data = b""
        if self._worth_framing():
            self._data = bytes(self._partial)
            self._partial = bytearray()

    def feed_image(self, buffer: bytearray, stop: int) -> bool:
        """Feed `buffer[:stop]` to the image that is being received; True when it has ended.

        The buffer belongs to the image from then on. The image, and what follows it, stand ready to be pulled.
        """
        assert self.image is not None
        end = self.image.feed(buffer, 0, stop)
        if end < 0:
            return False
        self._image_ended = True
        self._data, self._pos = bytes(memoryview(buffer)[end:stop]), 0
        return True

    def pull(self) -> Run | Element | Blob | None:
        """The next run, element or BLOB, or None when more bytes are needed. Raises PeerError."""
        while True:
            if self.image is not None:
                return self._pull_image(self.image)
            if not self._skip_between():
                return None
            run = self._pull_run()
            if run is not None:
                return run
            item = self._pull_element()
            if item is not None or self.image is None:
                return item

    def _pull_image(self, image: ImageScanner) -> Element | Blob | None:
        if not self._image_ended:
            end = image.feed(self._data, self._pos, len(self._data))
            if end < 0:
                self._data, self._pos = b"", 0
                return None
            self._pos = end
        self.image, self._image_ended = None, False
        item = image.finished()
        if isinstance(item, Element) and item.tag in NEW_TAGS:
            check_whole(item.data)
        return item

    def _pull_run(self) -> Run | None:
        """The fast path: neighbouring set* with plain start tags. None: the next element is not one, or not whole."""
        data, pos = self._data, self._pos
        begin = pos
        match, find, known = FAST_START.match, data.find, self.heads.get
        size = len(data)
        self._runs += 1
        run = self._runs
        group: object = _NO_GROUP
        heads: list[Head] = []
        newline = True
        while found := match(data, pos):
            head = known(found[1]) or self._new_head(found[1])
            stop = found.end()
            if data[stop - 2] != _SLASH:
                stop = find(head.close, stop)
                if stop < 0:
                    break
                stop += len(head.close)
                if stop >= size or data[stop] != _GT:
                    break
                stop += 1
            if head.group is not group:
                if head.group is None:
                    head.group = self._route(head)
                if group is _NO_GROUP:
                    group = head.group
                elif head.group is not group:
                    break
            if head.run != run:
                head.run = run
                head.first = pos - begin
                head.count = 0
                heads.append(head)
            head.last = pos - begin
            head.end = stop - begin
            head.count += 1
            if stop < size and data[stop] == _NEWLINE:
                pos = stop + 1
            else:
                pos, newline = stop, False
                break
        if group is _NO_GROUP:
            return None
        for head in heads:
            self._limit_element(head.end - head.last)
        self._pos = pos
        self._text_row = 0
        whole = data if begin == 0 and pos == size else data[begin:pos]
        return Run(whole if newline else whole + b"\n", group, heads)

    def _new_head(self, key: bytes) -> Head:
        tag, attributes = parse_start(key + b">")
        if len(self.heads) >= HEADS_LIMIT:
            self.heads.clear()
        head = self.heads[key] = Head(tag, attributes["device"], attributes["name"])
        return head

    def _skip_between(self) -> bool:
        """Go to the next start tag, over white space, text, comments and declarations; False: it is not there yet."""
        data = self._data
        while True:
            pos = data.find(b"<", self._pos)
            stop = len(data) if pos < 0 else pos
            self._count_text(data[self._pos : stop])
            self._pos = stop
            if pos < 0:
                return False
            for opening, closing in _SKIPPED:
                if data.startswith(opening, pos):
                    end = data.find(closing, pos + len(opening))
                    if end < 0:
                        self._limit_element(len(data) - pos)
                        self._hold(pos, closing)
                        return False
                    self._pos = end + len(closing)
                    break
            else:
                return True

    def _count_text(self, between: bytes) -> None:
        text = len(between.strip())
        if text:
            self.text += text
            self._text_row += text
            if self._text_row > TEXT_LIMIT:
                raise PeerError("malformed", f"more than {TEXT_LIMIT} bytes of text between elements")

    def _pull_element(self) -> Element | None:
        """One element of any kind at `_pos`, which is a `<`. None: not complete, or an image has begun."""
        data, pos = self._data, self._pos
        if not self._opens(data, pos):
            self._hold(pos, b"")
            return None
        stop, quote = tag_end(data, pos + 1, len(data), 0)
        if (len(data) if stop < 0 else stop) - pos > START_TAG_LIMIT:
            raise PeerError("too_large", f"start tag is over {START_TAG_LIMIT} bytes")
        if stop < 0:
            self._hold(pos, None, quote)
            return None
        raw = data[pos:stop]
        if raw[-2] == _SLASH:
            return self._element(raw, raw, stop)
        named = TAG_NAME.match(raw)
        assert named is not None
        if named[1] in BLOB_TAGS:
            tag, attributes = parse_start(raw)
            self.image = ImageScanner(Element(tag, attributes, raw), self._blob_limit)
            self._pos, self._text_row = stop, 0
            return None
        close = b"</" + named[1]
        end = self._find_close(data, close, stop)
        if end < 0:
            self._limit_element(len(data) - pos)
            self._hold(pos, close)
            return None
        return self._element(raw, data[pos:end], end)

    def _element(self, raw: bytes, whole: bytes, stop: int) -> Element:
        self._limit_element(len(whole))
        tag, attributes = parse_start(raw)
        if tag in NEW_TAGS:
            check_whole(whole)
        self._pos, self._text_row = stop, 0
        return Element(tag, attributes, whole + b"\n")

    def _limit_element(self, size: int) -> None:
        if size > self._element_limit:
            raise PeerError("too_large", f"element is over {self._element_limit} bytes")

    @staticmethod
    def _opens(data: bytes, pos: int) -> bool:
        """Is this the start of an element? False: too short to say. Raises PeerError for what can never be one."""
        start = data[pos : pos + 9]
        if _OPENING.match(start):
            return True
        if start == b"<!DOCTYPE":
            raise PeerError("doctype", "a DOCTYPE")
        if any(known.startswith(start) for known in (b"<!DOCTYPE", b"<!--", b"<?")):
            return False
        raise PeerError("malformed", f"not the start of an element: {data[pos : pos + 40]!r}")

    @staticmethod
    def _find_close(data: bytes | bytearray, close: bytes, start: int) -> int:
        """The index after the end tag `close` + white space + `>`, or -1 while it has not come."""
        at = start
        while (at := data.find(close, at)) >= 0:
            end = at + len(close)
            while end < len(data) and data[end] in b" \t\r\n":
                end += 1
            if end == len(data):
                return -1
            if data[end] == _GT:
                return end + 1
            at = end
        return -1

    def _hold(self, pos: int, close: bytes | None, quote: int = 0) -> None:
        """Keep what begins at `pos` until more comes: up to `close`, or (None) up to the end of its start tag."""
        self._partial += self._data[pos:]
        self._scanned, self._close, self._quote = len(self._partial), close, quote
        self._data, self._pos = b"", 0

    def _worth_framing(self) -> bool:
        """Look at what has come new in `_partial`, each byte once: can it be complete, or is it too large?"""
        held, size = self._partial, len(self._partial)
        scanned, self._scanned = self._scanned, size
        if self._close is None:
            stop, self._quote = tag_end(held, max(scanned, 1), size, self._quote)
            return stop >= 0 or size > START_TAG_LIMIT
        start = max(scanned - len(self._close) - 1, 0)
        return held.find(self._close, start) >= 0 or size > self._element_limit
