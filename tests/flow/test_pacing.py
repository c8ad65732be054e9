"""docs/flow.md: who misses an image, who waits for whom."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.world import blobs, define, get, update
from flow.chain import Camera, Chain, Receiver
from flow.race import STEP, Race, Taker, picture

SIMULATED = settings(max_examples=20, deadline=None, phases=(Phase.generate,))
"""An example is a whole simulation: one that fails is not made smaller."""

SIZES = st.sampled_from([200, 500, 900, 1100, 1900, 2500])
COUNT = 25
ALL = list(range(COUNT))


def shoot(race: Race, size: int, number: int = COUNT) -> None:
    race.camera().unsaid.extend(picture(each, size).encode() for each in range(number))


def alone(size: int, speed: float) -> float:
    race = Race()
    race.taker(speed)
    shoot(race, size)
    return race.run()


@SIMULATED
@given(SIZES, st.lists(st.floats(1.0, 1.6), min_size=2, max_size=5), st.sampled_from([3000, 20_000, 200_000]))
def test_clients_that_keep_up_lose_nothing(size: int, factors: list[float], speed: float) -> None:
    race = Race()
    takers = [race.taker(factor * speed) for factor in factors]
    shoot(race, size)
    race.run()
    assert [taker.images for taker in takers] == [ALL] * len(takers)
    assert not race.world.dropped("client")


@SIMULATED
@given(SIZES, st.lists(st.floats(0.0, 0.3), min_size=1, max_size=4), st.sampled_from([8000, 60_000, 200_000]))
def test_the_fastest_misses_nothing_and_waits_for_no_slow_one(size: int, slow: list[float], speed: float) -> None:
    race = Race(stall_timeout=5)
    others = [race.taker(factor * speed) for factor in slow]
    fast = race.taker(speed)
    shoot(race, size)
    race.run()
    assert fast.images == ALL
    assert fast.at[-1] <= alone(size, speed) * 1.1 + 0.6
    for other in others:
        assert other.images == sorted(other.images)
        assert other.gone or other.images[-1] == ALL[-1]  # the newest are kept


@SIMULATED
@given(st.data())
def test_whatever_they_do_only_whole_elements_come_in_order(data: st.DataObject) -> None:
    """Speeds that change, stalls, clients that come and go, values between the images."""
    draw = data.draw
    race = Race(stall_timeout=3)
    pings = draw(st.booleans())
    camera = race.camera(pings=pings)
    said = []
    for number in range(25):
        camera.unsaid.append(picture(number, draw(SIZES)).encode())
        if pings:
            camera.unsaid.append(b"<pingRequest uid='SetBLOB/%d'/>" % number)
        said.append(update("Cam", "N", number))
        camera.unsaid.append(said[-1].encode())

    def speed_of(speeds: list[float]) -> None:
        race.taker(lambda now: speeds[int(now * 2) % len(speeds)])

    speeds = st.lists(st.sampled_from([0.0, 500.0, 5000.0, 50_000.0]), min_size=1, max_size=6)
    for _ in range(draw(st.integers(1, 4))):
        speed_of(draw(speeds))
    for _ in range(draw(st.integers(0, 5))):
        for _ in range(draw(st.integers(0, 40))):
            race.step()
        if draw(st.booleans()):
            speed_of(draw(speeds))
        elif not (taker := draw(st.sampled_from(race.takers))).gone:
            taker.actor.leave()
    race.run()
    for taker in race.takers:
        assert taker.images == sorted(taker.images)
        if not taker.gone:
            assert taker.others == said[len(said) - len(taker.others) :]
    assert camera.read().count(b"<pingReply") == (26 if pings else 0)  # each ping was answered


@pytest.mark.parametrize("size", [500, 1500])
def test_equal_clients_that_are_looked_at_seldom_lose_nothing(size: int) -> None:
    """A slow network: each image takes longer than the time over which a pace is judged."""
    race = Race()
    takers = [race.taker(1500.0 + number) for number in range(4)]
    shoot(race, size, 30)
    race.run()
    assert [taker.images for taker in takers] == [list(range(30))] * 4


def test_an_image_larger_than_half_the_queue_is_read_while_the_one_before_is_written() -> None:
    race = Race(queue=1000)
    taker = race.taker(1000.0)
    camera = race.camera()
    camera.unsaid.extend(picture(number, 900).encode() for number in range(6))
    waited = 0
    while not taker.actor.peer.outbox.empty or not taker.images:
        race.step()
        waited += bool(camera.unsaid) and not taker.actor.peer.outbox.lanes.count
    assert taker.images == list(range(6))
    assert waited <= 6  # steps in which nothing was there to be written next


def test_nobody_interested_holds_nothing() -> None:
    race = Race()
    taker = race.taker(0.0)
    taker.actor.say(blobs("Never"))
    shoot(race, 500)
    race.step()
    assert not race.cameras[0].unsaid


def test_who_wants_no_more_images_holds_nothing_more() -> None:
    race = Race()
    slow = race.taker(0.0)
    shoot(race, 900)
    race.step()
    assert race.cameras[0].peer.held
    slow.actor.say(blobs("Never"))
    assert not race.cameras[0].unsaid


def wants_later(race: Race, speed: float) -> Taker:
    """A client that does not want the images yet."""
    taker = race.taker(speed)
    taker.actor.say(blobs("Never"))
    return taker


def until(race: Race, time: float) -> None:
    while race.now < time:
        race.step()


def test_who_comes_while_the_source_waits_is_not_kept_waiting_by_the_slow() -> None:
    """It was sent nothing, so its pace was 0, and the slow one's was the highest: that one takes 9 s for an image."""
    race = Race()
    race.taker(100.0)
    fast = wants_later(race, 100_000.0)
    shoot(race, 900)
    until(race, 5.0)
    fast.actor.say(blobs("Also"))
    until(race, 6.0)
    assert fast.images == list(range(3, COUNT))


