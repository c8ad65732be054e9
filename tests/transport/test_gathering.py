"""Gathering: a source that says something often is read every 2 ms, and only while that saves reads."""

from __future__ import annotations

from inditree.transport.gathering import ENOUGH, GATHER, SMALL, Gathering


def reads(gathering: Gathering, every: float, size: int, seconds: float, *, hurry: bool = False) -> tuple[int, int]:
    """Reads, and elements that came, of a source that says `size` bytes each `every` seconds for so long."""
    number = come = 0
    said, now = 1, 100.0
    while now < 100.0 + seconds:
        number += 1
        come += said
        pause = GATHER if gathering.goes_on(said * size, now, hurry=hurry) else 0.0
        said = max(1, round(pause / every))
        now += max(every, pause)
    return number, come


def test_a_source_that_speaks_twenty_thousand_times_a_second_is_read_every_two_milliseconds() -> None:
    number, come = reads(Gathering(), 50e-6, 200, 1.0)
    assert come > 19_000
    assert number < 510


def test_a_source_that_speaks_seldom_is_read_at_once() -> None:
    number, come = reads(Gathering(), 0.002, 200, 1.0)
    assert number == come >= 500


def test_gathering_that_saves_nothing_ends() -> None:
    gathering = Gathering()
    assert not gathering.goes_on(200, 1.0, hurry=False)
    assert gathering.goes_on(200, 1.0005, hurry=False)
    assert not gathering.goes_on(400, 1.0025, hurry=False)


def test_nothing_is_gathered_while_somebody_waits() -> None:
    number, come = reads(Gathering(), 50e-6, 200, 0.1, hurry=True)
    assert number == come
    gathering = Gathering()
    assert [gathering.goes_on(200, at, hurry=False) for at in (1.0, 1.0001)] == [False, True]
    assert not gathering.goes_on(8000, 1.0021, hurry=True)


def test_a_source_that_writes_much_is_not_held_up() -> None:
    gathering = Gathering()
    assert not any(gathering.goes_on(SMALL, 1.0 + at / 10_000, hurry=False) for at in range(20))
    assert [gathering.goes_on(200, at, hurry=False) for at in (2.0, 2.0001)] == [False, True]
    assert not gathering.goes_on(ENOUGH, 2.0021, hurry=False)
