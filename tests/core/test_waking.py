"""A libindi driver that missed the reply to its ping is woken by what means nothing to it."""

from __future__ import annotations

from core.world import World, define
from inditree.core.waking import TIMES

PING = "<pingRequest uid='SetBLOB/1'/>"
REPLY = b'<pingReply uid="SetBLOB/1"/>\n'


def test_a_line_follows_the_reply_a_second_later_a_few_times() -> None:
    world = World()
    driver = world.driver(define("Cam", "P"))
    driver.read()
    driver.say(PING)
    assert driver.read() == REPLY
    world.later(0.5)
    assert driver.read() == b""
    world.later(1.0)
    assert driver.read() == b"\n"
    world.later(60.0)
    assert driver.read() == b"\n" * (TIMES - 1)


def test_each_reply_begins_it_anew() -> None:
    world = World()
    driver = world.driver(define("Cam", "P"))
    driver.read()
    for _ in range(3):
        driver.say(PING)
        world.later(0.9)
    assert driver.read() == REPLY * 3
    world.later(60.0)
    assert driver.read() == b"\n" * TIMES


def test_it_goes_to_libindi_drivers_that_are_there_only() -> None:
    world = World()
    other, client, gone = world.driver(define("Cam", "P")), world.client(), world.driver(define("Cam 2", "P"))
    other.read()
    other.say("<pingRequest uid='1'/>")
    client.say(PING)
    gone.say(PING)
    gone.leave()
    assert (other.read(), client.read()) == (b'<pingReply uid="1"/>\n', REPLY)
    gone.read()
    world.later(60.0)
    assert (other.read(), client.read(), gone.read()) == (b"", b"", b"")


def test_it_never_comes_within_an_element() -> None:
    world = World()
    driver = world.driver(define("Cam", "P"))
    driver.read()
    driver.say(PING)
    driver.read()
    driver.stuck = True
    client = world.client()
    client.say("<newNumberVector device='Cam' name='P'><oneNumber name='V'>1</oneNumber></newNumberVector>")
    driver.take(10)
    world.later(5.0)
    driver.take()
    told = driver.read()
    assert told.count(b"</newNumberVector>\n") == 1 and told.strip().count(b"\n") == 0, told
