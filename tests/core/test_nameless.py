"""Elements without a device or without a name go nowhere, and that is said: docs/wire.md, "Elements"."""

from __future__ import annotations

import pytest

from core.world import NOW, World, define, get, image, request, update
from inditree.core import Policy

TEXT = "A device or property without a name is not there: the request was not delivered"


@pytest.mark.parametrize("said", [define("", "HOME"), update("", "HOME"), image("", "HOME")])
def test_the_warning_names_driver_and_property_once(said: str) -> None:
    world = World()
    driver, client = world.driver(name="dome"), world.client(get())
    driver.say(said, said)
    assert client.heard() == []
    (log,) = [log for log in world.logs if log.event == "no_device"]
    assert "dome: " in log.text and "'HOME'" in log.text
    assert world.dropped("driver") == {"unknown": 2}


def test_the_warning_names_the_device_where_only_the_name_lacks() -> None:
    world = World()
    world.driver(define("Dome", ""), name="dome")
    assert [log.text for log in world.logs if log.event == "no_device"] == [
        "dome: <defNumberVector> without a name (device 'Dome'): dropped"
    ]


@pytest.mark.parametrize("said", [request("", "P"), request("Cam", ""), image("", "P", tag="newBLOBVector")])
def test_such_a_command_is_answered_like_any_other_that_goes_nowhere(said: str) -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client()
    client.say(said)
    assert len(client.heard()) == 1
    assert driver.heard() == []
    assert world.dropped("client") == {"undeliverable": 1}
    assert [audit.result for audit in world.audits] == ["undeliverable"]


def test_what_the_answer_says() -> None:
    world = World()
    client = world.client()
    client.say(request("", "P"))
    assert client.heard() == [f'<message timestamp="{NOW}" message="{TEXT}"/>']


def test_forwarded_a_question_for_a_device_that_the_listener_hides_goes_nowhere() -> None:
    world = World(forwarded=True)
    driver = world.driver(define("Cam", "P"), define("Mount", "P"))
    driver.heard()
    client = world.join("client", policy=Policy(listener="l", devices=("Mount",)))
    client.say(get("Cam"), get("Mount"))
    assert driver.heard() == [get("Mount")]
