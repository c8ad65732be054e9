"""Commands that are sent are followed until their property has answered: counted, audited, and told to who asked."""

from __future__ import annotations

import pytest

from core.world import Actor, World, define, delete, get, image, request, update
from inditree.commands import ANSWER, PATIENCE
from inditree.core import Policy
from inditree.core.commands import OPEN_BYTES, OPEN_LIMIT
from inditree.counters import UNKNOWN_COMMANDS
from inditree.view.properties import Property


def said(state: str, value: object = 1, name: str = "P", message: str = "") -> str:
    more = f' message="{message}"' if message else ""
    one = f'<oneNumber name="V">{value}</oneNumber>'
    return f'<setNumberVector device="Cam" name="{name}" state="{state}"{more}>{one}</setNumberVector>'


def counted(world: World) -> dict[str, dict[str, int]]:
    return {device: dict(table) for device, table in world.core.counters.commands.items()}


def timed(world: World) -> tuple[int, float]:
    histogram = world.core.counters.command_seconds
    return sum(histogram.counts), round(histogram.total, 6)


def camera(world: World) -> Actor:
    return world.driver(define("Cam", "P"), define("Cam", "Q"))


def test_a_slew_lasts_until_it_is_no_longer_busy() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5))
    driver.say(said("Busy", 2))
    world.later(60.0)
    driver.say(said("Busy", 4))
    assert counted(world) == {}
    driver.say(said("Ok", 5))
    assert counted(world) == {"Cam": {"ok": 1}}
    assert timed(world) == (1, 60.0)
    assert world.results() == ["Cam.P sent", "Cam.P ok"]
    driver.say(said("Busy", 5), said("Alert", 5))
    assert counted(world) == {"Cam": {"ok": 1}}
    assert not world.core.state.commands.open


def test_all_of_a_read_is_looked_at() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5))
    driver.say_at_once(said("Busy", 1), said("Busy", 2), said("Alert", 3), said("Ok", 9))
    assert counted(world) == {"Cam": {"alert": 1}}


def test_what_it_says_of_others_is_no_answer() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    other = world.driver(define("Dome", "P"))
    client.say(request("Cam", "P", 5))
    driver.say(said("Alert", 5, "Q"))
    other.say(update("Dome", "P", 5))
    other.say(said("Alert", 5))  # of a device that is not its own
    assert counted(world) == {}


def test_where_a_mount_is_each_second_is_no_answer_within_two() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5))
    driver.say(said("Ok", 1))
    world.later(1.0)
    driver.say(said("Ok", 2))
    world.later(ANSWER - 1.1)
    assert counted(world) == {}
    world.later(0.1)
    assert counted(world) == {"Cam": {"ok": 1}}
    assert timed(world) == (1, ANSWER)


def test_a_member_that_the_answer_does_not_name_has_its_present_value() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    driver.say(said("Ok", 5))
    client.say(request("Cam", "P", "0:300"))
    driver.say('<setNumberVector device="Cam" name="P" state="Ok"/>')
    assert counted(world) == {"Cam": {"ok": 1}}


def test_an_answer_in_no_plain_layout_counts() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5))
    head = '<setNumberVector name="P" device="Cam" state="Alert" message="a &amp; b">'
    driver.say(head + '<oneNumber name="V">&#53;</oneNumber></setNumberVector>')
    assert counted(world) == {"Cam": {"alert": 1}}


def test_one_that_is_never_answered_ends_after_ten_minutes() -> None:
    world = World()
    camera(world)
    client = world.client(get())
    client.say(request("Cam", "P", 5))
    world.later(PATIENCE - 1.0)
    assert counted(world) == {}
    world.later(1.0)
    assert counted(world) == {"Cam": {"timeout": 1}}
    assert timed(world) == (1, PATIENCE)


def test_a_later_command_supersedes_it_and_is_not_timed() -> None:
    world = World()
    driver, client, other = camera(world), world.client(get()), world.client(get())
    client.say(request("Cam", "P", 5))
    other.say(request("Cam", "P", 6), request("Cam", "Q", 1))
    assert counted(world) == {"Cam": {"superseded": 1}}
    assert timed(world) == (0, 0.0)
    driver.say(said("Ok", 6))
    assert counted(world) == {"Cam": {"superseded": 1, "ok": 1}}
    assert world.results() == ["Cam.P sent", "Cam.P sent", "Cam.P superseded", "Cam.Q sent", "Cam.P ok"]


def test_a_driver_that_dies_under_way() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5), request("Cam", "Q", 5))
    driver.say(said("Busy", 2))
    world.later(7.0)
    driver.leave()
    assert counted(world) == {"Cam": {"undeliverable": 2}}
    assert timed(world) == (2, 14.0)


def test_a_property_that_goes_answers_nothing() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    client.say(request("Cam", "P", 5), request("Cam", "Q", 5))
    driver.say(delete("Cam", "P"))
    assert counted(world) == {"Cam": {"undeliverable": 1}}


def test_what_is_refused_or_has_no_owner_is_counted_and_not_timed() -> None:
    world = World()
    camera(world)
    guest, client = world.join("client", policy=Policy(read_only=True)), world.client()
    guest.say(request("Cam", "P"))
    client.say(request("Elsewhere", "P"))
    assert counted(world) == {"Cam": {"refused": 1}, "Elsewhere": {"undeliverable": 1}}
    assert timed(world) == (0, 0.0)


