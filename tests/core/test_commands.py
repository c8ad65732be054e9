"""docs/tree.md, "Commands": a new* goes toward the owner, its echo to clients; what could not be delivered is told."""

from __future__ import annotations

import pytest

from core.world import NOW, Actor, World, blobs, define, delete, get, image, request, update
from inditree.core import Policy


def missing(device: str) -> str:
    text = f"{device} is not there: the request was not delivered"
    return f'<message device="{device}" timestamp="{NOW}" message="{text}"/>'


def test_the_echo_goes_to_other_interested_clients_only() -> None:
    world = World()
    driver = world.driver(define("Cam", "P"))
    snooper = world.driver(get("Cam"))
    sender, one, other, silent = (
        world.client(get()),
        world.client(get("Cam", "P")),
        world.client(get("Mount")),
        world.client(),
    )
    snooper.heard()
    sender.say(request("Cam", "P"))
    assert driver.heard() == one.heard() == [request("Cam", "P")]
    assert sender.heard() == other.heard() == silent.heard() == snooper.heard() == []
    assert world.results() == ["Cam.P sent"]


def test_a_new_from_the_owner_is_an_echo() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    snooper = world.driver(get("Cam"))
    snooper.heard()
    driver.say(request("Cam", "P", 3))
    assert client.heard() == [request("Cam", "P", 3)]
    assert driver.heard() == snooper.heard() == []
    assert world.results() == []


def test_a_driver_may_command_another() -> None:
    world = World()
    mount, dome = world.driver(define("Mount", "P")), world.driver(define("Dome", "P"))
    client = world.client(get())
    dome.say(request("Mount", "P"))
    assert mount.heard() == client.heard() == [request("Mount", "P")]


def test_an_uploaded_blob_goes_to_the_owner_and_its_echo_to_who_takes_blobs() -> None:
    world = World()
    driver = world.driver(define("Cam", "CCD", kind="BLOB"))
    sender, plain, eager = world.client(get()), world.client(get()), world.client(get(), blobs("Also"))
    upload = image("Cam", "CCD", tag="newBLOBVector")
    sender.say(upload)
    assert driver.heard() == eager.heard() == [upload]
    assert plain.heard() == sender.heard() == []
    assert world.results() == ["Cam.CCD sent"]


def test_a_request_for_what_is_not_there_is_told_once_until_it_has_an_owner_again() -> None:
    world = World()
    sender, other = world.client(get()), world.client(get())
    sender.say(request("Cam", "P"), request("Cam", "Q"))
    assert sender.heard() == [missing("Cam")]
    assert other.heard() == []
    assert world.results() == ["Cam.P undeliverable", "Cam.Q undeliverable"]
    assert world.dropped("client") == {"undeliverable": 2}
    other.say(request("Cam", "P"))
    assert other.heard() == [missing("Cam")]
    driver = world.driver(define("Cam", "P"))
    sender.say(request("Cam", "P"))
    assert driver.heard() == [request("Cam", "P")]
    driver.leave()
    sender.heard()
    sender.say(request("Cam", "P"), request("Cam", "P"))
    assert sender.heard() == [missing("Cam")]


def test_the_first_new_shows_interest_even_when_nobody_is_there() -> None:
    world = World()
    sender = world.client(request("Cam", "P"))
    world.driver(define("Cam", "P"))
    assert sender.heard() == [define("Cam", "P")]


def stuck_driver(world: World) -> Actor:
    driver = world.driver(define("Cam", "P"), define("Cam", "CCD", kind="BLOB"))
    driver.stuck = True
    return driver


def test_what_was_queued_to_a_driver_that_died_is_reported() -> None:
    world = World()
    driver = stuck_driver(world)
    one, two, three = world.client(get()), world.client(get()), world.client(get())
    one.say(request("Cam", "P", 1))
    driver.take()
    two.say(request("Cam", "P", 2), request("Cam", "P", 3))
    three.say(image("Cam", "CCD", tag="newBLOBVector"))
    for client in (one, two, three):
        client.heard()
    world.results()
    driver.leave()
    assert one.heard() == [delete("Cam")]
    assert two.heard() == three.heard() == [delete("Cam"), missing("Cam")]
    assert world.results() == ["Cam.P undeliverable", "Cam.CCD undeliverable", "Cam.P undeliverable"]
    assert world.dropped("client") == {"undeliverable": 3}


def test_who_was_told_so_is_not_told_again_before_it_has_an_owner() -> None:
    world = World()
    driver = stuck_driver(world)
    client = world.client(get())
    client.say(request("Cam", "P"))
    driver.leave()
    client.say(request("Cam", "P"))
    assert client.heard() == [delete("Cam"), missing("Cam")]


def test_a_request_that_was_half_taken_was_not_delivered() -> None:
    world = World()
    driver, client = stuck_driver(world), world.client(get())
    client.say(request("Cam", "P"))
    assert driver.take(10) == 10
    driver.leave()
    assert client.heard() == [delete("Cam"), missing("Cam")]


def test_a_ping_reply_that_went_ahead_does_not_stand_for_a_request() -> None:
    world = World()
    driver, client = stuck_driver(world), world.client(get())
    client.say(request("Cam", "P", 1), request("Cam", "P", 2))
    driver.say("<pingRequest uid='SetBLOB/1234567890123456789012345678901234567890123456789012345678901234567890'/>")
    driver.take(len(request("Cam", "P")) + 40)
    driver.leave()
    assert client.heard()[-1] == missing("Cam")


