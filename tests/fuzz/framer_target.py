"""What must hold for the framer whatever bytes come, in whatever pieces."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from random import Random

from inditree.wire.framer import Framer
from inditree.wire.trust import CLIENT, DRIVER, GUEST, LINK, Trust
from wire.streams import Result, cut, frame, frame_with_buffers

ELEMENT_LIMIT = 4096
BLOB_LIMIT = 16384


def check(data: bytes, seed: int) -> None:
    """Frame the bytes whole and in pieces: only PeerErrors, the same elements, and no byte that was not there."""
    for trust in (CLIENT, GUEST, LINK, DRIVER):
        _check(data, Random(seed), trust)


def _check(data: bytes, random: Random, trust: Trust) -> None:
    def _framer() -> Framer:
        return Framer(lambda head: groups[len(head.name) % 2], ELEMENT_LIMIT, BLOB_LIMIT, trust)

    groups = [object(), object()]
    whole = frame([data], _framer())
    places = [random.randrange(len(data) + 1) for _ in range(random.choice((1, 3, 20)))]
    ways = [frame(cut(data, places), _framer()), frame(cut(data, range(len(data))), _framer())]
    ways.append(frame_with_buffers(data, random.randrange(1, 40), random.randrange(1, 80), _framer()))
    for way in ways:
        assert way.items == whole.items
        assert (way.error is None) == (whole.error is None)
        assert way.error is not None or way.idle == whole.idle
    if not trust.repairs:
        _in_order(data, whole)
    _limited(whole)
    if random.random() < 0.02 and data:
        _quick(data, _framer)
    for item in whole.items:
        if not item.shape:  # of an image only the beginning of its data is looked at
            ET.fromstring(item.data)


SECONDS = 2.0
"""Of the processor, for 64 KiB of anything in pieces of 8 bytes: what is quadratic takes many times as long."""


def _quick(data: bytes, new: Callable[[], Framer]) -> None:
    """As much of it as a start tag may have takes no longer than bytes may take, whatever they are."""
    large = data * (65536 // len(data))
    for pieces in ([large], cut(large, range(0, len(large), 8))):
        took = []
        for _ in range(3):
            begin = time.process_time()
            frame(pieces, new())
            took.append(time.process_time() - begin)
            if took[-1] < SECONDS:
                break
        assert min(took) < SECONDS, took


def _in_order(data: bytes, result: Result) -> None:
    """Each element is a piece of the stream behind the one before it."""
    at = 0
    starts = []
    for item in result.items:
        start, at = _found(data, item.data[:-1], at)
        starts.append(start)
    assert all(a < b for a, b in pairwise(starts))


def _found(data: bytes, piece: bytes, at: int) -> tuple[int, int]:
    """Where a piece stands behind `at`, and where it ends; what is no UTF-8 came as Latin-1, byte by byte."""
    if (start := data.find(piece, at)) >= 0:
        return start, start + len(piece)
    text, wanted = data[at:].decode(errors="surrogateescape"), piece.decode()
    first = text.translate({0xDC00 + byte: byte for byte in range(0x80, 0x100)}).index(wanted)
    before, own = text[:first], text[first : first + len(wanted)]
    start = at + len(before.encode(errors="surrogateescape"))
    return start, start + len(own.encode(errors="surrogateescape"))


def _limited(result: Result) -> None:
    for item in result.items:
        limit = BLOB_LIMIT if item.shape else ELEMENT_LIMIT
        assert len(item.data) - 1 <= limit * 6  # as it came; `&` becomes `&amp;`, Latin-1 UTF-8
