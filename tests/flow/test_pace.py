"""Who is fast, who keeps up, who stands still: each rule of pacing by itself."""

from __future__ import annotations

import re

import pytest

from flow.test_outbox import image
from inditree.flow import pacing
from inditree.flow.acks import Window
from inditree.flow.outbox import Outbox
from inditree.flow.pacing import LATELY, STALL_BYTES, Pace, stragglers

LIMIT = 1000
SIZE = 600
"""One waits, another one does not fit beside it."""


KEY = ("Cam", "CCD", False)


class Client:
    """A receiver with so many images of SIZE: the first is being written."""

    def __init__(self, images: int = 0, *, lossless: bool = False) -> None:
        self.outbox = Outbox(LIMIT)
        self.pace = Pace(0.0)
        self.lossless = lossless
        for number in range(images):
            self.outbox.put_blob(image(number, SIZE))

    def take(self, count: int) -> None:
        while count:
            taken = min(count, sum(map(len, self.outbox.next_write())))
            self.outbox.sent(taken)
            count -= taken


def may_read(clients: list[Client], size: int, now: float, number: int = 1) -> bool:
    return pacing.may_read(clients, pacing.Need(KEY, size, now, number))


def may_read_lossless(clients: list[Client], size: int) -> bool:
    return pacing.may_read_lossless(clients, pacing.Need(KEY, size, 0.0))


def test_bytes_a_second_of_the_last_moments() -> None:
    pace = Pace(0.0)
    assert pace.lately(100, 0.1) == 1000
    assert pace.lately(250, 0.25) == 1000
    assert pace.lately(300, 0.3) == 1000
    assert pace.lately(300, 0.4) == 750
    assert pace.lately(300, 0.5) == 200
    assert pace.lately(300, 0.75) == 0


def test_after_a_long_time_nothing_is_known_at_first() -> None:
    pace = Pace(0.0)
    assert pace.lately(1000, 10.0) == 0
    assert pace.seen(10.0) == 0
    assert pace.lately(1500, 10.1) > 4000
    assert pace.seen(10.1) > 0


def test_clients_looked_at_over_different_windows_can_be_compared() -> None:
    early, late = Pace(0.0), Pace(0.2)
    for moment in (0.3, 0.44, 0.5, 0.52, 0.7, 0.71):
        first = early.lately(int(moment * 10_000), moment)
        second = late.lately(int((moment - 0.2) * 10_000), moment)
        assert 0.9 < first / second < 1.1


def test_control_elements_are_no_sign_of_who_keeps_up() -> None:
    """A link carries the numbers of a mount beside a slow client's images."""
    fast, slow = Client(1), Client()
    for _ in range(10):
        slow.outbox.put(b"x" * 500)
        slow.take(500)
    slow.outbox.put_blob(image(0, SIZE))
    slow.outbox.put_blob(image(1, SIZE))
    slow.take(100)
    fast.take(SIZE)
    assert fast.outbox.images_taken == SIZE and slow.outbox.images_taken == 100
    assert may_read([fast, slow], SIZE, 0.2)


def test_where_several_may_come_there_must_be_room_for_all() -> None:
    assert may_read([Client(1)], 250, 0.0, 2)
    assert not may_read([Client(1)], SIZE, 0.0, 2)
    assert may_read([Client(1)], SIZE, 0.0)
    assert not may_read([Client(2)], 250, 0.0, 2)


def test_no_client_no_pace() -> None:
    assert may_read([], SIZE, 0.0)


def test_who_has_room_lets_the_source_be_read() -> None:
    assert may_read([Client()], SIZE, 0.0)
    assert may_read([Client(1)], SIZE, 0.0)
    assert may_read([Client(2)], 300, 0.0)
    assert not may_read([Client(2)], SIZE, 0.0)
    two_wait = Client(1)
    for number in range(2):
        two_wait.outbox.put_blob(image(number, 100))
    assert not may_read([two_wait], 100, 0.0)


def test_one_that_keeps_up_holds_the_source() -> None:
    fast, other = Client(2), Client(2)
    may_read([fast, other], SIZE, 0.0)
    fast.take(SIZE + 1)
    other.take(400)
    assert not may_read([fast, other], SIZE, 0.1)


def test_one_that_is_slow_does_not() -> None:
    fast, other = Client(2), Client(2)
    may_read([fast, other], SIZE, 0.0)
    fast.take(SIZE + 1)
    other.take(200)
    assert may_read([fast, other], SIZE, 0.1)


def test_nobody_is_called_slow_before_time_has_passed() -> None:
    fast, other = Client(2), Client(2)
    fast.pace.lately(0, 9.9)  # another camera's images were looked at
    fast.take(SIZE + 1)
    other.take(100)
    assert not may_read([fast, other], SIZE, 10.0)
    assert may_read([fast, other], SIZE, 10.02)


