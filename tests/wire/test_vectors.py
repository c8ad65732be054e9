"""Each wire vector whole, byte by byte, with trailing data, and cut where Hypothesis likes: always the same elements.

`refused-*` begin with two good elements and then break a rule; `mended-*` are repaired where a driver says them, and
are no XML as they stand; all others are read to their end.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.streams import VECTORS, Result, bytewise, cut, expected, frame, frame_with_buffers

FILES = {path.stem: path.read_bytes() for path in sorted(VECTORS.glob("*.xml"))}
BAD = {name: data for name, data in FILES.items() if name.startswith("refused-") or name.endswith("-unescaped")}
MENDED = {name: data for name, data in FILES.items() if name.startswith("mended-")}
GOOD = {name: data for name, data in FILES.items() if name not in BAD and name not in MENDED}
DOCTYPES = {"refused-doctype", "refused-doctype-in-body", "refused-doctype-in-blob"}
FOLLOWER = b"<message device='Follower'/>"


def test_the_vectors_are_there() -> None:
    kinds = {name.split("-")[0] for name in FILES}
    assert kinds == {"driver", "server", "client", "read", "refused", "mended"}
    assert max(map(len, FILES.values())) < 100_000


@pytest.mark.parametrize("name", GOOD)
def test_bytes_out_are_the_bytes_in(name: str) -> None:
    result = frame([GOOD[name]])
    assert result.error is None
    assert result.idle
    readable = (
        GOOD[name].replace(b"\x00\x07", b"..").replace(b"b & c", b"b + c")
    )  # text between, which expat would not read
    assert result.data == b"".join(expected(readable))


@pytest.mark.parametrize("name", BAD)
def test_a_refused_one_is_refused_after_all_good_ones(name: str) -> None:
    result = frame([BAD[name]])
    assert result.error == ("doctype" if name in DOCTYPES else "malformed")
    assert result.names[0] == ("getProperties", None, None)
    assert len(result.items) == (1 if name.endswith("-unescaped") else 2)


@pytest.mark.parametrize("name", FILES)
def test_byte_by_byte(name: str) -> None:
    _equal(frame(bytewise(FILES[name])), frame([FILES[name]]))


@pytest.mark.parametrize("name", GOOD)
def test_with_trailing_data(name: str) -> None:
    whole = frame([GOOD[name]])
    for trailing in (FOLLOWER, FOLLOWER[:-1], b"<", b"\n<set", b"text", b"<?xml versi", b"<!-"):
        result = frame([GOOD[name] + trailing])
        assert result.error is None
        assert result.items[: len(whole.items)] == whole.items
        assert result.names[len(whole.items) :] == ([("message", "Follower", None)] if trailing == FOLLOWER else [])
        assert result.idle == (trailing in (FOLLOWER, b"text"))


@pytest.mark.parametrize("read", [1, 7, 1000, 4096])
@pytest.mark.parametrize("name", [name for name, data in FILES.items() if b"BLOBVector" in data])
def test_images_read_into_buffers(name: str, read: int) -> None:
    _equal(frame_with_buffers(FILES[name], read, 1024), frame([FILES[name]]))


@pytest.mark.parametrize("name", FILES)
def test_cut_anywhere(name: str) -> None:
    data = FILES[name]
    whole = frame([data])

    @settings(max_examples=10, deadline=None, database=None)
    @given(st.lists(st.integers(1, max(len(data) - 1, 1)), max_size=12))
    def check(places: list[int]) -> None:
        _equal(frame(cut(data, places)), whole)

    check()


def test_streams_of_several_peers_one_after_the_other() -> None:
    data = b"\n".join(GOOD.values())
    result = frame(cut(data, range(0, len(data), 4096)))
    assert result.items == [item for each in GOOD.values() for item in frame([each]).items]


def _equal(one: Result, other: Result) -> None:
    assert one.items == other.items
    assert one.error == other.error
    assert one.idle == other.idle or one.error is not None
