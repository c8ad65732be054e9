"""A router that links to us may define devices; those of all such routers together take a bounded part of memory."""

from __future__ import annotations

import pytest

from core.world import Actor, World, define, get, update
from inditree.core import Policy
from inditree.tree.link import Link

MEMORY = 4 << 20


def stranger(world: World, name: str) -> Actor:
    actor = world.join("client", name=name, policy=Policy(listener="main"))
    actor.say(f'<getProperties version="1.7" inditree="1" via="{name}"/>')
    return actor


def filled(actor: Actor, number: int, prefix: str = "D") -> None:
    for each in range(number):
        if not actor.peer.gone:
            actor.say(
                define(f"{prefix}{each // 50}", f"P{each}").replace(" device", f' via="{actor.peer.name}" device', 1)
            )


def test_devices_without_end_close_the_link_and_leave_nothing() -> None:
    world = World(memory=MEMORY)
    own = world.driver(define("Own", "P"))
    client = world.client(get())
    link = stranger(world, "B")
    filled(link, 8000)
    assert world.closed == [("B", "limit")]
    assert set(world.core.ownership.owners) == {"Own"}
    own.say(update("Own", "P", 4))
    assert client.heard()[-1] == update("Own", "P", 4)


def test_the_heaviest_goes_whoever_says_the_last_word() -> None:
    world = World(memory=MEMORY)
    small, large = stranger(world, "S"), stranger(world, "L")
    filled(large, 1100, "L")
    filled(small, 20, "S")
    for number in range(3000):
        small.say(update("S0", "P0", number))
    assert world.closed == []
    filled(small, 300, "T")
    assert world.closed == [("L", "limit")]
    assert not small.peer.gone
    assert "S0" in world.core.ownership.owners


def test_values_without_end_weigh_too() -> None:
    world = World(memory=MEMORY)
    link = stranger(world, "B")
    text = "x" * 50_000
    for number in range(60):
        if not link.peer.gone:
            link.say(define("D", f"P{number}", kind="Text").replace(" device", ' via="B" device', 1))
            link.say(update("D", f"P{number}", text, kind="Text"))
    assert world.closed == [("B", "limit")]


def test_names_that_were_deleted_again_weigh_too() -> None:
    world = World(memory=MEMORY)
    link = stranger(world, "B")
    for number in range(6000):
        if not link.peer.gone:
            name = f"D{number}" + "x" * 200
            link.say(define(name, "P").replace(" device", ' via="B" device', 1), f'<delProperty device="{name}"/>')
    assert world.closed == [("B", "limit")]


@pytest.mark.parametrize("kind", ["driver", "link"])
def test_what_the_operator_chose_is_not_bounded(kind: str) -> None:
    world = World(memory=MEMORY)
    link = Link(opener=True, path_id="there:7624") if kind == "link" else None
    actor = world.join(kind, "B", link=link)
    if link is not None:
        actor.say('<getProperties version="1.7" inditree="1" via="B" to="ME"/>')
    filled(actor, 8000)
    assert world.closed == []
    assert len(world.core.ownership.owners) == 160


def test_images_on_their_way_have_a_quarter_of_the_memory_for_all_strangers_together() -> None:
    world = World(memory=MEMORY)
    intake, part = world.core.intake, MEMORY // 4
    one, other = (world.join("client", name=name, policy=Policy(listener="main")).peer for name in "ab")
    driver = world.driver().peer
    assert intake.part(one, 10 * MEMORY) == part  # what it announces is no more than a claim
    intake.reserve(one, part - 10)
    assert intake.part(other, 10) == 10
    assert intake.part(other, 11) is None
    assert intake.part(one, part) == part  # its own does not count against it
    assert intake.part(driver, 10 * MEMORY) == 10 * MEMORY
    intake.arrived(one)
    assert intake.part(other, part) == part
