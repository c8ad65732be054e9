"""The last request for each number is remembered, bounded."""

from __future__ import annotations

from inditree.core.targets import KEPT, REQUEST_LIMIT, Targets
from inditree.wire.elements import Element


def request(name: str, data: bytes = b"<newNumberVector/>", tag: str = "newNumberVector") -> Element:
    return Element(tag, {"device": "D", "name": name}, data)


def test_the_last_one_counts_and_old_ones_go() -> None:
    targets = Targets()
    for number in range(KEPT + 10):
        targets.note(request(f"N{number}"))
    targets.note(request("N11", b"newer"))
    assert (targets.last("D", "N9"), targets.last("D", "N11")) == (b"", b"newer")


def test_what_is_large_or_no_number_is_not_remembered() -> None:
    targets = Targets()
    targets.note(request("N", b"x" * (REQUEST_LIMIT + 1)))
    targets.note(request("S", tag="newSwitchVector"))
    assert (targets.last("D", "N"), targets.last("D", "S")) == (b"", b"")
