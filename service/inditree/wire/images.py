"""Scanning a BLOB element while it comes in: base64 has no `<`, so the next one starts a tag.

The scanner is used by one thread at a time: the loop, or the reading thread until that image ends.
"""

from __future__ import annotations

import re

from inditree.errors import PeerError
from inditree.wire import proof
from inditree.wire.elements import Blob, Element, OneBlob
from inditree.wire.faults import Fault, repaired
from inditree.wire.image_text import BLANKS, ImageText, is_text
from inditree.wire.mend import ENCODING, mend_tag, to_utf8
from inditree.wire.plain import image_tag
from inditree.wire.proof import NotXmlError
from inditree.wire.recovery import BrokenError, LooseTag, LooseUntil
from inditree.wire.scans import Scan, Until
from inditree.wire.syntax import NEW_TAGS, START_TAG_LIMIT, TAG_STOP, tag_end
from inditree.wire.trust import GUEST, Trust

SMALL = 4096
"""Bytes of a piece that is copied together with its neighbours: a chunk for each byte would cost 40 times its size."""

SMALL_CHUNK = 64 * 1024
"""Bytes of a chunk made of small pieces."""

_PIECE = 256
"""Bytes of a comment, or of a tag that may be none, looked at in one step: bounds what is copied too far."""

_TAG_START = re.compile(rb"<[A-Za-z_:\x80-\xff/!?]")
_END_TAG = re.compile(rb"</([^\s/>]++)\s*+>")
_ONE_END = b"</oneBLOB>"
_NO_XML = "text inside %s that is no XML"
_BANG, _QUESTION, _SLASH, _LT = 0x21, 0x3F, 0x2F, 0x3C


