"""What must hold for the framer whatever bytes come, in whatever pieces."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from xml.parsers import expat

from inditree.wire.framer import Framer
from wire.streams import Result, cut, frame, frame_with_buffers

ELEMENT_LIMIT = 4096
BLOB_LIMIT = 16384


def check(data: bytes, seed: int) -> None:
    """Frame the bytes whole and in pieces: only PeerErrors, the same elements, and no byte that was not there."""
    random = Random(seed)
    whole = frame([data], _framer())
    places = [random.randrange(len(data) + 1) for _ in range(random.choice((1, 3, 20)))]
    ways = [frame(cut(data, places), _framer()), frame(cut(data, range(len(data))), _framer())]
    ways.append(frame_with_buffers(data, random.randrange(1, 40), random.randrange(1, 80), _framer()))
    for way in ways:
        assert way.items == whole.items
        assert (way.error is None) == (whole.error is None)
        assert way.error is not None or way.idle == whole.idle
    _in_order(data, whole)
    _limited(whole)
    for item in whole.items:
        if item.tag.startswith("new") and not item.shape:
            _parse(item.data)


def _framer() -> Framer:
    groups = [object(), object()]
    return Framer(lambda head: groups[len(head.name) % 2], ELEMENT_LIMIT, BLOB_LIMIT)


def _in_order(data: bytes, result: Result) -> None:
    """Each element is a piece of the stream behind the one before it."""
    at = 0
    starts = []
    for item in result.items:
        at = data.index(item.data[:-1], at)
        starts.append(at)
        at += len(item.data) - 1
    assert all(a < b for a, b in pairwise(starts))


def _limited(result: Result) -> None:
    for item in result.items:
        assert len(item.data) - 1 <= (BLOB_LIMIT if item.shape else ELEMENT_LIMIT)


def _parse(data: bytes) -> None:
    try:
        expat.ParserCreate("utf-8").Parse(data, True)
    except expat.ExpatError:
        expat.ParserCreate("iso-8859-1").Parse(data, True)
