"""docs/wire.md, "The view": a getProperties is answered from it, at once and to the asker only."""

from __future__ import annotations

from core.world import World, blobs, define, delete, get, image, say, update


def folded(data: str, **changes: str) -> str:
    for key, value in changes.items():
        data = data.replace(key, value)
    return data


def test_an_answer_goes_to_the_asker_only_and_costs_drivers_nothing() -> None:
    world = World()
    driver, old = world.driver(define("Cam", "P")), world.client(get())
    new = world.join("client")
    new.say(get(), get("Cam"), get("Cam", "P"))
    assert new.heard() == [define("Cam", "P")] * 3
    assert old.heard() == driver.heard() == []


def test_the_answer_has_the_newest_values_and_no_message() -> None:
    world = World()
    driver = world.driver(define("Cam", "P", 1))
    driver.say(
        '<setNumberVector device="Cam" name="P" state="Busy" timeout="5" timestamp="T1" message="going">'
        '<oneNumber name="V" max="20">7</oneNumber></setNumberVector>'
    )
    new = world.join("client")
    new.say(get())
    (answer,) = new.heard()
    assert answer == folded(
        define("Cam", "P", 1), **{'"Idle"': '"Busy"', 'timeout="0"': 'timeout="5" timestamp="T1"'}
    ).replace('max="9"', 'max="20"').replace(">1<", ">7<")


def test_a_snooping_driver_is_answered_from_the_view_too() -> None:
    world = World()
    mount = world.driver(define("Mount", "P"), update("Mount", "P", 8))
    dome = world.driver(get("Mount"))
    assert ">8<" in dome.heard()[0]
    assert mount.heard() == []


def test_a_repeated_definition_replaces_the_property_whole() -> None:
    world = World()
    driver = world.driver(define("Cam", "P", 1), update("Cam", "P", 2), define("Cam", "P", "text", "Text"))
    new = world.join("client")
    new.say(get())
    assert new.heard() == [define("Cam", "P", "text", "Text")]
    driver.say(update("Cam", "P", 5))
    new.heard()
    new.say(get())
    assert new.heard() == [define("Cam", "P", "text", "Text")]


def test_a_set_without_a_definition_is_for_snooping_drivers_alone_and_is_not_kept() -> None:
    """No client can do anything with it; a driver reads it without a definition. A driver that restarts says such."""
    world = World()
    client, dome = world.client(get()), world.driver(get("Cam"))
    driver = world.driver(update("Cam", "P", 4), update("Cam", "Q", 4))
    assert client.heard() == []
    assert dome.heard() == [update("Cam", "P", 4), update("Cam", "Q", 4)]
    dome.leave()
    driver.say(update("Cam", "P", 5))
    assert world.dropped("driver") == {"duplicate": 1}
    driver.say(define("Cam", "P", 1), update("Cam", "P", 1), delete("Cam", "P"), update("Cam", "P", 6))
    assert client.heard() == [define("Cam", "P", 1), update("Cam", "P", 1), delete("Cam", "P")]
    driver.say(define("Cam", "P", 1))
    new = world.join("client")
    new.say(get())
    assert new.heard() == [define("Cam", "P", 1)]


def test_what_was_deleted_is_not_in_the_answer() -> None:
    world = World()
    driver = world.driver(define("Cam", "P"), define("Cam", "Q"), update("Cam", "P", 3), delete("Cam", "P"))
    new = world.join("client")
    new.say(get())
    assert new.heard() == [define("Cam", "Q")]
    driver.say(define("Cam", "P"))
    assert new.heard() == [define("Cam", "P")]
    new.say(get("Cam", "P"))
    assert new.heard() == [define("Cam", "P")]
    driver.say(delete("Cam"))
    assert new.heard() == [delete("Cam")]
    new.say(get())
    assert new.heard() == []


def test_the_deletion_of_the_last_property_does_not_end_the_ownership() -> None:
    world = World()
    world.driver(define("Cam", "P"), delete("Cam", "P"))
    world.driver(define("Cam", "P"))
    assert world.dropped("driver") == {"duplicate": 1}