class ImageScanner:
    """Collects one `setBLOBVector` or `newBLOBVector`, chunk by chunk, never copying large pieces.

    Where its source is trusted to be repaired and what comes cannot be, `broken` says why, the image has ended, and
    `rest` are bytes of earlier feeds that belong to what comes next; unless it is `complete`, what remains of the image
    may follow. `faults` is what was repaired.
    """

    def __init__(self, element: Element, limit: int, frame_limit: int, trust: Trust = GUEST) -> None:
        """`element`: its start tag alone; `limit`: bytes of all; `frame_limit`: bytes of what is not payload."""
        self.broken: str | None = None
        self.reason = "malformed"
        self.rest = b""
        self.faults: list[Fault] = []
        self._trust = trust
        self._ended = b""  # the last complete tag, as it came
        self._instead: bytes | None = None  # what is kept of it, where that is something else
        self.element = element
        self.chunks: list[bytes | memoryview] = [element.data]
        self.size = len(element.data)
        self.ones: list[OneBlob] = []
        self.began = 0.0
        self._limit = limit
        self._frame_limit = frame_limit
        self._frame = len(element.data)  # bytes that are not payload
        self._between = 0  # of these, text
        self._checked = element.tag in NEW_TAGS
        self._end = b"</%s>" % element.tag.encode()
        self.complete = False
        self._tag = bytearray()  # a tag, comment or declaration that is not complete
        self._quote = 0
        self._scan: Scan | None = None  # for the end of a tag of a source that may write anything
        self._one: OneBlob | None = None
        self._text = ImageText(samples=trust.samples_images)
        self._small = bytearray()
        self._last: tuple[bytearray, int, int] | None = None  # the last chunk, where it can grow

    def feed(self, buffer: bytes | bytearray, start: int, stop: int) -> int:
        """Scan `buffer[start:stop]`, keep it up to the element's end.

        A bytearray is not copied: it belongs to the image, and the chunk of it grows where the last feed ended.
        Returns the index after the element, or -1 when it goes on in the next feed. Raises PeerError.
        """
        pos = start
        carried = len(self._tag)
        try:
            while True:
                if not self._tag:
                    opening = buffer.find(b"<", pos, stop)
                    self._take_text(buffer, pos, stop if opening < 0 else opening)
                    if opening < 0:
                        break
                    pos, carried = opening, 0
                    end = self._take_plain(buffer, pos, stop, self.size - start)
                    if end >= 0:
                        pos = end
                        if self.complete:
                            return self._finish(buffer, start, pos)
                        continue
                end = self._take_tag(buffer, pos, stop)
                if len(self._tag) > START_TAG_LIMIT:
                    text = f"tag in a BLOB is over {START_TAG_LIMIT} bytes"
                    raise BrokenError(0, text) if self._trust.repairs else PeerError("too_large", text)
                if end < 0:
                    break
                self._finish_tag(self.size + end - start)
                if self._instead is not None:
                    self._replace(buffer, start, pos, carried)
                    start = end
                pos, carried = end, 0
                if self.complete:
                    return self._finish(buffer, start, pos)
        except (PeerError, BrokenError) as error:
            if not self._trust.repairs or (isinstance(error, PeerError) and error.reason == "too_large"):
                raise
            self.give_up(str(error), error.reason)
            self.rest = (bytes(self._tag) or self._ended)[:carried]
            return pos
        self._keep(buffer, start, stop)
        return -1

    def _finish(self, buffer: bytes | bytearray, start: int, stop: int) -> int:
        """The element has ended: prove what is in doubt of it, unless it was not kept."""
        self._keep(buffer, start, stop)
        if len(self.ones) > proof.MEMBERS_LIMIT:
            if not self._trust.repairs:
                raise proof.TooManyError
            self.give_up(str(proof.TooManyError()), "too_large")
        if self._text.doubtful and self.broken is None:
            self._flush()
            if sum(map(len, self.chunks)) == self.size and not self._text.proven(self.chunks):
                self.give_up(_NO_XML % self.element.tag)
        return stop

    def _replace(self, buffer: bytes | bytearray, start: int, pos: int, carried: int) -> None:
        """Keep `_instead` where the tag stands that began `carried` bytes before this feed, or at `pos`."""
        assert self._instead is not None
        if self.broken is not None:
            self._instead = None
            return
        self._keep(buffer, start, pos)
        self._flush()
        self.size += len(self._instead) - carried
        while carried:
            last = self.chunks.pop()
            if len(last) > carried:
                self.chunks.append(last[: len(last) - carried])
            carried -= min(carried, len(last))
        self.chunks.append(self._instead)
        self._instead = None

    @property
    def markup(self) -> int:
        """Bytes that are not payload."""
        return self._frame

    def finished(self) -> Blob | Element:
        """The complete element: a Blob, or an Element where it has no oneBLOB (a change of state, not an image)."""
        self._flush()
        self.chunks.append(b"\n")
        if not self.ones:
            return Element(self.element.tag, self.element.attributes, b"".join(self.chunks))
        blob = Blob(self.element, self.chunks, self.size + 1, self.ones)
        blob.began = self.began
        return blob

    def _take_text(self, buffer: bytes | bytearray, start: int, stop: int) -> None:
        if stop == start:
            return
        one = self._one
        if one is not None:
            if self.broken is None and not self._text.passes(buffer, start, stop, one.payload):
                self._refuse_text()
            one.payload += stop - start
        else:
            self._between += stop - start
            if not self._trust.repairs:
                self._limit_frame(stop - start)
            elif self._between > SMALL:  # as of a member whose start tag is gone
                raise BrokenError(0, "text between the members of an image")
            if self._checked and buffer[start:stop].strip():
                raise PeerError("malformed", f"text inside {self.element.tag}")
            if not is_text(buffer, start, stop):
                self._refuse_text()

    def _refuse_text(self) -> None:
        text = _NO_XML % self.element.tag
        if self._one is None or not self._trust.repairs:
            raise PeerError("malformed", text)
        self.give_up(text)

    def give_up(self, text: str, reason: str = "malformed") -> None:
        """Keep nothing of what is no image, though it goes on to its end."""
        self.broken, self.reason = text, reason
        self.chunks.clear()
        self._small.clear()
        self._last = None

    def _take_plain(self, buffer: bytes | bytearray, pos: int, stop: int, offset: int) -> int:
        """Act on the tag at `pos` where it is whole and plain, as nearly all are: the index after it, else -1.

        `offset` is what lies between an index into `buffer` and one into the element.
        """
        closing = _ONE_END if self._one is not None else self._end
        end = pos + len(closing)
        if end <= stop and buffer[pos:end] == closing:
            if self._one is None:
                self.complete = True
            else:
                self._text.ended(self._one, offset + pos, buffer[max(0, pos - BLANKS) : pos])
                self._one = None
        elif self._one is not None or (found := image_tag(buffer, pos, stop)) is None or found[0] != "oneBLOB":
            return -1
        else:
            end = found[2]
            self._begin_text(OneBlob(found[1], offset + pos, offset + end))
        self._limit_frame(end - pos)
        return end

    def _take_tag(self, buffer: bytes | bytearray, pos: int, stop: int) -> int:
        """Move bytes to `_tag` up to the end of a tag, comment or declaration: the index after it, -1 without end."""
        missing = 2 - len(self._tag)  # the second byte says what it is
        if missing > 0:
            begin, pos = pos, min(pos + missing, stop)
            self._tag += buffer[begin:pos]
            if len(self._tag) < 2:
                return -1
            if not _TAG_START.match(self._tag):
                raise PeerError("malformed", f"in a BLOB: {bytes(self._tag)!r}")
        if self._tag[1] in (_BANG, _QUESTION):
            return self._take_comment(buffer, pos, stop)
        if self._tag[1] == _SLASH:
            return self._take_end_tag(buffer, pos, stop)
        if self._trust.repairs:
            return self._take_loose(buffer, pos, stop)
        end, self._quote = tag_end(buffer, pos, stop, self._quote)
        self._tag += buffer[pos : stop if end < 0 else end]
        return end

    def _take_end_tag(self, buffer: bytes | bytearray, pos: int, stop: int) -> int:
        """Scan an end tag: it has no quotes, and what stands behind one is not swallowed."""
        found = TAG_STOP.search(buffer, pos, stop)
        if found is not None and found[0] != b">":
            raise PeerError("malformed", f"{found[0]!r} inside an end tag")
        end = -1 if found is None else found.end()
        self._tag += buffer[pos : stop if end < 0 else end]
        return end

    def _take_loose(self, buffer: bytes | bytearray, pos: int, stop: int) -> int:
        """Scan a start tag that may be none; another element that begins in it raises BrokenError."""
        tag = self._tag
        self._scan = self._scan or LooseTag(1)
        while pos < stop and len(tag) <= START_TAG_LIMIT:
            before = len(tag)
            tag += buffer[pos : min(pos + _PIECE, stop)]
            try:
                end = self._scan.find(tag)
            except BrokenError as broken:
                if tag[broken.at] == _LT:
                    raise
                self._scan = LooseUntil(broken.at, b">")
                end = self._scan.find(tag)
            if end >= 0:
                del tag[end:]
                self._scan = None
                return pos + end - before
            pos += len(tag) - before
        return -1

    def _take_comment(self, buffer: bytes | bytearray, pos: int, stop: int) -> int:
        """Scan `<!--` and `<?`; nothing else that begins so has a place in a BLOB, CDATA included."""
        tag = self._tag
        opening, closing = (b"<!--", b"-->") if tag[1] == _BANG else (b"<?", b"?>")
        while pos < stop and len(tag) <= START_TAG_LIMIT:
            before = len(tag)
            tag += buffer[pos : min(pos + _PIECE, stop)]
            if not tag.startswith(opening[: len(tag)]):
                if b"<!DOCTYPE".startswith(bytes(tag[:9])) and len(tag) < 9:
                    return -1
                if tag.startswith(b"<!DOCTYPE"):
                    raise PeerError("doctype", "a DOCTYPE in a BLOB")
                raise PeerError("malformed", f"in a BLOB: {bytes(tag[:40])!r}")
            if len(tag) > len(opening):
                self._scan = self._scan or (LooseUntil if self._trust.repairs else Until)(len(opening), closing)
                end = self._scan.find(tag)
                if end >= 0:
                    del tag[end:]
                    self._scan = None
                    return pos + end - before
            pos += len(tag) - before
        return -1

    def _finish_tag(self, offset: int) -> None:
        """Act on the complete tag in `_tag`, which ends at `offset` of the element."""
        tag = self._ended = bytes(self._tag)
        self._tag.clear()
        self._limit_frame(len(tag))
        if tag[1] in (_BANG, _QUESTION):
            try:
                proof.look(b"<a>" + tag + b"</a>")
            except NotXmlError as wrong:
                raise PeerError("malformed", f"in a BLOB: {tag[:40]!r}: {wrong}") from None
            if self._one is not None:
                self._text.interrupted(self._one, offset - len(tag))
            return
        ended = _END_TAG.fullmatch(tag)
        if ended is None:
            self._begin_one(tag, offset)
        elif self._one is not None and ended[1] == b"oneBLOB":
            self._text.ended(self._one, offset - len(tag), b"")
            self._one = None
        elif self._one is None and ended[1].decode("latin-1") == self.element.tag:
            self.complete = True
        else:
            raise PeerError("malformed", f"{tag[:40]!r} inside {self.element.tag}")

    def _begin_one(self, tag: bytes, offset: int) -> None:
        try:
            whole, attributes = self._proven(tag)
        except (PeerError, BrokenError) as error:
            if not (self._trust.repairs and tag.startswith(b"<oneBLOB") and self._one is None):
                raise
            self.give_up(str(error), error.reason)
            whole, attributes = tag, {"attached": "true"} if b"attached" in tag else {}
        if whole != tag:
            self._instead = whole
        begin = offset - len(tag)
        one = OneBlob(attributes, begin, begin + len(whole))
        if tag.endswith(b"/>"):
            self.ones.append(one)
        else:
            self._begin_text(one)

    def _begin_text(self, one: OneBlob) -> None:
        self._one = one
        self.ones.append(one)
        self._text.begun()

    def _proven(self, tag: bytes) -> tuple[bytes, dict[str, str]]:
        """The start tag of a oneBLOB as it is passed on, and its attributes."""
        whole, latin = to_utf8(tag)
        reasons = {ENCODING} if latin else set()
        try:
            try:
                name, attributes = proof.look_at_tag(whole)
            except NotXmlError as wrong:
                mended = mend_tag(whole) if self._trust.repairs else None
                if mended is None:
                    raise PeerError("malformed", f"start tag {tag[:80]!r}: {wrong}") from None
                whole, reasons = mended[0], reasons | mended[1]
                name, attributes = proof.look_at_tag(whole)
        except NotXmlError as wrong:
            raise PeerError("malformed", f"start tag {tag[:80]!r}: {wrong}") from None
        except PeerError as error:
            if error.reason == "too_large" and self._trust.drops_long_names:
                raise BrokenError(0, error.text, error.reason) from None
            raise
        if name != "oneBLOB" or self._one is not None:
            raise PeerError("malformed", f"<{name}> inside {self.element.tag}")
        if len(attributes.get("name", "")) > proof.NAME_LIMIT:
            raise BrokenError(0, "the name of a member is too long", "too_large")
        if reasons:
            self.faults.append(repaired(tag, whole, reasons, self.element.attributes))
        return whole, attributes

    def _limit_frame(self, size: int) -> None:
        self._frame += size
        if self._frame > self._frame_limit:
            raise PeerError("too_large", f"{self.element.tag} has over {self._frame_limit} bytes outside of its data")

    def _keep(self, buffer: bytes | bytearray, start: int, stop: int) -> None:
        self.size += stop - start
        if self.size > self._limit:
            text = f"BLOB of {self.element.device}.{self.element.name} is over {self._limit} bytes"
            raise PeerError("too_large", text)
        if stop == start or self.broken is not None:
            return
        if isinstance(buffer, bytearray):
            self._keep_view(buffer, start, stop)
        elif stop - start < SMALL:
            self._last = None
            self._small += buffer[start:stop]
            if len(self._small) >= SMALL_CHUNK:
                self._flush()
        else:
            self._flush()
            self.chunks.append(buffer[start:stop])

    def _keep_view(self, buffer: bytearray, start: int, stop: int) -> None:
        if self._last is not None and self._last[0] is buffer and self._last[2] == start:
            start = self._last[1]
            self.chunks[-1] = memoryview(buffer)[start:stop]
        else:
            self._flush()
            self.chunks.append(memoryview(buffer)[start:stop])
        self._last = (buffer, start, stop)

    def _flush(self) -> None:
        self._last = None
        if self._small:
            self.chunks.append(bytes(self._small))
            self._small.clear()
