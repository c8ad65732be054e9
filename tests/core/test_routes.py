"""Routes are remembered, within bounds, and forgotten when what they were made of changes."""

from __future__ import annotations

import pytest

from core.world import World, blobs, define, delete, get, image, update
from inditree.core import Peer, routes
from inditree.core.demand import Demand, ImageProperty
from inditree.wire import runs


def test_a_source_that_names_ever_new_properties_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ROUTES_LIMIT", 50)
    monkeypatch.setattr(runs, "HEADS_LIMIT", 20)
    world = World()
    stranger = world.client()
    for _ in range(10):
        stranger.say_at_once(*(update("Cam", f"P{number}") for number in range(30)))
    assert len(world.core.state.routes._heads) <= 50
    assert len(world.core.state.routes._routes) <= 50


def test_who_wants_no_image_costs_no_look_at_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a thousand clients would look at each BLOB property behind each link."""
    world = World()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), *(define("Cam", f"CCD{number}", kind="BLOB") for number in range(5)))
    link.heard()
    looked: list[str] = []
    real = Demand._look

    def look(demand: Demand, peer: Peer, images: ImageProperty) -> None:
        looked.append(images.name)
        real(demand, peer, images)

    monkeypatch.setattr(Demand, "_look", look)
    client = world.client(get())
    client.leave()
    assert looked == []
    client = world.client(blobs("Also", "Cam", "CCD3"), get())
    assert link.heard() == ['<enableBLOB device="Cam" name="CCD3">Also</enableBLOB>']
    client.leave()
    assert link.heard() == ['<enableBLOB device="Cam" name="CCD3">Never</enableBLOB>']


@pytest.mark.parametrize("known", [False, True])
def test_a_router_sends_no_image_of_a_property_that_it_has_deleted(known: bool) -> None:
    """Whether the route was known makes no difference: what comes is of an older order."""
    world = World()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), define("Cam", "CCD", kind="BLOB"), define("Cam", "N"))
    client = world.client(get(), blobs("Also"))
    if known:
        link.say(image("Cam", "CCD"))
        assert len(client.heard()) == 1
    link.say(delete("Cam", "CCD"), image("Cam", "CCD"))
    assert client.heard() == [delete("Cam", "CCD")]
    assert world.dropped("link") == {"duplicate": 1}


def test_the_counters_of_a_device_that_was_forgotten_do_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inditree.core.desk.COUNTED_DEVICES", 0)
    world = World()
    camera = world.driver(define("Cam", "CCD", kind="BLOB"))
    client = world.client(get(), blobs("Also"))
    client.stuck = True
    camera.say(image("Cam", "CCD"))
    camera.say(delete("Cam"))
    assert "Cam" not in world.core.counters.devices
    client.stuck = False
    assert len(client.heard()) == 2
    assert "Cam" not in world.core.counters.devices
