"""The last request for each number is remembered, bounded."""

from __future__ import annotations

from inditree.core.requested import KEPT, REQUEST_LIMIT, Requested
from inditree.wire.elements import Element


def request(name: str, data: bytes = b"<newNumberVector/>", tag: str = "newNumberVector") -> Element:
    return Element(tag, {"device": "D", "name": name}, data)


def test_the_last_one_counts_and_old_ones_go() -> None:
    requested = Requested()
    for number in range(KEPT + 10):
        requested.note(request(f"N{number}"))
    requested.note(request("N11", b"newer"))
    assert (requested.last("D", "N9"), requested.last("D", "N11")) == (b"", b"newer")


def test_what_is_large_or_no_number_is_not_remembered() -> None:
    requested = Requested()
    requested.note(request("N", b"x" * (REQUEST_LIMIT + 1)))
    requested.note(request("S", tag="newSwitchVector"))
    assert (requested.last("D", "N"), requested.last("D", "S")) == (b"", b"")
