"""What a stream's first bytes say, however they are cut."""

from __future__ import annotations

import pytest

from inditree.wire.first import LINE_LIMIT, First, look

REQUESTS = [b"GET / HTTP/1.1\r\n", b"post /x HTTP/1.0\r\n<newSwitchVector/>", b"CONNECT a:1\r\n", b"PRI * HTTP/2.0\r\n"]
TEXTS = [b"hello", b"GETTING <", b"G\n<", b"<".join([b"x" * LINE_LIMIT, b""]), b"\x16\x03\x01", b"POSTER "]


@pytest.mark.parametrize("whole_line", [False, True])
def test_requests(whole_line: bool) -> None:
    for data in REQUESTS:
        found = [look(data[:end], whole_line=whole_line) for end in range(len(data) + 1)]
        decided = found.index(First.HTTP)
        assert found == [First.MORE] * decided + [First.HTTP] * (len(found) - decided)


def test_text() -> None:
    for data in TEXTS:
        found = [look(data[:end], whole_line=False) for end in range(len(data) + 1)]
        decided = found.index(First.TEXT)
        assert found == [First.MORE] * decided + [First.TEXT] * (len(found) - decided)
        assert look(data + b"\n", whole_line=True) is First.TEXT


def test_a_method_that_nobody_knows() -> None:
    assert look(b"BREW /pot HTCPCP/1.0\r\n", whole_line=True) is First.TEXT
    assert look(b"BREW /pot HTTP/1.1", whole_line=True) is First.MORE
    assert look(b"BREW /pot HTTP/1.1\r\n", whole_line=True) is First.HTTP


def test_indi() -> None:
    assert look(b"<", whole_line=True) is look(b"<?xml", whole_line=False) is First.INDI
