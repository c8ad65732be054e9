"""Feeding a stream to a framer in pieces, and what came out of it in one form for all ways of cutting it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

from inditree.errors import PeerError
from inditree.wire.elements import Blob, Element, Head, Run
from inditree.wire.framer import Framer
from inditree.wire.syntax import parse_start, tag_end

VECTORS = Path(__file__).parent.parent / "vectors"
ELEMENT_LIMIT = 1 << 20
BLOB_LIMIT = 1 << 24

_HIDDEN = re.compile(rb"<!--.*?-->|<\?.*?\?>", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One element that came out, a run taken apart. `shape` tells a BLOB's payload and tags."""

    tag: str
    device: str | None
    name: str | None
    data: bytes
    shape: tuple[object, ...] = ()


@dataclass
class Result:
    """All that came out of a stream: items, then perhaps an error (its reason); else what is still held."""

    items: list[Item] = field(default_factory=list)
    error: str | None = None
    idle: bool = True
    text: int = 0

    @property
    def data(self) -> bytes:
        """The bytes out."""
        return b"".join(item.data for item in self.items)

    @property
    def names(self) -> list[tuple[str, str | None, str | None]]:
        """Tag, device and name of each item."""
        return [(item.tag, item.device, item.name) for item in self.items]


def one_group(head: Head) -> object:
    """A route that joins everything."""
    return one_group


def framer(
    element_limit: int = ELEMENT_LIMIT,
    blob_limit: int = BLOB_LIMIT,
    route: Callable[[Head], object] = one_group,
) -> Framer:
    """A framer, with limits that no vector reaches."""
    return Framer(route, element_limit, blob_limit)


def take(one: Framer) -> Iterator[Item]:
    """Pull until nothing is left."""
    while (item := one.pull()) is not None:
        if isinstance(item, Run):
            yield from _apart(item)
        elif isinstance(item, Blob):
            yield _blob(item)
        else:
            assert isinstance(item, Element)
            assert item.data.endswith(b">\n")
            yield Item(item.tag, item.device, item.name, item.data)


def _apart(run: Run) -> Iterator[Item]:
    assert run.data.endswith(b">\n")
    items = []
    seen: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    offset = 0
    while offset < len(run.data):
        start = tag_end(run.data, offset + 1, len(run.data), 0)[0]
        tag, attributes = parse_start(run.data[offset:start])
        end = re.compile(b"</" + tag.encode() + rb"[ \t\r\n]*>").search(run.data, start)
        assert end is not None
        key = (tag, attributes["device"], attributes["name"])
        items.append(Item(*key, run.data[offset : end.end() + 1]))
        seen.setdefault(key, []).append((offset, end.end()))
        offset = end.end() + 1
    heads = {(head.tag, head.device, head.name): head for head in run.heads}
    assert len(heads) == len(run.heads)
    assert list(heads) == list(seen)
    for key, spans in seen.items():
        head = heads[key]
        assert (head.first, head.last, head.end, head.count) == (spans[0][0], *spans[-1], len(spans))
        assert head.group is run.group
    yield from items


def _blob(blob: Blob) -> Item:
    data = blob.join()
    assert blob.size == len(data)
    assert data.endswith(b">\n")
    payload = 0
    for one in blob.ones:
        tag = data[one.tag_start : one.tag_stop]
        assert parse_start(tag) == ("oneBLOB", one.attributes)
        inside = b"" if tag.endswith(b"/>") else data[one.tag_stop : data.index(b"</oneBLOB", one.tag_stop)]
        assert one.payload == len(_HIDDEN.sub(b"", inside))
        payload += one.payload
    assert blob.payload == payload
    shape = tuple((one.tag_start, one.tag_stop, one.payload, one.attached) for one in blob.ones)
    return Item(blob.tag, blob.device, blob.name, data, shape)


def frame(pieces: Iterable[bytes], one: Framer | None = None) -> Result:
    """Feed the pieces one after the other; each time pull until nothing is left."""
    one = one or framer()
    result = Result()
    try:
        for piece in pieces:
            one.feed(piece)
            for item in take(one):
                result.items.append(item)
    except PeerError as error:
        result.error = error.reason
    result.idle = one.idle
    result.text = one.text
    return result


def frame_with_buffers(data: bytes, read: int, buffer_size: int, one: Framer | None = None) -> Result:
    """The same as the reading thread does it: images come in recycled buffers, each filled by several reads."""
    one = one or framer()
    result = Result()
    pos = 0
    buffer, start = bytearray(buffer_size), 0
    try:
        while pos < len(data):
            piece = data[pos : pos + read]
            if one.image is None:
                one.feed(piece)
                pos += len(piece)
            else:
                if start == buffer_size:
                    buffer, start = bytearray(buffer_size), 0
                piece = piece[: buffer_size - start]
                buffer[start : start + len(piece)] = piece
                pos += len(piece)
                ended = one.feed_image(buffer, start, start + len(piece))
                start += len(piece)
                if not ended:
                    continue
                buffer, start = bytearray(buffer_size), 0
            result.items.extend(take(one))
    except PeerError as error:
        result.error = error.reason
    result.idle = one.idle
    return result


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces, cut at these places."""
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def bytewise(data: bytes) -> list[bytes]:
    """One byte at a time."""
    return [data[at : at + 1] for at in range(len(data))]


def expected(data: bytes) -> list[bytes]:
    """The bytes of each top-level element of a well-formed stream, as expat finds them; a newline after each."""
    opening = b"<all>"
    whole = opening + data.replace(b"<?xml", b"<?xxx") + b"</all>"
    parser = expat.ParserCreate("utf-8" if _is_utf8(data) else "iso-8859-1")
    depth, begun, spans = 0, 0, []

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, begun
        depth += 1
        if depth == 2:
            begun = parser.CurrentByteIndex

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        if depth == 1:
            stop = tag_end(whole, begun + 1, len(whole), 0)[0]
            if whole[stop - 2] != 0x2F:
                stop = whole.index(b">", parser.CurrentByteIndex) + 1
            spans.append((begun, stop))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(whole, True)
    return [whole[a:b].replace(b"<?xxx", b"<?xml") + b"\n" for a, b in spans]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
