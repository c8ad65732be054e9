"""docs/flow.md, "Memory": it holds one copy of a BLOB, is bounded, and the largest straggler pays first."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.world import blobs, define, get, image
from flow.race import Race, picture
from inditree.core import Policy

SIZE = 500


def shoot(race: Race, number: int, size: int = SIZE, *, pings: bool = False) -> None:
    camera = race.camera(pings=pings)
    for each in range(number):
        camera.unsaid.append(picture(each, size).encode())
        if pings:
            camera.unsaid.append(b"<pingRequest uid='SetBLOB/%d'/>" % each)


def test_one_copy_is_counted_for_all_receivers() -> None:
    race = Race()
    for _ in range(5):
        race.taker(0.0)
    race.camera().say(picture(0, SIZE))
    assert race.world.core.intake.memory == SIZE
    for taker in race.takers[:4]:
        taker.actor.leave()
        assert race.world.core.intake.memory == SIZE
    race.takers[4].actor.leave()
    assert race.world.core.intake.memory == 0


def test_an_image_that_nobody_wants_takes_no_memory() -> None:
    race = Race()
    race.camera().say(picture(0, SIZE))
    assert race.world.core.intake.memory == 0


def test_the_largest_straggler_pays_first_and_the_others_lose_nothing() -> None:
    race = Race(queue=100 * SIZE, memory=12 * SIZE)
    fast, slow = race.taker(100_000.0), race.taker(20_000.0)
    stuck = race.taker(0.0)
    camera = race.camera()
    for number in range(60):
        camera.unsaid.append(picture(number, SIZE).encode())
        for _ in range(3):
            race.step()
    race.run()
    assert fast.images == slow.images == list(range(60))
    assert race.most_memory <= 12 * SIZE
    assert stuck.actor.peer.lost > 40
    assert race.world.dropped("client") == {"memory": stuck.actor.peer.lost}


def test_equal_clients_lose_nothing_when_the_source_can_be_held() -> None:
    race = Race(queue=100 * SIZE, memory=3 * SIZE)
    takers = [race.taker(10_000.0 + number) for number in range(4)]
    shoot(race, 40)
    race.run()
    assert [taker.images for taker in takers] == [list(range(40))] * 4
    assert race.most_memory <= 3 * SIZE


def test_one_is_let_in_whatever_its_size() -> None:
    race = Race(queue=SIZE, memory=SIZE // 2)
    takers = [race.taker(5000.0), race.taker(5100.0)]
    shoot(race, 10)
    race.run()
    assert [taker.images for taker in takers] == [list(range(10))] * 2
    assert race.most_memory == SIZE


def test_what_has_just_come_is_not_put_out_for_being_too_large() -> None:
    race = Race(memory=SIZE // 2)
    taker = race.taker(0.0)
    camera = race.camera(pings=True)  # its definitions are being written, so that the image waits
    camera.say(picture(0, SIZE))
    taker.actor.stuck = False
    assert any("oneBLOB" in line for line in taker.actor.heard())


def test_a_source_that_is_always_read_loses_the_oldest() -> None:
    race = Race(queue=100 * SIZE, memory=5 * SIZE)
    takers = [race.taker(2000.0), race.taker(2000.0)]
    shoot(race, 30, pings=True)
    race.step()
    assert not race.cameras[0].unsaid
    race.run()
    assert race.most_memory <= 5 * SIZE
    assert all(taker.images[-1] == 29 for taker in takers)


def test_who_announced_less_than_it_sends_puts_out_older_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is let in as was announced, and an image may turn out to be larger."""
    race = Race(queue=100 * SIZE, memory=3 * SIZE + 10)
    race.world.client(get(), blobs("Also")).stuck = True
    may_begin = race.world.core.may_begin
    monkeypatch.setattr(race.world.core, "may_begin", lambda peer, size: may_begin(peer, 1))
    for number in range(6):
        race.camera(f"Cam {number}", pings=True).say(picture(0, SIZE, f"Cam {number}"))
        assert race.world.core.intake.memory == min(number + 1, 3) * SIZE


