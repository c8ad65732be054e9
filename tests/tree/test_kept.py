"""What a link makes us remember is bounded, and forgotten in time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from inditree.flow.acks import UNANSWERED_MAX, Owed, Window
from inditree.tree.paths import Once

KIB = 1 << 10


def kept(what: Callable[[int], object], times: int) -> int:
    """Bytes of memory that are taken after so many calls."""
    tracemalloc.start()
    try:
        begin = tracemalloc.get_traced_memory()[0]
        for number in range(times):
            what(number)
        return tracemalloc.get_traced_memory()[0] - begin
    finally:
        tracemalloc.stop()


def test_origins_and_devices_that_are_made_up_are_bounded_by_their_bytes() -> None:
    for size in (10, 10_000):
        once = Once()

        def say(number: int, once: Once = once, size: int = size) -> object:
            return once.is_new(f"R{number:0{size}}", "message", "", "1", 0.0)

        assert kept(say, 10_000) < 1.3 * Once.LIMIT


def test_a_source_that_is_silent_for_long_is_forgotten() -> None:
    once = Once()
    assert once.is_new("R1", "message", "", "5", 0.0)
    assert once.is_new("R2", "message", "", "5", 200.0)
    once.expire(Once.KEPT + 1)
    assert once.is_new("R1", "message", "", "5", Once.KEPT + 1)
    assert not once.is_new("R2", "message", "", "5", Once.KEPT + 1)


def test_who_speaks_is_remembered() -> None:
    once = Once()
    for second in range(1000):
        assert once.is_new("R1", "message", "", str(second + 1), second)
        once.expire(second)
        assert not once.is_new("R1", "message", "", str(second + 1), second)


def test_properties_whose_images_were_acknowledged_leave_nothing_behind() -> None:
    window = Window()
    assert kept(lambda number: window.answered(window.sending(("Cam", f"CCD{number}", False), 0.0)), 10_000) < 64 * KIB


def test_a_link_that_answers_nothing_is_sent_no_more() -> None:
    window = Window()
    for number in range(UNANSWERED_MAX):
        window.sending(("Cam", f"CCD{number}", False), 0.0)
    assert not window.may_send(("Cam", "new", False))
    window.answered("blob/1")
    assert window.may_send(("Cam", "new", False))


def test_a_link_that_asks_without_end_is_noticed() -> None:
    owed = Owed()
    assert all(owed.owe(("Cam", "CCD", False), f"blob/{number}", 1) for number in range(UNANSWERED_MAX))
    assert not owed.owe(("Cam", "CCD", False), "blob/x", 1)
    owed.pay(("Cam", "CCD", False))
    owed.pay(("Cam", "CCD", False))
    assert owed.owe(("Cam", "CCD", False), "blob/y", 1)
