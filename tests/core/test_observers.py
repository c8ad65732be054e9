"""A part of the router itself as a peer: it hears and commands as a client does, and is neither client nor driver."""

from __future__ import annotations

from core.world import World

DEFINITION = '<defNumberVector device="Cam" name="N" perm="rw"><defNumber name="x">1</defNumber></defNumberVector>'
COMMAND = '<newNumberVector device="Cam" name="N"><oneNumber name="x">2</oneNumber></newNumberVector>'


def test_it_hears_what_a_client_hears_whole() -> None:
    world = World()
    driver = world.driver(DEFINITION)
    observer = world.join("observer", "record")
    observer.say("<getProperties version='1.7'/>")
    assert observer.tags() == ["defNumberVector Cam.N"]
    driver.say('<setNumberVector device="Cam" name="N"><oneNumber name="x">3</oneNumber></setNumberVector>')
    driver.say("<message message='to all'/>")
    assert observer.tags() == ["setNumberVector Cam.N", "message"]


def test_what_it_commands_is_delivered_and_audited() -> None:
    world = World()
    driver = world.driver(DEFINITION)
    driver.heard()
    observer = world.join("observer", "reactions")
    observer.say(COMMAND)
    assert driver.tags() == ["newNumberVector Cam.N"]
    assert world.results() == ["Cam.N sent"]


def test_it_is_asked_nothing_and_may_define_nothing() -> None:
    world = World()
    observer = world.join("observer", "record")
    observer.say("<getProperties version='1.7'/>")
    world.driver("<getProperties version='1.7' device='Elsewhere'/>")
    assert observer.tags() == []
    observer.say(DEFINITION)
    assert "Cam" not in world.core.view.devices
