"""Random cameras, receivers and links: tests/flow/shares.py runs as many of these scenes by hand as one likes."""

from __future__ import annotations

import pytest

from flow.chain import NARROW, Camera, Chain, Receiver
from flow.shares import HEALTHY, check


@pytest.mark.parametrize("seed", [4, 31, 39, 51, 52, 86, 105, 108, 134, 198, 1021, 1042, 10468, 11072, 20547])
def test_no_healthy_receiver_suffers_and_each_device_keeps_its_order(seed: int) -> None:
    assert check(seed) == ([], [])


@pytest.mark.parametrize("seed", [40011, 40023])
def test_cameras_take_turns_where_the_link_is_the_narrow_thing(seed: int) -> None:
    """Where the turns on a link are one camera's, these fail, and no scene of wide links does."""
    assert check(seed, NARROW) == ([], [])


def test_five_cameras_and_ten_clients_over_two_links() -> None:
    """The tenth hardly reads, alone with a camera two links away: it costs nobody an image at any router.

    With acknowledgements counted over all properties of a link the others behind it get a fifteenth. With real sockets:
    tests/integration/test_flow_many.py.
    """
    chain = Chain((0.02, 0.02), queue=10_000)
    devices = [f"Cam{number}" for number in range(5)]
    chain.cameras += [Camera(chain.worlds[0], device, 400, 0.0, pings=False) for device in devices]
    chain.run(1.0)
    chain.receivers.append(Receiver(chain.worlds[2], ("Cam4",), 50.0))
    chain.run(2.0)
    nine = [
        Receiver(chain.worlds[number % 3], (devices[number % 4], devices[(number + 1) % 4]), HEALTHY)
        for number in range(9)
    ]
    chain.receivers += nine
    chain.run(8.0)
    counts = [len(images) for receiver in nine for images in receiver.images.values()]
    assert len(counts) == 18 and min(counts) >= 0.8 * max(counts) > 0


@pytest.mark.parametrize("size", [4000, 5500, 9000])
def test_nobody_waits_for_a_link_whose_client_stands_still_before_its_third_image(size: int) -> None:
    """Two are sent without an answer, so too little is known of this property's pace; the link's whole pace is high."""
    chain = Chain((0.02,), queue=10_000)
    chain.cameras += [Camera(chain.worlds[0], "Cam0", size, 0.0, pings=False)]
    chain.cameras += [Camera(chain.worlds[0], "Cam1", 400, 0.0, pings=False)]
    chain.run(1.0)
    still, fast = Receiver(chain.worlds[1], ("Cam0",), 0.0), Receiver(chain.worlds[1], ("Cam1",), HEALTHY)
    local = Receiver(chain.worlds[0], ("Cam0",), HEALTHY)
    chain.receivers += [still, fast, local]
    chain.run(10.0)
    came = len(local.images["Cam0"])
    chain.run(10.0)
    assert len(local.images["Cam0"]) - came >= 0.9 * 10.0 * HEALTHY / size - 1
    assert len(fast.images["Cam1"]) > 600


def mixed(sizes: tuple[int, ...], receivers: list[tuple[int, str, float]], every: tuple[float, ...] = ()) -> Chain:
    """Two routers; cameras of these sizes, and receivers: at which router, of which cameras, how fast."""
    chain = Chain((0.02,), queue=10_000)
    for number, (size, pause) in enumerate(zip(sizes, every or (0.0,) * len(sizes), strict=True)):
        chain.cameras.append(Camera(chain.worlds[0], f"Cam{number}", size, pause, pings=pause > 0))
    chain.run(1.0)
    for at, cameras, speed in receivers:
        chain.receivers.append(Receiver(chain.worlds[at], tuple(f"Cam{each}" for each in cameras), speed))
    chain.run(12.0)
    return chain


def test_few_images_cross_a_link_only_to_be_dropped_behind_it() -> None:
    """The slow one's images of Cam0 are put out there by those of others: 56 crossed, of which one was read."""
    chain = mixed((4500, 4500, 3000), [(1, "012", 1000.0), (1, "12", HEALTHY), (0, "12", HEALTHY), (0, "0", HEALTHY)])
    assert chain.worlds[1].core.counters.devices["Cam0"].blobs_received <= 12
    assert len(chain.receivers[3].images["Cam0"]) >= 46


@pytest.mark.parametrize("speed", [0.0, 300.0])
def test_nobody_waits_for_a_link_over_which_two_images_came_and_that_has_room_for_no_third(speed: float) -> None:
    """Nothing of Cam0 waits for it, and two say too little of its pace; the pace of its other cameras is high."""
    chain = mixed((4500, 3000, 2200, 900), [(0, "0", HEALTHY), (1, "0123", speed), (1, "123", HEALTHY)])
    assert len(chain.receivers[0].images["Cam0"]) >= 42