def test_where_nobody_takes_anything_only_an_idle_one_lets_the_source_be_read() -> None:
    assert not may_read([Client(1), Client(2)], SIZE, 0.1)
    assert may_read([Client(), Client(2)], SIZE, 0.1)


class Moving(Client):
    """A receiver of several cameras, on a clock, that takes at once what it is sent. A link answers for some."""

    def __init__(self, *, linked: bool) -> None:
        super().__init__()
        self.now = 0.0
        self.outbox = Outbox(LIMIT, lambda: self.now)
        self.outbox.lanes.window = Window() if linked else None

    def give(self, device: str, *, answers: bool = True) -> None:
        """One more image comes for it."""
        self.outbox.put_blob(image(0, 300, device))
        while written := self.outbox.next_write():
            data = b"".join(written)
            self.outbox.sent(len(data))
            for uid in re.findall(rb"blob/\d+", data) if answers else ():
                self.outbox.answered(uid.decode())


@pytest.mark.parametrize(("before", "soon"), [(20, 10), (0, 25)], ids=["after many images", "after its first"])
@pytest.mark.parametrize("others", [["Other"], []], ids=["takes another camera too", "takes only this one"])
def test_nobody_waits_for_good_for_a_link_that_takes_no_more_of_a_property(
    others: list[str], before: int, soon: int
) -> None:
    """As nobody was sent anything of it, its pace fell for both alike, while the link went on with another camera."""
    healthy, link = Moving(linked=False), Moving(linked=True)

    def after(seconds: float, cameras: list[str]) -> bool:
        for client, devices in ((healthy, [*others, *cameras]), (link, ["Other", *cameras])):
            client.now += seconds
            for device in devices:
                client.give(device)
        return may_read([healthy, link], 500, link.now)

    for _ in range(before):
        after(0.1, ["Cam"])
    for _ in range(4):
        link.give("Cam", answers=False)
    assert link.outbox.lanes.waiting(KEY) == 2
    answers = [after(0.1, []) for _ in range(soon)]
    assert not answers[0] and answers == sorted(answers), "it is waited for, but once"
    assert answers[-1]


def test_a_lossless_client_must_be_ready_too() -> None:
    for images, ready in ((1, True), (2, False)):
        clients = [Client(), Client(images, lossless=True)]
        may_read(clients, SIZE, 0.0)
        assert may_read(clients, SIZE, 0.1) == ready
        assert may_read_lossless(clients, SIZE) == ready
    assert may_read_lossless([Client(3)], SIZE)


def test_stragglers_are_the_slow_and_those_that_stand_still() -> None:
    fast, half, slow, still = (Client(3) for _ in range(4))
    everybody = [fast, half, slow, still]
    assert stragglers(everybody, 0.0) == []
    fast.take(1000)
    half.take(600)
    slow.take(100)
    assert stragglers(everybody, 0.1) == [slow, still]
    assert stragglers([still], 0.1) == []
    assert stragglers([still], LATELY) == [still]


def stalls(pace: Pace, outbox: Outbox, *moments: float) -> list[bool]:
    return [pace.stalled(outbox, moment, 10.0) for moment in moments]


def test_stalled_after_the_whole_time_without_progress() -> None:
    client = Client(1)
    assert stalls(client.pace, client.outbox, 50, 59.9, 60) == [False, False, True]


def test_progress_is_all_that_waited_or_64_kib() -> None:
    client = Client(1)
    assert stalls(client.pace, client.outbox, 0) == [False]
    client.take(SIZE - 1)
    assert stalls(client.pace, client.outbox, 10) == [True]
    client.take(1)
    assert stalls(client.pace, client.outbox, 10, 20) == [False, False]
    client.outbox.put(b"x" * 10 * STALL_BYTES)
    assert stalls(client.pace, client.outbox, 20) == [False]
    client.take(STALL_BYTES)
    assert stalls(client.pace, client.outbox, 30) == [False]


def test_what_comes_after_idleness_has_its_whole_time_though_something_was_put_out_before() -> None:
    client = Client()
    client.outbox.put(b"x")
    client.outbox.put_blob(image(0, SIZE))
    assert stalls(client.pace, client.outbox, 0) == [False]
    client.outbox.drop(next(iter(client.outbox.lanes)))
    client.take(1)
    assert stalls(client.pace, client.outbox, 9) == [False]
    client.outbox.put(b"y")
    assert stalls(client.pace, client.outbox, 10, 19, 20) == [False, False, True]


def test_who_is_not_judged_has_its_whole_time_afterwards() -> None:
    client = Client(1)
    assert stalls(client.pace, client.outbox, 0) == [False]
    client.pace.stand_still(client.outbox, 9.0)
    assert stalls(client.pace, client.outbox, 12, 19) == [False, True]
