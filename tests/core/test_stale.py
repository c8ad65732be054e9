"""docs/wire.md, "A definition that is old": it is noticed, asked for anew, and everybody hears what differs."""

from __future__ import annotations

import pytest

from core.world import Actor, World, blobs, define, delete, get, image, update
from inditree.tree.link import Link
from inditree.view.plain import LOOKED_AT

KEYS = ("RAW8", "RAW16")


def formats(*members: str, state: str = "Idle", perm: str = "rw", label: str = "l") -> str:
    inside = "".join(f'<defSwitch name="{name}">Off</defSwitch>' for name in members)
    of = f'device="Cam" name="FORMAT" label="{label}" state="{state}" perm="{perm}" rule="OneOfMany" timeout="0"'
    return f"<defSwitchVector {of}>{inside}</defSwitchVector>"


def chosen(*members: str, value: str = "On") -> str:
    inside = "".join(f'<oneSwitch name="{name}">{value}</oneSwitch>' for name in members)
    return f'<setSwitchVector device="Cam" name="FORMAT" state="Ok">{inside}</setSwitchVector>'


def camera(world: World, *said: str) -> Actor:
    driver = world.driver(define("Cam", "P"), *(said or [formats()]), name="camera")
    driver.heard()
    return driver


def test_a_member_that_is_not_defined_asks_the_driver_once() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    driver.say(chosen(*KEYS), chosen(*KEYS), chosen("RAW8"))
    assert driver.heard() == [get("Cam", "FORMAT")]
    client.heard()
    driver.say(formats(*KEYS))
    assert client.heard() == [delete("Cam", "FORMAT"), formats(*KEYS)]
    driver.say(chosen(*KEYS))
    assert driver.heard() == []
    assert client.heard() == [chosen(*KEYS)]


@pytest.mark.parametrize("kind", ["driver", "inprocess"])
def test_a_newcomer_is_told_the_new_definition(kind: str) -> None:
    world = World()
    driver = world.join(kind, "camera")
    driver.say(formats(), chosen(*KEYS))
    assert driver.heard() == [get("Cam", "FORMAT")]
    driver.say(formats(*KEYS))
    client = world.join("client")
    client.say(get())
    assert client.heard() == [formats(*KEYS)]


def test_it_is_noticed_far_behind_the_beginning_of_a_run_and_before_a_whole_element() -> None:
    """As a driver that connects says it: much at once, after it was silent."""
    world = World()
    driver = camera(world)
    others = [update("Cam", "P", value=str(number)) for number in range(100)]
    assert len("".join(others)) > 2 * LOOKED_AT
    driver.say_at_once(*others, chosen(*KEYS), chosen(), *others)
    assert driver.heard() == [get("Cam", "FORMAT")]


def test_it_is_noticed_in_a_run_of_many_too() -> None:
    world = World()
    driver = camera(world)
    driver.say_at_once(update("Cam", "P"), chosen(*KEYS), update("Cam", "P"))
    assert driver.heard() == [get("Cam", "FORMAT")]


@pytest.mark.parametrize("between", [[], [update("Cam", "P"), update("Cam", "P", 2)]])
def test_it_is_noticed_in_front_of_an_update_that_says_all_that_is_known(between: list[str]) -> None:
    """Once only the last one of a read was looked at where that made the ones before it unnecessary."""
    world = World()
    driver = camera(world, formats("RAW8"))
    driver.say_at_once(chosen("RAW8"), chosen("RAW16"), *between, chosen("RAW8"))
    assert driver.heard() == [get("Cam", "FORMAT")]


def test_updates_of_known_members_ask_for_nothing() -> None:
    world = World()
    driver = camera(world, formats(*KEYS))
    driver.say_at_once(chosen("RAW8"), update("Cam", "P"), update("Cam", "P"), chosen("RAW16"), chosen(*KEYS))
    assert driver.heard() == []


def test_an_answer_without_the_member_is_the_end_of_it() -> None:
    world = World()
    driver, client = camera(world), world.client(get())
    driver.say(chosen("RAW8"))
    driver.heard(), client.heard()
    driver.say(formats(state="Ok"))
    assert client.heard() == []
    driver.say(chosen("RAW8"), delete("Cam", "FORMAT"), formats(), chosen("RAW8"))
    assert driver.heard() == []


def test_members_that_change_again_are_asked_for_again() -> None:
    world = World()
    driver = camera(world)
    driver.say(chosen("RAW8"))
    driver.heard()
    driver.say(formats("RAW8"), chosen("RAW16"))
    assert driver.heard() == [get("Cam", "FORMAT")]


def test_a_driver_that_was_started_again_is_asked_again() -> None:
    world = World()
    camera(world).leave()
    driver = camera(world)
    driver.say(chosen("RAW8"))
    assert driver.heard() == [get("Cam", "FORMAT")]


def test_an_image_of_a_member_that_is_not_defined_asks_too() -> None:
    world = World()
    driver = world.driver(define("Cam", "CCD", kind="BLOB"))
    driver.say(image("Cam", "CCD"))
    assert driver.heard() == []
    driver.say(image("Cam", "CCD").replace('"V"', '"W"'))
    assert driver.heard() == [get("Cam", "CCD")]