def test_what_never_reached_the_driver_is_counted_once() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    driver.stuck = True
    client.say(request("Cam", "P", 1))
    world.results()
    driver.leave()
    assert world.results() == ["Cam.P undeliverable"]
    assert counted(world) == {"Cam": {"undeliverable": 1}}


def test_an_upload_is_answered_by_any_state_but_busy() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "CCD", kind="BLOB")), world.client(get())
    client.say(image("Cam", "CCD", tag="newBLOBVector"))
    driver.say('<setBLOBVector device="Cam" name="CCD" state="Busy"/>')
    assert counted(world) == {}
    driver.say('<setBLOBVector device="Cam" name="CCD" state="Ok"/>')
    assert counted(world) == {"Cam": {"ok": 1}}


def test_a_command_that_comes_from_another_router_was_followed_there() -> None:
    world = World()
    driver = camera(world)
    link = world.client(get(inditree="1", via="FAR"))
    assert link.peer.is_router
    link.say(request("Cam", "P", 5), request("Elsewhere", "P", 5))
    driver.say(said("Ok", 5))
    assert counted(world) == {}
    assert world.results() == ["Cam.P sent", "Elsewhere.P undeliverable"]


def test_an_observer_learns_how_its_commands_ended() -> None:
    world = World()
    driver, observer, client = camera(world), world.join("observer", "reactions"), world.client(get())
    observer.say(request("Cam", "P", 5), request("Nowhere", "P", 5), request("Cam", "Q", 1))
    driver.say(said("Busy", 1), '<message device="Cam" message="hot"/>')
    driver.say(said("Alert", 1, message="below the horizon"))
    client.say(request("Cam", "Q", 2))
    ended = [
        (each.element.device, each.element.name, each.outcome.result, each.outcome.messages) for each in world.answers
    ]
    assert ended == [
        ("Nowhere", "P", "undeliverable", ()),
        ("Cam", "P", "alert", ("hot", "below the horizon")),
        ("Cam", "Q", "superseded", ("hot",)),
    ]
    assert {each.peer for each in world.answers} == {observer.peer}


def test_what_is_audited_of_an_end() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    driver.say(said("Ok", 3))
    client.say(request("Cam", "P", 5))
    client.leave()
    world.later(2.5)
    driver.say(said("Ok", 5))
    _, ended = world.audits
    assert (ended.client, ended.result, ended.seconds) == (client.peer.name, "ok", 2.5)
    assert ended.before == (define("Cam", "P").encode() + b"\n", said("Ok", 3).encode())


def test_no_more_are_open_than_fit() -> None:
    world = World()
    camera(world)
    client = world.client(get())
    commands = world.core.state.commands
    for number in range(OPEN_LIMIT + 10):
        client.say(request("Cam", f"P{number}"))
    assert len(commands.open) == OPEN_LIMIT
    assert counted(world) == {"Cam": {"timeout": 10}}
    assert next(iter(commands.open)) == ("Cam", "P10")


def test_large_ones_are_fewer() -> None:
    world = World()
    camera(world)
    client = world.client(get())
    for number in range(OPEN_LIMIT):
        client.say(request("Cam", f"P{number}", "x" * 8000, "Text"))
    assert 0 < len(world.core.state.commands.open) < OPEN_BYTES / 8000
    world.driver().leave()
    world.actors[0].leave()
    assert world.core.state.commands._bytes == 0
    assert not world.core.state.commands._names


def test_made_up_devices_have_no_table_each() -> None:
    world = World()
    client = world.client()
    for number in range(100):
        client.say(request(f"X{number}", "P"))
    assert len(counted(world)) == UNKNOWN_COMMANDS + 1
    assert counted(world)["_other"] == {"undeliverable": 100 - UNKNOWN_COMMANDS}
    world.driver(define("Cam", "P"))
    client.say(request("Cam", "P"), request("Cam", "P"))
    assert counted(world)["Cam"] == {"superseded": 1}


def test_a_run_of_another_property_is_not_taken_apart_for_an_open_command(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    driver = world.driver(
        '<defNumberVector device="D" name="A" perm="rw"><defNumber name="x">1</defNumber></defNumberVector>',
        '<defNumberVector device="D" name="B" perm="rw"><defNumber name="x">1</defNumber></defNumberVector>',
    )
    client = world.client("<getProperties version='1.7'/>")
    client.say('<newNumberVector device="D" name="A"><oneNumber name="x">2</oneNumber></newNumberVector>')
    looked: list[str] = []
    passed = Property.passed

    def counted(self: Property, data: bytes, first: int, last: int, end: int) -> list[bytes]:
        looked.append(self.name)
        return passed(self, data, first, last, end)

    monkeypatch.setattr(Property, "passed", counted)
    said = '<setNumberVector device="D" name="{}" state="Ok"><oneNumber name="x">2</oneNumber></setNumberVector>'
    driver.say(said.format("B"))
    driver.say(said.format("A"))
    assert looked == ["A"]