def test_a_request_that_was_delivered_is_not_reported_though_an_upload_was_put_out() -> None:
    world = World(queue=300)
    driver, client = stuck_driver(world), world.client(get())
    upload = image("Cam", "CCD", "A" * 200, tag="newBLOBVector")
    client.say(request("Cam", "P"), upload, upload, upload)
    (told,) = client.heard()  # of the two that were dropped: they never arrive
    assert 'message="Cam takes too slowly what is sent to it: the request was not delivered"' in told
    driver.take()
    client.say(request("Cam", "P"))
    driver.take()
    world.results()
    driver.leave()
    assert client.heard() == [delete("Cam")]
    assert world.results() == ["Cam.CCD undeliverable", "Cam.P undeliverable"]  # nobody will answer them


def test_requests_to_a_driver_that_closed_its_stdin_are_reported_when_it_goes() -> None:
    world = World()
    driver, client = stuck_driver(world), world.client(get())
    client.say(request("Cam", "P"))
    driver.peer.outbox.clear()  # what the runtime does when a write fails
    client.say(request("Cam", "P"))
    driver.peer.outbox.clear()
    world.results()
    driver.leave()
    assert client.heard() == [delete("Cam"), missing("Cam")]
    assert world.results() == ["Cam.P undeliverable"] * 2


def test_a_client_that_hangs_up_at_once_is_still_served() -> None:
    world = World()
    driver = stuck_driver(world)
    client = world.client()
    client.say(request("Cam", "P"))
    client.leave()
    driver.take()
    assert driver.heard() == [request("Cam", "P")]


def test_the_memory_of_who_was_told_is_bounded() -> None:
    world = World()
    client = world.client()
    for number in range(5000):
        client.say(request(f"Cam{number}", "P"))
    assert world.core.notices.missing <= 4096
    assert len(client.heard()) == 5000
    client.leave()
    assert not world.core.notices.missing


# Access


def test_a_read_only_client_changes_nothing_and_is_told() -> None:
    world = World()
    driver, other = world.driver(define("Cam", "P")), world.client(get())
    guest = world.join("client", policy=Policy(read_only=True))
    guest.say(get())
    assert guest.heard() == [define("Cam", "P")]
    guest.say(request("Cam", "P"))
    text = "Refused newNumberVector P: this connection is read-only"
    assert guest.heard() == [f'<message device="Cam" timestamp="{NOW}" message="{text}"/>']
    assert driver.heard() == other.heard() == []
    assert world.results() == ["Cam.P refused"]
    assert world.dropped("client") == {"access": 1}
    driver.say(update("Cam", "P"))
    assert guest.heard() == [update("Cam", "P")]


def test_a_listener_may_show_some_devices_only() -> None:
    world = World()
    camera = world.driver(define("CCD 1", "P"), define("CCD 1", "CCD", kind="BLOB"))
    mount = world.driver(define("Mount", "P"))
    guest, other = world.client(policy=Policy(devices=("CCD*",))), world.client(get())
    guest.say(get(), get("Mount"), blobs("Also"))
    assert guest.tags() == ["defNumberVector CCD 1.P", "defBLOBVector CCD 1.CCD"]
    mount.say(update("Mount", "P"), say_mount := '<message device="Mount" message="x"/>', image("Mount", "B"))
    other.say(request("Mount", "P"))
    assert guest.heard() == []
    assert say_mount in other.heard()
    camera.say(update("CCD 1", "P"), image("CCD 1", "CCD"))
    assert guest.tags() == ["setNumberVector CCD 1.P", "setBLOBVector CCD 1.CCD"]
    world.results()
    guest.say(request("Mount", "P"))
    text = "Refused newNumberVector P: Mount is not open to this connection"
    assert guest.heard() == [f'<message device="Mount" timestamp="{NOW}" message="{text}"/>']
    assert mount.heard() == [request("Mount", "P")]  # the other's
    assert world.results() == ["Mount.P refused"]
    mount.leave()
    assert guest.heard() == []


@pytest.mark.parametrize("peers", ["links", "none"])
def test_a_client_may_not_define_where_only_links_may(peers: str) -> None:
    world = World()
    witness = world.client(get())
    client = world.client(get(), policy=Policy(peers=peers))
    client.say(define("Cam", "P"), define("Cam", "P"))
    assert witness.heard() == []
    assert world.dropped("client") == {"access": 2}
    assert world.events() == ["define_refused"]


def test_any_connection_may_define_where_any_may() -> None:
    world = World()
    witness = world.client(get())
    server = world.client(get(), policy=Policy(peers="any"))
    server.say(define("Cam", "P"), update("Cam", "P"))
    assert witness.heard() == [define("Cam", "P"), update("Cam", "P")]
    witness.say(request("Cam", "P"))
    assert server.heard() == [request("Cam", "P")]
    server.leave()
    assert witness.heard() == [delete("Cam")]


@pytest.mark.parametrize("first", [get("*"), get(inditree="1", via="OTHER")])
def test_nobody_who_connects_is_a_link_where_none_may(first: str) -> None:
    world = World()
    driver = world.driver(define("Cam", "P"))
    client = world.join("client", policy=Policy(peers="none"))
    client.say(first)
    assert client.peer.kind == "client"
    assert client.heard() == [define("Cam", "P")]
    driver.say(update("Cam", "P"))
    assert client.heard() == [update("Cam", "P")]
