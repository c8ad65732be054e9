"""Feed bytes, pull complete elements.

The caller feeds what one read gave and pulls until None, so that each element is acted on before the
next one is looked at. A bad byte raises PeerError from `pull`, after everything whole before it was given out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from inditree.errors import PeerError
from inditree.wire import proof
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.faults import Fault, dropped, repaired
from inditree.wire.images import ImageScanner
from inditree.wire.mend import ENCODING, mend, mend_tag, to_utf8
from inditree.wire.plain import Plain, image_tag
from inditree.wire.proof import NotXmlError
from inditree.wire.recovery import BrokenError, LooseBody, LooseTag, LooseUntil, Remains
from inditree.wire.runs import Runs
from inditree.wire.scans import Body, Scan, StartTag, Until
from inditree.wire.syntax import BLOB_TAGS, START_TAG_LIMIT, TAG_NAME, TEXT_LIMIT
from inditree.wire.trust import GUEST, Trust

_SLASH = 0x2F
_SPACE = b" \t\r\n"
_OPENING = re.compile(rb"<[A-Za-z_:\x80-\xff]")
_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"))
_SET = b"<set"
_IMAGES = (b"<setBLOB", b"<newBLOB")
_NO_ELEMENTS = (b"<!DOCTYPE", b"<!--", b"<?")


class Framer:
    """The elements in one peer's stream.

    `route` gives the group of a head, whose `group` is None; `element_limit` and `blob_limit` are bytes of
    one element. `trust` may change between two pulls. `text` is how many bytes of text between elements were skipped,
    in all. `faults` is what was repaired or dropped: whoever pulls empties it. Where `drops_at_once` pieces were
    dropped, `pull` answers None and sets `more`, as there is more: to drop one costs as much as to frame one.
    """

    def __init__(
        self, route: Callable[[Head], object], element_limit: int, blob_limit: int, trust: Trust = GUEST
    ) -> None:
        self.trust = trust
        self.text = 0
        self.faults: list[Fault] = []
        self.drops_at_once = 0  # 0: any number
        self.more, self._drops = False, 0
        self.image: ImageScanner | None = None
        self._runs = Runs(route, element_limit)
        self._plain = Plain()
        self._element_limit, self._blob_limit = element_limit, blob_limit
        self._tag_limit = min(START_TAG_LIMIT, element_limit)
        self._data, self._pos = b"", 0
        self._text_row, self._remains = 0, Remains()
        self._partial = bytearray()  # an element that earlier reads began
        self._scan, self._scan_limit = Scan(0), 0  # what looks for its end, in so many bytes
        self._image_ended = False

    @property
    def idle(self) -> bool:
        """True between elements: nothing of a next one has come."""
        return not self._partial and self.image is None and self._pos >= len(self._data)

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
        assert self.image is not None and not self._image_ended
        end = self.image.feed(buffer, start, stop)
        if end < 0:
            return False
        self._image_ended = True
        self._load(bytes(memoryview(buffer)[end:stop]))
        return True

    def _load(self, data: bytes) -> None:
        self._data, self._pos = data, 0

    def pull(self) -> Run | Element | Blob | None:
        """The next run, element or BLOB, or None when more bytes are needed. Raises PeerError."""
        while True:
            if self.image is not None:
                item = self._pull_image(self.image)
                if item is None and self.image is None:  # it was dropped
                    if self._dropped_enough():
                        return None
                    continue
                return item
            data, pos = self._data, self._pos
            if pos >= len(data):
                return None
            begin = data[pos : pos + 4]  # sliced, as the quicker look: `startswith` and `find` parse their arguments
            try:
                if begin[:1] != b"<" or not begin[1:2].isalpha():
                    if not self._skip_between():
                        return None
                    pos = self._pos
                    begin = data[pos : pos + 4]
                if begin == _SET:
                    run = self._runs.pull(data, pos)
                    if run is not None:
                        self._pos, self._text_row = self._runs.end, 0
                        return run
                item = self._pull_element()
            except BrokenError as broken:
                self._drop(broken)
                if self._dropped_enough():
                    return None
                continue
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
        if image.broken is not None:
            self._drop_image(image)
            return None
        self.faults += image.faults
        item = image.finished()
        if isinstance(item, Element):
            whole = item.data[:-1]
            try:
                return self._made(whole, len(whole))
            except BrokenError as broken:
                self._count_garbage(len(whole))
                self.faults.append(dropped(whole, str(broken), broken.reason))
                return None
        self._text_row = 0
        return item

    def _drop_image(self, image: ImageScanner) -> None:
        """Give up a broken image: let go of what has come of it; what broke it may begin the next element."""
        assert image.broken is not None
        attached = sum(one.attached for one in image.ones)
        self.faults.append(dropped(image.element.data, image.broken, image.reason, attached))
        if image.rest:
            self._load(image.rest + self._data[self._pos :])
        self._remains.left = 0 if image.complete else self._blob_limit
        self._count_garbage(0 if image.reason == "too_large" else image.markup)
        image.chunks.clear()

    def _drop(self, broken: BrokenError) -> None:
        """Go on behind what is no element."""
        whole = self._data[self._pos : broken.at]
        self._pos = broken.at
        if self._remains.left <= 0 and (_OPENING.match(whole) or broken.reason == "doctype"):
            self.faults.append(dropped(whole, str(broken), broken.reason))
            self._count_garbage(0 if broken.reason == "too_large" else len(whole))
        else:
            self._pass_over(len(whole))

    def _dropped_enough(self) -> bool:
        self._drops += 1
        if self._drops != self.drops_at_once:
            return False
        self._drops, self.more = 0, True
        return True

    def _pass_over(self, text: int) -> None:
        self.text += text
        if not self._remains.holds(text):
            self._count_garbage(text)

    def _count_garbage(self, size: int) -> None:
        self._text_row += size
        if self._text_row > TEXT_LIMIT:
            raise PeerError("malformed", f"more than {TEXT_LIMIT} bytes without an element between")

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
            for opening, closing in _SKIPPED if self._remains.left <= 0 else ():
                if data.startswith(opening, pos):
                    until = LooseUntil if self.trust.repairs else Until
                    if not self._skip(until(pos + len(opening), closing)):
                        return False
                    break
            else:
                return True

    def _skip(self, scan: Until) -> bool:
        end = scan.find(self._data)
        self._limit_element((len(self._data) if end < 0 else end) - self._pos)
        if end < 0:
            self._keep(scan, self._element_limit)
            return False
        self._pos = end
        return True

    def _count_text(self, between: bytes) -> None:
        text = len(between.translate(None, _SPACE))
        if text and not self.trust.skips_text:
            raise PeerError("malformed", f"text between elements: {between[:40]!r}")
        self._pass_over(text)

    def _pull_element(self) -> Element | None:
        """One element of any kind at `_pos`, which is a `<`. None: not complete, or an image has begun."""
        data, pos = self._data, self._pos
        if data[pos : pos + 8] in _IMAGES and (image := image_tag(data, pos, pos + self._tag_limit)) is not None:
            tag, attributes, stop = image
            self._scan_image(Element(tag, attributes, data[pos:stop]), stop)
            return None
        known = self._plain.match(data, pos)
        if known is not None and known[2] - pos <= self._tag_limit:
            tag, attributes, stop = known
            if stop - pos > proof.NAME_LIMIT or "via" in attributes:  # else no name in it is too long
                self._check_names(attributes, stop)
            ended = data[stop : stop + 1] == b"\n"
            self._pos, self._text_row = stop + ended, 0
            return Element(tag, attributes, data[pos : stop + 1] if ended else data[pos:stop] + b"\n")
        if not self._opens(data, pos):
            self._keep(Scan(pos), 0)
            return None
        limit = self._tag_limit
        repairs = self.trust.repairs
        start = LooseTag(pos + 1) if repairs else StartTag(pos + 1)
        stop = start.find(data)
        if (len(data) if stop < 0 else stop) - pos > limit:
            wrong = PeerError("too_large", f"start tag is over {limit} bytes")
            raise BrokenError(pos + limit, "text") if self._remains.left > 0 else wrong
        if stop < 0:
            self._keep(start, limit)
            return None
        raw = data[pos:stop]
        if repairs and raw.startswith(b"<oneBLOB"):
            self._begin_broken("a oneBLOB whose image has no start tag", b"", pos)
            return None
        if raw[-2] == _SLASH:
            return self._element(stop)
        named = TAG_NAME.match(raw)
        if named is None:
            raise PeerError("malformed", f"not the start of an element: {raw[:40]!r}")
        if named[1] in BLOB_TAGS:
            self._begin_image(raw, named[1], stop)
            return None
        return self._with_body(raw, (LooseBody if repairs else Body)(stop, named[1]))

    def _begin_image(self, raw: bytes, tag: bytes, stop: int) -> None:
        try:
            element = self._checked_tag(raw, stop)
        except BrokenError as broken:
            self._begin_broken(str(broken), raw, stop, tag.decode(), broken.reason)
            return
        self._scan_image(element, stop)

    def _scan_image(self, element: Element, stop: int) -> None:
        self._remains.left = 0
        self.image = ImageScanner(element, self._blob_limit, self._element_limit, self.trust)
        self._pos = stop

    def _begin_broken(
        self, text: str, start: bytes, pos: int, tag: str = "setBLOBVector", reason: str = "malformed"
    ) -> None:
        """Walks from `pos` on through an image whose start tag is wrong or went before: its descriptors go with it."""
        limit = min(TEXT_LIMIT, self._element_limit)
        self.image = ImageScanner(Element(tag, {}, start), self._blob_limit, limit, self.trust)
        self.image.give_up(text, reason)
        self._pos = pos

    def _with_body(self, raw: bytes, body: Body) -> Element | None:
        end = body.find(self._data)
        if end < 0:
            self._limit_element(len(self._data) - self._pos)
            if not self.trust.repairs:
                self._checked_tag(raw, body.at)  # a client need not wait to hear of it
            self._keep(body, self._element_limit)
            return None
        return self._element(end)

    def _element(self, end: int) -> Element:
        self._limit_element(end - self._pos)
        element = self._made(self._data[self._pos : end], end)
        self._pos = end
        return element

    def _made(self, raw: bytes, end: int) -> Element:
        """The one place where an element is made: proven, or repaired and proven. Raises BrokenError (behind `end`)."""
        whole, latin = to_utf8(raw)
        reasons = {ENCODING} if latin else set()
        try:
            try:
                tag, attributes = proof.look(whole)
            except NotXmlError as wrong:
                whole, more = self._mended(whole, wrong, end)
                reasons |= more
                tag, attributes = proof.look(whole)
        except NotXmlError as wrong:
            raise self._refused(raw, wrong, end) from None
        except PeerError as error:
            raise self._too_long(error, end) from None
        if reasons:
            self.faults.append(repaired(raw, whole, reasons, attributes))
        self._text_row = 0
        return Element(tag, attributes, whole + b"\n", raw if latin else b"")

    def _check_names(self, attributes: dict[str, str], end: int) -> None:
        try:
            proof.check_names(attributes)
        except PeerError as error:
            raise self._too_long(error, end) from None

    def _too_long(self, error: PeerError, end: int) -> PeerError | BrokenError:
        drops = self.trust.repairs if isinstance(error, proof.TooManyError) else self.trust.drops_long_names
        return BrokenError(end, error.text, error.reason) if drops else error

    def _mended(self, whole: bytes, wrong: NotXmlError, end: int) -> tuple[bytes, set[str]]:
        mended = mend(whole) if self.trust.repairs else None
        if mended is None:
            raise self._refused(whole, wrong, end)
        return mended

    def _checked_tag(self, raw: bytes, end: int) -> Element:
        """The start tag of an element whose rest is still to come."""
        whole, latin = to_utf8(raw)
        try:
            try:
                tag, attributes = proof.look_at_tag(whole)
            except NotXmlError:
                mended = mend_tag(whole) if self.trust.repairs else None
                if mended is None:
                    raise
                whole = mended[0]
                tag, attributes = proof.look_at_tag(whole)
                self.faults.append(repaired(raw, whole, mended[1], attributes))
        except NotXmlError as wrong:
            raise self._refused(raw, wrong, end) from None
        except PeerError as error:
            raise self._too_long(error, end) from None
        if latin and self.trust.repairs:
            self.faults.append(repaired(raw, whole, {ENCODING}, attributes))
        return Element(tag, attributes, whole, raw if latin else b"")

    def _refused(self, raw: bytes, wrong: NotXmlError, end: int) -> PeerError | BrokenError:
        """The exception for an element that is no XML: it is dropped, or its sender closed."""
        text = f"{wrong} at byte {wrong.at}: {raw[max(0, wrong.at - 20) : wrong.at + 20]!r}"
        return BrokenError(end, text) if self.trust.repairs else PeerError("malformed", f"element: {text}")

    def _limit_element(self, size: int) -> None:
        if size > self._element_limit:
            raise PeerError("too_large", f"element is over {self._element_limit} bytes")

    def _opens(self, data: bytes, pos: int) -> bool:
        """Is this the start of an element? False: too short to say. Raises for what can never be one."""
        if self._remains.left > 0:
            return self._remains.opens(data, pos)
        if _OPENING.match(data, pos):
            return True
        start = data[pos : pos + 9]
        if start == b"<!DOCTYPE":
            if self.trust.repairs:
                raise BrokenError(pos + len(start), "a DOCTYPE", "doctype")
            raise PeerError("doctype", "a DOCTYPE")
        if any(known.startswith(start) for known in _NO_ELEMENTS):
            return False
        if self.trust.repairs:
            raise BrokenError(pos + 1, "text")
        raise PeerError("malformed", f"not the start of an element: {data[pos : pos + 40]!r}")

    def _keep(self, scan: Scan, limit: int) -> None:
        """Keep what begins at `_pos` until `scan` finds its end in it, or it is over `limit` bytes."""
        self._partial += self._data[self._pos :]
        scan.shift(self._pos)
        self._scan, self._scan_limit = scan, limit
        self._load(b"")

    def _worth_framing(self) -> bool:
        """Is what was kept complete, or wrong (so that framing it says how)?"""
        try:
            return self._scan.find(self._partial) >= 0 or len(self._partial) > self._scan_limit
        except (PeerError, BrokenError):
            return True