def test_a_router_is_not_asked_as_it_notices_itself() -> None:
    world = World()
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), formats(), chosen("RAW8"))
    assert get("Cam", "FORMAT") not in link.heard()


def test_another_server_is_asked_for_its_driver() -> None:
    world = World()
    link = world.join("link", link=Link(opener=True, path_id="there"))
    link.say(formats(), chosen("RAW8"))
    assert get("Cam", "FORMAT") in link.heard()


def test_interest_and_blob_wishes_stay() -> None:
    world = World()
    driver = camera(world, define("Cam", "CCD", kind="BLOB"))
    client = world.client(get("Cam", "CCD"), blobs("Also", "Cam", "CCD"))
    driver.say(image("Cam", "CCD").replace('"V"', '"W"'))
    client.heard()
    new = define("Cam", "CCD", kind="BLOB").replace('name="V"', 'name="W"')
    driver.say(new, image("Cam", "CCD").replace('"V"', '"W"'))
    assert client.heard() == [delete("Cam", "CCD"), new, image("Cam", "CCD").replace('"V"', '"W"')]


def test_what_is_behind_a_link_hears_the_new_definition_too() -> None:
    world = World()
    driver = camera(world)
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"))
    link.heard()
    driver.say(chosen(*KEYS), formats(*KEYS))
    assert link.tags() == ["setSwitchVector Cam.FORMAT", "delProperty Cam.FORMAT", "defSwitchVector Cam.FORMAT"]


@pytest.mark.parametrize("new", [formats("A", "B", perm="ro"), formats("A"), formats("B", "A"), formats("A", "C")])
def test_asked_by_hand_a_changed_definition_is_deleted_first(new: str) -> None:
    world = World()
    driver, client = camera(world, formats("A", "B")), world.client(get())
    assert world.core.refresh("Cam")
    assert driver.heard() == [get("Cam")]
    driver.say(new, define("Cam", "P"))
    assert client.heard() == [delete("Cam", "FORMAT"), new]


def test_asked_by_hand_changed_values_are_set() -> None:
    world = World()
    driver, client = camera(world, formats("A", "B")), world.client(get())
    world.core.refresh("Cam")
    driver.say(formats("A", "B", state="Ok").replace('"A">Off', '"A">On'), define("Cam", "P", 7))
    client_heard = client.heard()
    assert client_heard == [
        '<setSwitchVector device="Cam" name="FORMAT" state="Ok" timeout="0"><oneSwitch name="A">On</oneSwitch>'
        '<oneSwitch name="B">Off</oneSwitch></setSwitchVector>',
        '<setNumberVector device="Cam" name="P" state="Idle" timeout="0"><oneNumber name="V">7</oneNumber>'
        "</setNumberVector>",
    ]
    late = world.join("client")
    late.say(get("Cam", "P"))
    assert late.heard() == [define("Cam", "P", 7)]


def test_asked_by_hand_what_was_not_known_is_defined_and_labels_are_for_newcomers() -> None:
    world = World()
    driver, client = camera(world, formats("A")), world.client(get())
    world.core.refresh("Cam")
    driver.say(formats("A", label="new"), define("Cam", "Q"))
    assert client.heard() == [define("Cam", "Q")]
    late = world.join("client")
    late.say(get("Cam", "FORMAT"))
    assert late.heard() == [formats("A", label="new")]


def test_a_driver_that_defines_again_of_itself_is_passed_on_as_it_comes() -> None:
    world = World()
    driver, client = camera(world, formats("A")), world.client(get())
    driver.say(formats("A"), formats("A", "B"))
    assert client.heard() == [formats("A"), formats("A", "B")]
    world.core.refresh("Cam")
    world.later(60)
    driver.say(formats("A", "B", "C"))
    assert client.heard() == [formats("A", "B", "C")]


def test_a_device_that_is_not_there_or_at_another_router_is_not_asked() -> None:
    world = World()
    assert not world.core.refresh("Cam")
    link = world.join("client")
    link.say(get(inditree="1", via="THEM"), define("Cam", "P"))
    assert not world.core.refresh("Cam")


def test_forwarded_the_definition_goes_to_whoever_asked_for_it_as_well() -> None:
    world = World(forwarded=True)
    driver, client = camera(world), world.client(get())
    driver.heard()
    driver.say(chosen(*KEYS))
    assert driver.heard() == [get("Cam", "FORMAT")]
    client.heard()
    driver.say(formats(*KEYS), define("Cam", "P"))
    assert client.heard() == [delete("Cam", "FORMAT"), formats(*KEYS), define("Cam", "P")]


def test_of_old_definitions_without_end_some_are_asked_for() -> None:
    world = World()
    driver = world.driver(*(formats().replace("FORMAT", f"F{number}") for number in range(1100)))
    driver.heard()
    for number in range(1100):
        driver.say(chosen(*KEYS).replace("FORMAT", f"F{number}"))
    assert len(driver.heard()) == 1024
