"""docs/wire.md, "Elements" and "Writing": which way each element goes, and with which bytes."""

from __future__ import annotations

import pytest

from core.world import NOW, World, blobs, define, delete, get, image, request, say, update

KINDS = ("Text", "Number", "Switch", "Light")


@pytest.mark.parametrize("kind", KINDS)
def test_a_drivers_definitions_and_values_go_to_clients_with_their_bytes(kind: str) -> None:
    world = World()
    driver, client = world.driver(), world.client(get())
    said = [define("Cam", "P", "On", kind), update("Cam", "P", "Off", kind), delete("Cam", "P")]
    driver.say(*said)
    assert client.heard() == said


def test_bytes_are_not_changed() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    odd = "<setNumberVector  name='P'\tdevice='Cam' timestamp='2026-01-01T00:00:00.1' odd='&#233;'>"
    odd += "<oneNumber name='V'> 5 </oneNumber ></setNumberVector >"
    driver.say(odd)
    assert client.heard() == [odd]


def test_each_element_is_followed_by_a_newline_however_it_came() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    driver.say(update("Cam", "P", 1) + update("Cam", "P", 2) + "\n\n" + update("Cam", "P", 3) + delete("Cam", "P"))
    assert client.heard() == [update("Cam", "P", 1), update("Cam", "P", 2), update("Cam", "P", 3), delete("Cam", "P")]


def test_a_new_goes_to_its_owner_only() -> None:
    world = World()
    driver, other = world.driver(define("Cam", "P")), world.driver(define("Mount", "P"))
    client = world.client(get())
    client.say(request("Cam", "P"))
    assert driver.heard() == [request("Cam", "P")]
    assert other.heard() == []
    assert client.heard() == []


def test_a_drivers_get_properties_snoops() -> None:
    world = World()
    world.driver(define("Mount", "P"))
    mount = world.actors[0]
    dome = world.driver(define("Dome", "P"), get("Mount", "P"))
    assert dome.heard() == [define("Mount", "P")]
    mount.say(update("Mount", "P"), update("Mount", "Q"), say("slewing", "Mount"))
    assert dome.heard() == [update("Mount", "P"), say("slewing", "Mount")]
    assert mount.heard() == []


def test_a_drivers_snoop_is_not_shown_to_clients() -> None:
    world = World()
    client = world.client(get())
    world.driver(get("Mount"), get())
    assert client.heard() == []


def test_a_snooped_image_must_be_asked_for() -> None:
    world = World()
    camera = world.driver(define("Cam", "CCD", kind="BLOB"))
    guide = world.driver(get("Cam"))
    guide.heard()
    camera.say(image("Cam", "CCD"))
    assert guide.heard() == []
    guide.say(blobs("Also", "Cam"))
    camera.say(image("Cam", "CCD"))
    assert guide.heard() == [image("Cam", "CCD")]


def test_a_clients_ping_is_answered_after_everything_queued_before_it() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    client.stuck = True
    driver.say(update("Cam", "P", 1), update("Cam", "P", 2))
    client.say('<pingRequest uid="x1"/>')
    driver.say(update("Cam", "P", 3))
    client.take()
    assert client.heard() == [
        update("Cam", "P", 1),
        update("Cam", "P", 2),
        '<pingReply uid="x1"/>',
        update("Cam", "P", 3),
    ]


def test_a_drivers_ping_is_answered_ahead_of_what_waits_for_it() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    driver.stuck = True
    client.say(request("Cam", "P", 1), request("Cam", "P", 2))
    driver.say("<pingRequest uid='SetBLOB/1'/>", "<pingRequest uid='SetBLOB/2'/>")
    driver.take()
    replies = ['<pingReply uid="SetBLOB/1"/>', '<pingReply uid="SetBLOB/2"/>']
    assert driver.heard() == [request("Cam", "P", 1), *replies, request("Cam", "P", 2)]


def test_pings_are_answered_to_the_asker_only() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    client.say('<pingRequest uid="a&amp;b"/>', "<pingReply uid='nobody asked'/>")
    assert client.heard() == ['<pingReply uid="a&amp;b"/>']
    assert driver.heard() == []


def test_a_driver_that_pings_and_does_not_read_is_closed() -> None:
    world = World(queue=1000)
    driver = world.driver(name="cam")
    driver.stuck = True
    driver.say(*["<pingRequest uid='SetBLOB/1'/>"] * 100)
    assert world.closed == [("cam", "overflow")]


@pytest.mark.parametrize("kind", ["client", "driver"])
def test_an_unknown_element_is_dropped_counted_and_said_once(kind: str) -> None:
    world = World()
    witness = world.client(get())
    actor = world.join(kind)
    world.events()
    actor.say("<oddVector device='Cam' name='P'/>", "<oddVector device='Cam' name='P'>x</oddVector>")
    assert world.dropped(kind) == {"unknown": 2}
    assert world.events() == ["unknown_element"]
    assert witness.heard() == []


@pytest.mark.parametrize(
    "said", [define("Cam", "P"), update("Cam", "P"), image("Cam", "P"), delete("Cam"), delete("Cam", "P"), say("x")]
)
def test_a_client_provides_nothing(said: str) -> None:
    world = World()
    driver, witness = world.driver(define("Cam", "P")), world.client(get())
    intruder = world.client(get())
    intruder.say(said)
    assert witness.heard() == driver.heard() == []
    assert world.dropped("client") == {"access": 1}
    assert world.client(get()).peer.gone is False
    assert list(world.core.ownership.owners) == ["Cam"]


@pytest.mark.parametrize("said", ["<setNumberVector name='P'/>", "<defNumberVector device='Cam'/>", "<delProperty/>"])
def test_what_names_no_device_or_property_is_dropped(said: str) -> None:
    world = World()
    witness = world.client(get())
    world.driver(said)
    assert witness.heard() == []
    assert world.dropped("driver") == {"unknown": 1}


def test_what_the_router_writes_itself_is_utf_8() -> None:
    world = World()
    client = world.client(get())
    world.core.broadcast("Grüße")
    client.say(request("Kuppel&#252;", "P"))
    text = "Kuppelü is not there: the request was not delivered"
    assert client.heard() == [
        f'<message timestamp="{NOW}" message="Grüße"/>',
        f'<message device="Kuppelü" timestamp="{NOW}" message="{text}"/>',
    ]


def test_definitions_and_values_from_one_read_are_in_order() -> None:
    world = World()
    client, driver = world.client(get()), world.driver()
    said = [define("Cam", "P"), *(update("Cam", "P", n) for n in range(5)), define("Cam", "Q"), update("Cam", "Q")]
    driver.say_at_once(*said)
    assert client.heard() == said