@pytest.mark.parametrize("at", [1.0, 1.3, 1.6, 1.9, 2.2])
def test_who_comes_while_the_source_waits_waits_for_those_that_take_an_image_in_time(at: float) -> None:
    race = Race()
    first, second = race.taker(1000.0), wants_later(race, 1000.0)
    shoot(race, 900)
    until(race, at)
    second.actor.say(blobs("Also"))
    race.run()
    assert first.images == ALL
    assert len(second.images) >= COUNT - 5


def test_who_comes_while_an_archiver_holds_the_source_waits_with_all() -> None:
    """The archiver loses nothing, however long it takes for an image: 9 s here."""
    race = Race(stall_timeout=100.0)
    archive = race.taker(100.0, lossless=True)
    fast = wants_later(race, 100_000.0)
    shoot(race, 900, 6)
    until(race, 5.0)
    fast.actor.say(blobs("Also"))
    race.run()
    assert archive.images == list(range(6))
    assert fast.images


def test_who_comes_over_a_link_is_not_kept_waiting_by_the_slow_there() -> None:
    """The acknowledgements of a link are judged as a source that is not read."""
    chain = Chain((0.02,), queue=2000)
    chain.cameras.append(Camera(chain.worlds[0], "Cam", 900, 0.0, pings=False))
    chain.run(1.0)
    chain.receivers.append(Receiver(chain.worlds[1], ("Cam",), 100.0))
    chain.run(5.0)
    fast = Receiver(chain.worlds[1], ("Cam",), 100_000.0)
    fast.actor.say(blobs("Never", "Cam"))
    chain.receivers.append(fast)
    chain.run(3.0)
    before = len(fast.images["Cam"])
    fast.actor.say(blobs("Also", "Cam"))
    chain.run(1.0)
    assert len(fast.images["Cam"]) > before + 15


@pytest.mark.parametrize("lossless", [False, True])
def test_other_devices_of_a_source_wait_two_seconds_for_a_slow_client_of_one(lossless: bool) -> None:
    """A driver with a camera and a mount, an indiserver behind a link: the mount's numbers were 18 s old."""
    race = Race(queue=20_000, stall_timeout=100.0)
    race.camera().say(define("Mount", "N"))
    slow = race.taker(250.0, lossless=lossless)  # 4 s for an image
    mount = race.world.client(get("Mount"))
    mount.heard()
    for number in range(50):
        race.cameras[0].unsaid.extend((picture(number, 900).encode(), update("Mount", "N", number).encode()))
    came: list[float] = []
    while race.now < 40.0:
        race.step()
        came += [race.now for line in mount.heard() if "setNumber" in line]
    if lossless:
        assert len(came) < 15
        return
    assert len(came) == 50
    assert 1.5 < max(later - before for before, later in pairwise(came)) < 2.5
    assert slow.images == sorted(slow.images) and len(slow.images) > 3


def test_only_the_camera_that_held_its_source_loses_images_then() -> None:
    """Another camera of the same indiserver is paced by its own client. Of the free one two wait, or a second's."""
    chain = Chain((), 40_000)
    source = chain.worlds[0].driver(define("Cam", "CCD", kind="BLOB"), define("Guide", "CCD", kind="BLOB"))
    chain.run(0.1)
    chain.receivers += [Receiver(chain.worlds[0], ("Cam",), 250.0), Receiver(chain.worlds[0], ("Guide",), 4000.0)]
    for number in range(100):
        source.unsaid.extend(picture(number, 900, device).encode() for device in ("Cam", "Guide"))
    chain.run(8.0)
    slow, healthy = chain.receivers
    assert 1 < slow.actor.peer.outbox.lanes.waiting(("Cam", "CCD", False)) < 10
    chain.run(25.0)
    assert healthy.images["Guide"] == list(range(100))


