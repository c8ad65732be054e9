"""Work grows with what comes in: no loop over all devices for each device, none over all peers for each property."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from core.world import Actor, World, blobs, define, delete, get, request, update
from growth import grows
from inditree.core import Policy

FEW, MANY = 250, 2000


def linked(world: World, devices: int, kind: str = "Number", name: str = "THEM") -> Actor:
    """A link with so many devices of one property each."""
    link = world.join("client", f"link {name}")
    link.say(get(inditree="1", via=name))
    said = [
        define(f"D{number}", "P", kind=kind).replace(" device", f' via="{name}" device', 1) for number in range(devices)
    ]
    link.say_at_once(*said)
    link.heard()
    return link


def seconds(what: Callable[[], object]) -> float:
    gc.collect()
    begin = time.process_time()
    what()
    return time.process_time() - begin


def grows_linearly(cost: Callable[[int], float]) -> None:
    """Eight times as many cost at most sixteen times as much; what is quadratic costs 64 times."""
    grows(cost, FEW, MANY, times=2 * MANY / FEW)


@pytest.mark.parametrize("kind", ["Number", "BLOB"])
def test_a_link_that_hangs_up(kind: str) -> None:
    def cost(devices: int) -> float:
        world = World()
        world.client(get(), blobs("Also"))
        link = linked(world, devices, kind)
        world.join("client").say(get(inditree="1", via="OTHER"))
        return seconds(lambda: world.core.leave(link.peer, "eof"))

    grows_linearly(cost)


def test_the_end_of_the_pauses() -> None:
    def cost(devices: int) -> float:
        world = World()
        link = linked(world, devices)
        world.join("client").say(get(inditree="1", via="OTHER"))
        link.leave()

        def passes() -> None:
            for _ in range(60):
                world.later(0.01)

        return seconds(passes)

    grows_linearly(cost)


def test_a_link_that_deletes_one_device_after_the_other() -> None:
    def cost(devices: int) -> float:
        world = World()
        world.client(get(), blobs("Also"))
        link = linked(world, devices, "BLOB")
        return seconds(lambda: link.say_at_once(*(delete(f"D{number}") for number in range(devices))))

    grows_linearly(cost)


def test_devices_that_two_links_have() -> None:
    def cost(devices: int) -> float:
        world = World()
        linked(world, devices)
        spare = linked(world, devices, name="OTHER")
        return seconds(lambda: world.core.leave(spare.peer, "eof"))

    grows_linearly(cost)


@pytest.mark.parametrize("wish", [blobs("Also"), blobs("Also", "D7"), blobs("Also", "D7", "P"), get("D7")])
def test_a_wish_for_one_device_costs_no_look_at_the_others(wish: str) -> None:
    """Where many images are behind links, and many clients here."""

    def cost(clients: int) -> float:
        world = World()
        for _ in range(clients):
            world.core.join("client", "idle")
        linked(world, 200, "BLOB")
        one = world.client(get("D7"))
        return seconds(lambda: one.say_at_once(*[wish, wish.replace("Also", "Never")] * 20))

    grows(cost, 50, 1000, times=4, spare=0.01)


@pytest.mark.parametrize("what", ["define", "update", "claim", "echo"])
def test_who_has_asked_for_nothing_costs_nothing(what: str) -> None:
    said = {
        "define": [define("Cam", f"P{number}") for number in range(100)],
        "update": [update("Cam", f"P{number}") for number in range(100)],
        "claim": [define(f"D{number}", "P") for number in range(100)],
        "echo": [f'<newNumberVector device="Cam" name="P{number}"/>' for number in range(100)],
    }[what]

    def cost(clients: int) -> float:
        world = World()
        driver = world.driver(define("Cam", "P"))
        for _ in range(clients):
            world.core.join("client", "idle", Policy(listener="l", peers="none"))
        client = world.client(get())
        speaker = client if what == "echo" else driver
        return seconds(lambda: speaker.say_at_once(*said))

    grows(cost, 50, 2000, times=3, spare=0.01)


def test_devices_of_who_is_gone_go_some_at_a_time_and_are_nobodys_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inditree.core.devices.LOST_AT_ONCE", 2)
    world = World()
    client = world.client(get())
    driver = world.driver(*(define(f"D{number}", "P") for number in range(7)))
    client.heard()
    world.core.leave(driver.peer, "eof")
    assert client.heard() == [delete("D0"), delete("D1")]
    client.say(request("D5", "P"))
    assert client.heard()[0] == delete("D5")
    world.driver(define("D6", "P", 2))
    assert client.heard() == [delete("D6"), define("D6", "P", 2)]
    world.core.tick()
    assert client.heard() == [delete("D2"), delete("D3")]
    world.later(0.001)
    assert client.heard() == [delete("D4")]
    assert list(world.core.ownership.owners) == ["D6"]


def test_the_log_names_only_the_first_of_many_devices() -> None:
    world = World()
    driver = world.driver(*(define(f"D{number}", "P") for number in range(100)))
    world.logs.clear()
    driver.leave()
    assert [log.event for log in world.logs] == ["device_gone"] * 32 + ["devices_gone"]
    assert "68 more devices" in world.logs[-1].text


def test_a_property_of_thousands_of_members_is_dropped() -> None:
    """What is made of each for newcomers and pages takes a hundred times as long as to pass it on."""

    def defined(number: int) -> str:
        members = "".join(f"<defNumber name='{each}'>0</defNumber>" for each in range(number))
        return f"<defNumberVector device='D' name='P{number}'>{members}</defNumberVector>"

    world = World()
    client, driver = world.client(get()), world.driver()
    driver.say(defined(4097), defined(4096), defined(4097))
    assert list(world.core.view.devices["D"].properties) == ["P4096"]
    assert [each.count("<defNumber ") for each in client.heard()] == [4096]
    assert [(fault.place, fault.reasons) for fault in driver.framer.faults] == [("D.P4097", ("too_large",))] * 2
    assert not driver.peer.gone


def test_a_link_with_thousands_of_devices_is_some_lines_of_the_log() -> None:
    world = World()
    linked(world, 600)
    said = [log.text for log in world.logs if log.event == "device"]
    assert len(world.core.ownership.owners) == 600
    assert said[0] == "D0: provided by link link THEM"
    assert said[255:] == ["D255: provided by link link THEM", "512 devices: provided by link link THEM"]


def test_who_claims_thousands_of_devices_is_told_of_some_and_all_are_conflicts() -> None:
    """A line for each is one for each 50 bytes that a stranger sends."""
    world = World()
    world.driver(*(define(f"D{number}", "P") for number in range(300)))
    link = world.join("client", "link")
    link.say(get(inditree="1", via="THEM"))
    link.say(*(define(f"D{number}", "P").replace(" device", ' via="THEM" device', 1) for number in range(300)))
    assert len(world.core.ownership.conflicts) == 300
    assert sum(log.event == "conflict" for log in world.logs) == 256
