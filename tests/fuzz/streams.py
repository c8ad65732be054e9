"""Streams that nearly are INDI: pieces of it in any order, and the vectors with something done to them."""

from __future__ import annotations

from hypothesis import strategies as st

from wire.streams import VECTORS

PIECES = [
    b"<", b">", b"/", b"'", b'"', b" ", b"\n", b"\t", b"=", b"&", b"!", b"?", b"-", b"]", b"a", b"\0", b"\xb0",
    b"</", b"/>", b"<!--", b"-->", b"<!-", b"<![CDATA[", b"]]>", b"<?", b"?>", b"<!DOCTYPE", b"<!", b"&amp;", b"&#65;",
    b"<?xml version='1.0'?>\n", b' state="Ok"', b' timeout="1"', b' timestamp="2"', b' message="m"',
    b'<setTextVector device="D" name="N">', b'<setTextVector device="D" name="NN" state="Ok">', b"</setTextVector>",
    b"<setTextVector\n  device='D'\n  name='N'\n>", b"<setTextVector", b"</setTextVector", b"</setTextVector \n",
    b'<oneText name="t">', b"</oneText>", b'<newTextVector device="D" name="N">', b"</newTextVector>",
    b'<setBLOBVector device="D" name="B">', b"</setBLOBVector>", b'<newBLOBVector device="D" name="B">',
    b"</newBLOBVector>", b'<oneBLOB name="B" size="3" format=".x">', b"</oneBLOB>", b"AAAA", b"<oneBLOB/>",
    b"<getProperties version='1.7'/>", b"<a>", b"</a>", b"<a", b"x" * 600, b"-" * 600,
]  # fmt: skip

SMALL_VECTORS = [data for path in sorted(VECTORS.glob("*.xml")) if len(data := path.read_bytes()) < 3000]

_PIECES = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=25).map(b"".join)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SMALL_VECTORS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from((0, 0, 1, 5, 100))))
        data = data[:start] + draw(_PIECES if draw(st.booleans()) else st.just(b"")) + data[stop:]
    return data


STREAMS = st.one_of(_PIECES, _mutated())