def test_a_lossless_client_never_pays() -> None:
    race = Race(queue=100 * SIZE, memory=4 * SIZE)
    archive, fast = race.taker(3000.0, lossless=True), race.taker(100_000.0)
    shoot(race, 30)
    race.run()
    assert archive.images == fast.images == list(range(30))
    assert race.most_memory <= 4 * SIZE


def test_it_does_not_pay_for_another_camera_either() -> None:
    race = Race(queue=100 * SIZE, memory=3 * SIZE)
    archive = race.world.client(get("Cam"), blobs("Also"), policy=Policy(lossless=True))
    race.world.client(get("Other"), blobs("Also")).stuck = archive.stuck = True
    camera, other = race.camera(), race.camera("Other", pings=True)
    camera.say(picture(0, SIZE), picture(1, SIZE))
    for number in range(5):
        other.say(picture(number, SIZE, "Other"))
    archive.stuck = False
    assert sum("oneBLOB" in line for line in archive.heard()) == 2


def test_a_state_that_was_taken_for_an_image_gives_its_memory_back() -> None:
    race = Race(memory=1000)
    race.taker(0.0)
    race.camera()
    camera = race.cameras[0]
    assert race.world.core.may_begin(camera.peer, 900)
    other = race.world.driver(define("Other", "CCD", kind="BLOB"))
    assert not race.world.core.may_begin(other.peer, 900)
    camera.say('<setBLOBVector device="Cam" name="CCD" state="Busy"></setBLOBVector>')
    assert race.world.core.may_begin(other.peer, 900)


def test_a_source_that_goes_gives_back_what_was_kept_for_it() -> None:
    race = Race(memory=1000)
    camera, other = race.camera("Cam"), race.camera("Other")
    assert race.world.core.may_begin(camera.peer, 900)
    assert not race.world.core.may_begin(other.peer, 900)
    camera.leave()
    assert race.world.core.may_begin(other.peer, 900)


def test_an_object_of_ours_is_held_while_memory_is_full() -> None:
    """Nobody asks before it makes its next image."""
    race = Race(queue=100_000, memory=2 * SIZE)
    taker = race.taker(10_000.0)
    camera = race.world.join("inprocess")
    camera.say(define("Cam", "CCD", kind="BLOB"))
    race.cameras.append(camera)
    camera.unsaid.extend(picture(number, SIZE).encode() for number in range(30))
    race.run()
    assert taker.images == list(range(30))
    assert race.most_memory <= 2 * SIZE


def test_a_snooping_object_takes_whole_images() -> None:
    race = Race()
    camera = race.camera()
    snooper = race.world.join("inprocess")
    snooper.say('<getProperties version="1.7" device="Cam"/>', blobs("Also", "Cam"))
    snooper.heard()
    camera.say(image("Cam", "CCD"))
    assert snooper.heard() == [image("Cam", "CCD")]
    assert race.world.core.intake.memory == 0


SPEEDS = st.lists(st.sampled_from([0.0, 1000.0, 20_000.0, 100_000.0]), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None, phases=(Phase.generate,))
@given(
    SPEEDS,
    st.lists(st.tuples(st.booleans(), st.sampled_from([200, 700, 2500])), min_size=1, max_size=3),
    st.integers(1000, 6000),
)
def test_the_limit_holds_whoever_sends_and_takes(
    speeds: list[float], cameras: list[tuple[bool, int]], memory: int
) -> None:
    race = Race(queue=3000, memory=memory, stall_timeout=2)
    for speed in speeds:
        race.taker(speed)
    for number, (pings, size) in enumerate(cameras):
        camera = race.camera(f"Cam{number}", pings=pings)
        camera.unsaid.extend(picture(each, size, f"Cam{number}").encode() for each in range(15))
    race.run()
    assert race.most_memory <= max(memory, 2500)
