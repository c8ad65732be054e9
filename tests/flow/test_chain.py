"""Random cameras, receivers and links: tests/flow/chain.py runs as many of these scenes by hand as one likes."""

from __future__ import annotations

import pytest

from flow.chain import HEALTHY, Camera, Chain, Receiver, check


@pytest.mark.parametrize("seed", [4, 31, 39, 51, 52, 86, 105, 108, 134, 198, 1021, 1042, 10468])
def test_no_healthy_receiver_suffers_and_each_device_keeps_its_order(seed: int) -> None:
    assert check(seed) == ([], [])


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
