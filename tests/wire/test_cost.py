"""Each byte is looked at once: four times the bytes may take four times the time, not sixteen."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from growth import grows
from wire.streams import cut, frame, framer

KIB = 1024
START = b'<setTextVector device="D" name="N">'
BLOB = b'<setBLOBVector device="D" name="B">'

STREAMS: dict[str, Callable[[int], bytes]] = {
    "text": lambda size: START + b"x" * size,
    "space": lambda size: b" " * size,
    "comment": lambda size: b"<!--" + b"- " * (size // 2),
    "comment of near ends": lambda size: b"<!--" + b"-- >" * (size // 4),
    "declaration": lambda size: b"<?" + b"? " * (size // 2),
    "partial end tags": lambda size: START + b"</setTextVecto" * (size // 14),
    "longer end tags": lambda size: START + b"</setTextVectors>" * (size // 17),
    "open end tags": lambda size: START + b"</setTextVector " * (size // 16),
    "space in an end tag": lambda size: START + b"</setTextVector" + b" " * size,
    "markup": lambda size: START + b"<" * size,
    "ends": lambda size: START + b"</" * (size // 2),
    "comments in an element": lambda size: START + b"<!---->" * (size // 7),
    "comment in an element": lambda size: START + b"<!--" + b"-" * size,
    "exclamation marks": lambda size: (START + b"!</setTextVector>\n") * (size // 54),
    "comments between": lambda size: (b"<!---->" + START + b"</setTextVector>\n") * (size // 60),
    "declarations": lambda size: b"<?xml version='1.0'?>\n" * (size // 22),
    "image": lambda size: BLOB + b"<oneBLOB name='B'>" + b"A" * size,
    "image of tags": lambda size: BLOB + b"<oneBLOB name='B'/>" * (size // 19),
    "image of comments": lambda size: BLOB + b"<!---->" * (size // 7),
    "groups in turn": lambda size: b"".join(
        b'<setTextVector device="%d" name="N"></setTextVector>\n' % (i % 2) for i in range(size // 54)
    ),
}


def _seconds(data: bytes, piece: int) -> float:
    pieces = cut(data, range(0, len(data), piece))
    groups = [object(), object()]
    machine = framer(1 << 24, 1 << 24, lambda head: groups[head.device == "1"])
    begin = time.process_time()
    result = frame(pieces, machine)
    took = time.process_time() - begin
    assert result.error is None
    return took


@pytest.mark.parametrize("piece", [16, 1 << 30], ids=["in pieces", "whole"])
@pytest.mark.parametrize("name", STREAMS)
def test_linear(name: str, piece: int) -> None:
    grows(lambda size: _seconds(STREAMS[name](size), piece), 96 * KIB, 384 * KIB, times=10)