@pytest.mark.parametrize("every", [0.2, 0.25, 0.3])
def test_a_camera_that_is_held_has_its_turns_beside_those_that_cannot_be(every: float) -> None:
    """It had room only when neither of them had two images waiting: 11 turns, and they had 45."""
    chain = Chain((), 10_000)
    for device, size in (("Held", 3000), ("Guide", 2200), ("Finder", 2200)):
        pings = device != "Held"
        chain.cameras.append(Camera(chain.worlds[0], device, size, every if pings else 0.0, pings=pings))
    chain.run(1.0)
    receiver = Receiver(chain.worlds[0], ("Held", "Guide", "Finder"), 20_000.0)
    chain.receivers.append(receiver)
    chain.run(12.0)
    assert len(receiver.images["Held"]) >= 29  # of 33 at most


def test_a_stalled_client_alone_is_waited_for_until_it_is_closed() -> None:
    race = Race()
    taker = race.taker(lambda now: 20_000.0 if now < 0.2 else 0.0)
    shoot(race, 500, 200)
    race.run()
    assert taker.gone
    assert race.world.closed == [(taker.actor.peer.name, "stalled")]
    assert 10.1 <= race.now <= 12.0


@pytest.mark.parametrize(("speed", "gone"), [(1000.0, False), (4000.0, True), (7000.0, False)])
def test_stalled_is_who_takes_less_than_64_kib_or_all_that_waits(speed: float, gone: bool) -> None:
    race = Race(queue=100_000)
    taker = race.taker(speed)
    camera = race.camera()
    size = 900 if speed == 1000.0 else 90_000
    camera.unsaid.extend(picture(number, size).encode() for number in range(12))
    race.run()
    assert taker.gone == gone


def test_an_idle_client_is_never_stalled_and_has_its_whole_time_afterwards() -> None:
    race = Race()
    taker = race.taker(0.0)
    race.world.later(100)
    race.world.core.now += 0.9
    race.camera()
    while not taker.gone:
        race.step()
    assert 110.9 - STEP <= race.now <= 112.5


def test_the_clocks_of_a_source_that_is_not_read_stand_still() -> None:
    """It may not be reading either."""
    race = Race(stall_timeout=3)
    race.taker(1200.0)
    shoot(race, 1900, 20)
    race.step()
    camera = race.cameras[0]
    camera.stuck = True
    race.takers[0].actor.say(
        '<newNumberVector device="Cam" name="N"><oneNumber name="V">1</oneNumber></newNumberVector>'
    )
    while camera.unsaid and not camera.peer.gone:
        race.step()
    assert not camera.peer.gone
    for _ in range(600):
        race.step()
    assert camera.peer.gone


def test_a_libindi_driver_is_always_read() -> None:
    race = Race()
    taker = race.taker(5000.0)
    camera = race.camera(pings=True)
    for number in range(COUNT):
        camera.unsaid += [picture(number, 500).encode(), b"<pingRequest uid='SetBLOB/%d'/>" % number]
    race.step()
    assert not camera.unsaid
    race.run()
    assert len(camera.read().splitlines()) == COUNT + 1
    assert taker.images == [COUNT - 3, COUNT - 2, COUNT - 1]
    assert race.world.dropped("client") == {"superseded": COUNT - 3}


def test_the_first_image_of_a_driver_does_not_hold_it_before_it_could_ping() -> None:
    race = Race()
    race.taker(0.0)
    other = race.camera("Other")
    other.unsaid.extend(picture(number, 900, "Other").encode() for number in range(5))
    race.step()
    assert other.peer.held
    camera = race.camera()
    camera.say(picture(0, 900).replace(" device", "\n  device"), "<pingRequest uid='SetBLOB/1'/>")
    assert camera.heard() == ['<pingReply uid="SetBLOB/1"/>']
    assert not camera.peer.held


@pytest.mark.parametrize("pings", [False, True])
def test_a_lossless_client_gets_everything_and_is_waited_for(pings: bool) -> None:
    race = Race()
    fast, archive = race.taker(100_000.0), race.taker(4000.0, lossless=True)
    camera = race.camera(pings=pings)
    for number in range(COUNT):
        camera.unsaid.append(picture(number, 900).encode())
        if pings:
            camera.unsaid.append(b"<pingRequest uid='SetBLOB/%d'/>" % number)
    race.run()
    assert archive.images == ALL
    assert fast.images == ALL


def test_a_lossless_client_that_stands_still_is_closed_and_delays_no_longer() -> None:
    race = Race(stall_timeout=5)
    fast, archive = race.taker(100_000.0), race.taker(0.0, lossless=True)
    shoot(race, 900)
    race.run()
    assert archive.gone
    assert fast.images == ALL
    assert fast.at[-1] < 7.5


def test_control_elements_are_never_dropped_and_bounded() -> None:
    race = Race(queue=2000)
    fast, slow = race.taker(100_000.0), race.taker(3000.0)
    stuck = race.taker(0.0)
    camera = race.camera()
    said = [update("Cam", "N", number) for number in range(60)]
    for number, each in enumerate(said):
        camera.unsaid += [each.encode(), picture(number, 700).encode()]
        for _ in range(30):
            race.step()
    race.run()
    assert fast.others == slow.others == said
    assert race.world.closed == [(stuck.actor.peer.name, "overflow")] or stuck.gone
