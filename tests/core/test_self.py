"""docs/wire.md, "Who gets what": a driver that asked for its own device by name hears it, as with indiserver."""

from __future__ import annotations

import pytest

from core.world import Actor, World, blobs, define, delete, get, image, say, update

EMPTY = '<setBLOBVector device="Cam" name="CCD" state="Busy"/>'
KINDS = ("driver", "inprocess")


def camera(world: World, kind: str, *said: str) -> Actor:
    """A camera with a wheel inside: two devices of one process, and what it asked for."""
    driver = world.join(kind, "camera")
    driver.say(define("Cam", "P"), define("Cam", "CCD", kind="BLOB"), define("Wheel", "SLOT"), *said)
    driver.heard()
    return driver


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("device", ["Cam", "Wheel"])
def test_it_hears_its_own_device_and_a_sister_device(kind: str, device: str) -> None:
    world = World()
    driver = camera(world, kind, get(device))
    said = [define(device, "Q"), update(device, "Q"), say("cold", device), delete(device, "Q"), delete(device)]
    driver.say(*said)
    assert driver.heard() == said


@pytest.mark.parametrize("kind", KINDS)
def test_it_hears_what_it_says_in_one_read(kind: str) -> None:
    world = World()
    driver = camera(world, kind, get("Wheel", "SLOT"))
    driver.say_at_once(update("Cam", "P"), update("Wheel", "SLOT", 2), update("Cam", "P"), update("Wheel", "SLOT", 3))
    assert driver.heard() == [update("Wheel", "SLOT", 2), update("Wheel", "SLOT", 3)]


def test_what_is_defined_already_is_the_answer() -> None:
    world = World()
    driver = camera(world, "driver")
    driver.say(get("Wheel"))
    assert driver.heard() == [define("Wheel", "SLOT")]


def test_it_may_ask_before_it_defines() -> None:
    """libindi's drivers snoop as they begin."""
    world = World()
    driver = world.driver(get("Cam", "FILTER_NAME"))
    said = [
        define("Cam", "FILTER_NAME", "Ha", "Text"),
        define("Cam", "P"),
        update("Cam", "FILTER_NAME", "OIII", "Text"),
    ]
    driver.say(*said)
    assert driver.heard() == [said[0], said[2]]


@pytest.mark.parametrize("forwarded", [False, True])
def test_its_own_question_never_comes_back(forwarded: bool) -> None:
    """A driver that snoops in each answer would loop."""
    world = World(forwarded=forwarded)
    driver = world.driver(define("Cam", "P"))
    driver.say(get("Cam"), get("Cam", "P"), get(), get("Nobody"))
    assert not [line for line in driver.heard() if "getProperties" in line]


def test_a_question_without_a_device_is_about_others() -> None:
    world = World()
    world.driver(define("Mount", "P"))
    driver = camera(world, "driver")
    driver.say(get())
    assert driver.heard() == [define("Mount", "P")]
    driver.say(update("Cam", "P"), delete("Cam", "P"), say("cold", "Cam"))
    assert driver.heard() == []


def test_its_images_where_it_enabled_them() -> None:
    world = World()
    driver = camera(world, "driver", get("Cam", "CCD"))
    driver.say(image("Cam", "CCD"), EMPTY)
    assert driver.heard() == []
    driver.say(blobs("Also", "Cam", "CCD"), image("Cam", "CCD"), EMPTY)
    assert driver.heard() == [image("Cam", "CCD"), EMPTY]


def test_enabling_images_of_all_is_no_wish_for_its_own() -> None:
    world = World()
    driver = camera(world, "driver", blobs("Also"), get())
    driver.say(image("Cam", "CCD"))
    assert driver.heard() == []


def test_who_is_gone_is_told_nothing() -> None:
    world = World()
    client = world.client(get())
    driver = camera(world, "driver", get("Cam"), get("Wheel"))
    client.heard()
    driver.leave()
    assert client.heard() == [delete("Cam"), delete("Wheel")]
    assert driver.read() == b""


def test_a_link_hears_nothing_of_its_own() -> None:
    world = World()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), get("Cam"), define("Cam", "P"))
    link.heard()
    link.say(update("Cam", "P"), get("Cam"))
    assert link.heard() == []
