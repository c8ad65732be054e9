"""Feed bytes, pull complete elements.

The caller feeds what one read gave and pulls until None, so that each element is acted on before the
next one is looked at. A bad byte raises PeerError from `pull`, after everything whole before it was given out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from inditree.errors import PeerError
from inditree.wire import plain
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.fast import DECLARATION, INDISERVER_START, LIBINDI_START
from inditree.wire.images import ImageScanner
from inditree.wire.scans import Body, Scan, StartTag, Until
from inditree.wire.syntax import (
    BLOB_TAGS,
    NEW_TAGS,
    START_TAG_LIMIT,
    TAG_NAME,
    TEXT_LIMIT,
    check_whole,
    parse_start,
)

HEADS_LIMIT = 4096
"""Start tags remembered for one source, up to 1 KiB each; a source that invents more starts over."""

_GT, _SLASH, _NEWLINE = 0x3E, 0x2F, 0x0A
_SPACE = b" \t\r\n"
_DECLARED = len(DECLARATION)
_NO_GROUP = object()
_OPENING = re.compile(rb"<[A-Za-z_:\x80-\xff]")
_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"))
_NO_ELEMENTS = (b"<!DOCTYPE", b"<!--", b"<?")


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
        self._same: dict[tuple[str, str, str], Head] = {}
        self._start, self._other_start = INDISERVER_START, LIBINDI_START
        self._data = b""
        self._pos = 0
        self._special = -1  # the first `<!` at or behind `_pos`, once that was looked for
        self._runs = 0
        self._text_row = 0
        self._partial = bytearray()  # an element that earlier reads began
        self._scan = Scan(0)  # what looks for its end
        self._scan_limit = 0
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
        if not self._partial:
            self._load(data)
            return
        self._partial += data
        if self._worth_framing():
            self._load(bytes(self._partial))
            self._partial = bytearray()

    def feed_image(self, buffer: bytearray, start: int, stop: int) -> bool:
        """Feed `buffer[start:stop]` to the image that is being received; True when it has ended. Raises PeerError.

        The buffer belongs to the image from then on. The image, and what follows it, stand ready to be pulled.
        """
        assert self.image is not None
        assert not self._image_ended
        end = self.image.feed(buffer, start, stop)
        if end < 0:
            return False
        self._image_ended = True
        self._load(bytes(memoryview(buffer)[end:stop]))
        return True

    def _load(self, data: bytes) -> None:
        self._data, self._pos, self._special = data, 0, -1

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
                self._load(b"")
                return None
            self._pos = end
        self.image, self._image_ended = None, False
        item = image.finished()
        if isinstance(item, Element) and item.tag in NEW_TAGS:
            check_whole(item.data)
        return item

    def _pull_run(self, declared: bool = True) -> Run | None:
        """The fast path: neighbouring set* with plain start tags. None: the next element is not one, or not whole.

        `declared`: libindi's XML declarations between them are taken out; else each ends the run.
        """
        data, begin = self._data, self._pos
        match = self._start
        found = match(data, begin)
        if found is None:
            match = self._other_start
            found = match(data, begin)
            if found is None:
                return None
            self._start, self._other_start = match, self._start  # a program keeps to its layout
        declared = declared and match is LIBINDI_START
        find, known = data.find, self.heads.get
        pos = base = begin  # `base` also counts the declarations: offsets in the run begin there
        size = len(data)
        # So far no element is too large, and none holds a comment or CDATA in which its end tag may stand.
        bound = min(self._next_special(begin), begin + self._element_limit)
        self._runs += 1
        run = self._runs
        group: object = _NO_GROUP
        heads: list[Head] = []
        newline = True
        while found is not None:
            head = known(found[1]) or self._new_head(found[1])
            stop = find(head.close, found.end())
            if stop < 0:
                break
            stop += head.close_size
            if stop > bound or data[stop - 1] != _GT:
                break
            if head.group is not group:
                if head.group is None:
                    head.group = self._route(head)
                if group is _NO_GROUP:
                    group = head.group
                elif head.group is not group:
                    break
            if head.run != run:
                head.run = run
                head.first = pos - base
                head.count = 0
                heads.append(head)
            head.last = pos - base
            head.end = stop - base
            head.count += 1
            if stop == size or data[stop] != _NEWLINE:
                pos, newline = stop, False
                break
            pos = stop + 1
            if declared and data.startswith(DECLARATION, pos):
                pos += _DECLARED
                base += _DECLARED
            found = match(data, pos)
        if group is _NO_GROUP:
            return None
        whole = data[begin:pos]
        if base != begin:
            whole = whole.replace(DECLARATION, b"")
            if len(whole) != pos - base:
                return self._pull_run(declared=False)  # one stands inside an element, whose bytes do not change
        self._pos = pos
        self._text_row = 0
        return Run(whole if newline else whole + b"\n", group, heads)

    def _next_special(self, pos: int) -> int:
        if self._special < pos:
            found = self._data.find(b"<!", pos) if b"!" in self._data else -1
            self._special = found if found >= 0 else len(self._data)
        return self._special

    def _new_head(self, key: bytes) -> Head:
        tag, attributes = parse_start(key + b">")
        if len(self.heads) >= HEADS_LIMIT:
            self.heads.clear()
            self._same.clear()
        device, name = attributes["device"], attributes["name"]
        head = self.heads[key] = self._same.setdefault((tag, device, name), Head(tag, device, name))
        return head

    def _skip_between(self) -> bool:
        """Go to the next start tag, over white space, text, comments and declarations; False: it is not there yet."""
        data = self._data
        while True:
            pos = data.find(b"<", self._pos)
            stop = len(data) if pos < 0 else pos
            if stop > self._pos:
                self._count_text(data[self._pos : stop])
                self._pos = stop
            if pos < 0:
                return False
            for opening, closing in _SKIPPED:
                if data.startswith(opening, pos):
                    if not self._skip(Until(pos + len(opening), closing)):
                        return False
                    break
            else:
                return True

    def _skip(self, scan: Until) -> bool:
        end = scan.find(self._data)
        self._limit_element((len(self._data) if end < 0 else end) - self._pos)
        if end < 0:
            self._hold(scan, self._element_limit)
            return False
        self._pos = end
        return True

    def _count_text(self, between: bytes) -> None:
        text = len(between.translate(None, _SPACE))
        self.text += text
        self._text_row += text
        if self._text_row > TEXT_LIMIT:
            raise PeerError("malformed", f"more than {TEXT_LIMIT} bytes of text between elements")

    def _pull_element(self) -> Element | None:
        """One element of any kind at `_pos`, which is a `<`. None: not complete, or an image has begun."""
        data, pos = self._data, self._pos
        known = plain.match(data, pos)
        if known is not None and known[2] - pos <= min(START_TAG_LIMIT, self._element_limit):
            tag, attributes, stop = known
            self._pos, self._text_row = stop, 0
            return Element(tag, attributes, data[pos:stop] + b"\n")
        if not self._opens(data, pos):
            self._hold(Scan(pos), 0)
            return None
        limit = min(START_TAG_LIMIT, self._element_limit)
        start = StartTag(pos + 1)
        stop = start.find(data)
        if (len(data) if stop < 0 else stop) - pos > limit:
            raise PeerError("too_large", f"start tag is over {limit} bytes")
        if stop < 0:
            self._hold(start, limit)
            return None
        raw = data[pos:stop]
        tag, attributes = parse_start(raw)
        if raw[-2] == _SLASH:
            return self._element(tag, attributes, stop)
        named = TAG_NAME.match(raw)
        assert named is not None
        if named[1] in BLOB_TAGS:
            self.image = ImageScanner(Element(tag, attributes, raw), self._blob_limit, self._element_limit)
            self._pos, self._text_row = stop, 0
            return None
        body = Body(stop, named[1])
        end = body.find(data)
        if end < 0:
            self._limit_element(len(data) - pos)
            self._hold(body, self._element_limit)
            return None
        return self._element(tag, attributes, end)

    def _element(self, tag: str, attributes: dict[str, str], end: int) -> Element:
        self._limit_element(end - self._pos)
        whole = self._data[self._pos : end]
        if tag in NEW_TAGS:
            check_whole(whole)
        self._pos, self._text_row = end, 0
        return Element(tag, attributes, whole + b"\n")

    def _limit_element(self, size: int) -> None:
        if size > self._element_limit:
            raise PeerError("too_large", f"element is over {self._element_limit} bytes")

    @staticmethod
    def _opens(data: bytes, pos: int) -> bool:
        """Is this the start of an element? False: too short to say. Raises PeerError for what can never be one."""
        if _OPENING.match(data, pos):
            return True
        start = data[pos : pos + 9]
        if start == b"<!DOCTYPE":
            raise PeerError("doctype", "a DOCTYPE")
        if any(known.startswith(start) for known in _NO_ELEMENTS):
            return False
        raise PeerError("malformed", f"not the start of an element: {data[pos : pos + 40]!r}")

    def _hold(self, scan: Scan, limit: int) -> None:
        """Keep what begins at `_pos` until `scan` finds its end in it, or it is over `limit` bytes."""
        self._partial += self._data[self._pos :]
        scan.at -= self._pos
        self._scan, self._scan_limit = scan, limit
        self._load(b"")

    def _worth_framing(self) -> bool:
        """Is what was held complete, or wrong (so that framing it says how)?"""
        try:
            return self._scan.find(self._partial) >= 0 or len(self._partial) > self._scan_limit
        except PeerError:
            return True