def test_one_read_with_a_question_between_values_is_answered_in_between() -> None:
    """No client sees an old definition after a newer set*, or a set* before its definition."""
    world = World()
    driver = world.driver(define("Cam", "P", 0))
    new = world.join("client")
    driver.say_at_once(update("Cam", "P", 1), update("Cam", "P", 2))
    new.say(get())
    driver.say_at_once(update("Cam", "P", 3), update("Cam", "P", 4))
    first, *rest = new.heard()
    assert ">2<" in first
    assert rest == [update("Cam", "P", 3), update("Cam", "P", 4)]


def test_the_answer_waits_its_turn_behind_older_values() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P", 0)), world.client(get())
    client.stuck = True
    driver.say(update("Cam", "P", 1))
    client.say(get())
    driver.say(update("Cam", "P", 2))
    client.take()
    values = [line.split("</")[0].rsplit(">", 1)[1] for line in client.heard()]
    assert values == ["1", "1", "2"]


def test_values_do_not_come_before_their_definition_to_who_asked_between() -> None:
    world = World()
    driver = world.driver()
    client = world.client(get("Cam", "Q"))
    driver.say(define("Cam", "P"), update("Cam", "P"), define("Cam", "Q"), update("Cam", "Q"))
    assert client.heard() == [define("Cam", "Q"), update("Cam", "Q")]
    client.say(get("Cam", "P"))
    driver.say(update("Cam", "P", 5))
    assert client.tags() == ["defNumberVector Cam.P", "setNumberVector Cam.P"]


def test_who_asks_again_for_less_is_answered_for_less() -> None:
    world = World()
    world.driver(define("Cam", "P"), define("Cam", "Q"))
    client = world.client(get())
    client.say(get("Cam", "Q"))
    assert client.heard() == [define("Cam", "Q")]


def test_after_a_restart_a_drivers_snoops_hold_again() -> None:
    world = World()
    mount, dome = world.driver(define("Mount", "P")), world.driver(get("Mount"), name="dome")
    dome.leave()
    subscription = dome.peer.subscription
    again = world.driver(name="dome")
    world.core.restore(again.peer, subscription)
    mount.say(update("Mount", "P"))
    assert again.heard() == [update("Mount", "P")]


def test_the_messages_are_not_part_of_the_view() -> None:
    world = World()
    world.driver(define("Cam", "P"), say("hello", "Cam"), say("all"))
    new = world.join("client")
    new.say(get())
    assert new.heard() == [define("Cam", "P")]


def test_images_on_their_way_are_not_lost_with_their_property() -> None:
    world = World()
    driver = world.driver(define("Cam", "CCD", kind="BLOB"))
    client = world.client(get(), blobs("Also"))
    client.stuck = True
    said = [image("Cam", "CCD", "AAAA"), image("Cam", "CCD", "BBBB"), delete("Cam", "CCD")]
    driver.say(*said)
    client.stuck = False
    assert client.heard() == said


def test_images_on_their_way_are_not_lost_when_the_driver_ends() -> None:
    world = World()
    driver = world.driver(define("Cam", "CCD", kind="BLOB"))
    client = world.client(get(), blobs("Also"))
    client.stuck = True
    said = [image("Cam", "CCD", "AAAA"), image("Cam", "CCD", "BBBB"), image("Cam", "CCD", "CCCC")]
    driver.say(*said)
    driver.leave()
    client.stuck = False
    assert client.heard() == [*said, delete("Cam")]


def test_a_definition_that_is_looked_up_has_what_is_being_passed_on() -> None:
    """A page's is made while the outboxes are written: before the view has taken in what is in them."""
    world = World()
    driver = world.driver(define("Cam", "P", 1))
    driver.framer.feed(update("Cam", "P", 7).encode() + b"\n")
    run = driver.framer.pull()
    assert run is not None
    world.core.receive(driver.peer, run)
    assert b">7<" in world.core.definition("Cam", "P")
    assert world.core.definition("Cam", "Q") == world.core.definition("Mount", "P") == b""
