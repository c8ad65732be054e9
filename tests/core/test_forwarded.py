"""docs/wire.md, `definitions: forwarded`: getProperties pass to the drivers, the answers to all who are interested."""

from __future__ import annotations

import pytest

from core.world import World, define, get, request, update
from inditree.core import Policy


def test_each_question_passes_to_every_driver_and_is_not_answered_by_us() -> None:
    world = World(forwarded=True)
    camera, mount = world.driver(define("Cam", "P")), world.driver(define("Mount", "P"))
    client = world.join("client")
    client.say(get())
    assert client.heard() == []
    assert camera.heard() == mount.heard() == [get()]


def test_the_answers_go_to_all_who_are_interested() -> None:
    world = World(forwarded=True)
    camera = world.driver(define("Cam", "P"))
    old, other, new = world.client(get()), world.client(get("Mount")), world.client(get("Cam"))
    camera.say(define("Cam", "P", 5))
    assert old.heard() == new.heard() == [define("Cam", "P", 5)]
    assert other.heard() == []


def test_a_question_for_a_device_goes_to_its_owner() -> None:
    world = World(forwarded=True)
    camera, mount = world.driver(define("Cam", "P")), world.driver(define("Mount", "P"))
    client = world.client(get("Cam", "P"))
    assert client.heard() == []
    assert camera.heard() == [get("Cam", "P")]
    assert mount.heard() == []


def test_a_question_for_what_nobody_owns_goes_to_drivers_that_may_yet_have_it() -> None:
    """As with indiserver: libindi's drivers answer with all that they have to a question for another device."""
    world = World(forwarded=True)
    camera, mount = world.driver(define("Cam", "P")), world.driver()
    world.client(get("Dome"))
    assert camera.heard() == []
    assert mount.heard() == [get("Dome")]


def test_a_snooping_drivers_question_goes_to_the_owner_and_to_no_client() -> None:
    world = World(forwarded=True)
    mount, client = world.driver(define("Mount", "P")), world.client(get())
    mount.heard()
    dome = world.driver(get("Mount"))
    assert mount.heard() == [get("Mount")]
    assert client.heard() == dome.heard() == []
    mount.say(define("Mount", "P", 2), update("Mount", "P"))
    assert dome.heard() == [define("Mount", "P", 2), update("Mount", "P")]


def test_the_version_is_made_1_7() -> None:
    """A libindi driver exits on a higher one."""
    world = World(forwarded=True)
    driver = world.driver(define("Cam", "P"))
    world.client("<getProperties version='2.0' switch='2.0'/>", "<getProperties device='Cam' version='1.8'/>")
    assert driver.heard() == [
        '<getProperties version="1.7"/>',
        '<getProperties version="1.7" device="Cam"/>',
    ]


@pytest.mark.parametrize("device", ["Cam", "Nobody's"])
@pytest.mark.parametrize("body", ["{}", "<![CDATA[></getProperties>{}]]>", "<!-- ></getProperties>{} -->"])
def test_nothing_within_a_question_reaches_a_driver(device: str, body: str) -> None:
    """Whoever may only read could command by it: libindi's reader ends CDATA and comments at their first `>`."""
    world = World(forwarded=True)
    driver = world.driver(get("Cam"), define("Cam", "P"))
    driver.heard()
    open_end = f'<getProperties version="1.7" device="{device}">'
    world.client(f"{open_end}{body.format(request('Cam', 'P'))}</getProperties>", policy=Policy(read_only=True))
    heard = driver.heard()
    assert heard == ([get("Cam")] if device == "Cam" else [])  # the question reaches it, and nothing else


def test_a_star_never_reaches_a_driver() -> None:
    """It would rename a libindi driver."""
    world = World(forwarded=True)
    driver = world.driver(define("Cam", "P"))
    world.client(get("*"), policy=Policy(peers="none"))
    world.client(get(), get("*"))
    world.client(get("*"), get("*"))
    assert set(driver.heard()) == {get()}


def test_requests_and_values_go_as_ever() -> None:
    world = World(forwarded=True)
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    driver.heard()
    client.say(request("Cam", "P"))
    assert driver.heard() == [request("Cam", "P")]
    driver.say(update("Cam", "P"))
    assert client.heard() == [update("Cam", "P")]
