"""What a peer makes the router remember is bounded while it is there and let go when it is gone: bytes, as traced."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from core.world import Actor, World, blobs, define, get, image, request, say, update

MIB = 1 << 20
MEMORY = 4 * MIB
"""limits.memory: links that connected to us may have a quarter of it."""

LONG = "x" * 200
READ = 200
"""Elements in one read."""

Said = Callable[[int], str]

CLIENT: dict[str, Said] = {
    "questions for devices": lambda n: get(f"{LONG}{n}"),
    "questions for properties": lambda n: get("Cam", f"{LONG}{n}"),
    "wishes": lambda n: blobs("Also", f"{LONG}{n}", "P"),
    "commands": lambda n: request(f"{LONG}{n}", "P"),
    "values": lambda n: update(f"{LONG}{n}"[-120:], "P"),
    "definitions": lambda n: define(f"{LONG}{n}", "P"),
    "images": lambda n: image(f"{LONG}{n}", "P"),
    "messages": lambda n: say("hello", f"{LONG}{n}"),
    "unknown elements": lambda n: f'<novelty{n} device="{LONG}"/>',
    "pings": lambda n: f'<pingRequest uid="{LONG}{n}"/>',
}

LINK: dict[str, Said] = {
    "devices": lambda n: _with_path(define(f"{LONG}{n}", "P")),
    "properties": lambda n: _with_path(define("Dome", f"{LONG}{n}")),
    "images": lambda n: _with_path(define("Dome", f"{LONG}{n}", kind="BLOB")),
    "devices that come and go": lambda n: (
        _with_path(define(f"{LONG}{n // 2}", "P")) if n % 2 == 0 else f'<delProperty device="{LONG}{n // 2}"/>'
    ),
    "devices of this router": lambda n: define(f"{LONG}{n}", "P").replace(" device", ' via="ME,THEM" device', 1),
    "paths": lambda n: define(f"D{n}", "P").replace(" device", f' via="{LONG}{n},THEM" device', 1),
    "long paths": lambda n: define(f"D{n}", "P").replace(" device", f' via="{_long_path(n)},THEM" device', 1),
    "values of nothing": lambda n: update(f"{LONG}{n}"[-120:], "P"),
    "ownerless messages": lambda n: f'<message device="{LONG}{n}" message="m" via="{LONG}{n},THEM" seq="1"/>',
    "images of nothing, followed by pings": lambda n: (
        image(f"{LONG}{n // 2}", "P") if n % 2 == 0 else f'<pingRequest uid="blob/{n}"/>'
    ),
    "commands": lambda n: request(f"{LONG}{n}", "P"),
}


def _long_path(number: int) -> str:
    """16 IDs of 250 characters."""
    return ",".join(f"{number:06}{each:02}" + "y" * 242 for each in range(16))


def _with_path(definition: str) -> str:
    return definition.replace(" device", ' via="THEM" device', 1)


@pytest.fixture(name="traced", autouse=True)
def _traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Smaller bounds than those of a real router, so that few elements reach them."""
    monkeypatch.setattr("inditree.core.clients.SUBSCRIPTION_LIMIT", MIB // 2)
    monkeypatch.setattr("inditree.core.desk.COUNTED_DEVICES", 64)
    monkeypatch.setattr("inditree.core.notices.TOLD_LIMIT", 512)
    monkeypatch.setattr("inditree.wire.runs.HEADS_LIMIT", 256)
    monkeypatch.setattr("inditree.core.routes.ROUTES_BYTES", MIB // 4)
    tracemalloc.start()
    yield
    tracemalloc.stop()


def taken() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def world() -> World:
    it = World(memory=MEMORY, queue=8 * MIB)
    it.driver(define("Cam", "P"))
    it.client(get("Cam"))
    return it


def says(actor: Actor, said: Said, number: int) -> None:
    """So many elements in reads of some; nobody keeps in the test what was said."""
    numbers = iter(range(number))
    while not actor.peer.gone and (some := list(islice(numbers, READ))):
        actor.say_at_once(*map(said, some))
        actor.world.logs.clear()
        actor.world.audits.clear()
        for each in actor.world.actors:
            each.heard()
    actor.world.closed.clear()


def gone(it: World, actor: Actor) -> None:
    if not actor.peer.gone:
        actor.leave()
    it.actors.remove(actor)
    it.later(400)
    for each in it.actors:
        each.heard()
    it.logs.clear()


def check(connect: Callable[[World], Actor], said: Said, number: int, most: int) -> None:
    it = world()
    first = connect(it)
    says(first, said, 2 * READ)  # what is made once, for everybody
    gone(it, first)
    del first
    before = taken()
    actor = connect(it)
    says(actor, said, number)
    assert taken() - before < most
    gone(it, actor)
    del actor
    assert taken() - before < MIB // 4


@pytest.mark.parametrize("kind", CLIENT)
def test_a_client(kind: str) -> None:
    check(lambda it: it.join("client"), CLIENT[kind], 3_000, MIB)


def test_commands_that_wait_are_kept_as_their_text(traced: None) -> None:
    """For who takes nothing; parsed, thousands of attributes take twenty times as much."""
    it = world()
    owner = it.actors[0]
    owner.stuck = True
    client = it.client(get("Cam"))
    waste = " ".join(f"a{number}=''" for number in range(3000))
    before = taken()
    for number in range(60):
        client.say_at_once(f"<newNumberVector device='Cam' name='P' n='{number}' {waste}/>")
        it.logs.clear()
        it.audits.clear()
    assert not owner.peer.gone and owner.peer.outbox.size > 59 * len(waste)
    assert taken() - before < 5 * 60 * len(waste)


def linked(it: World) -> Actor:
    link = it.join("client")
    link.say(get(inditree="1", via="THEM"))
    return link


@pytest.mark.parametrize("kind", LINK)
def test_a_link(kind: str) -> None:
    check(linked, LINK[kind], 3_000, MEMORY // 4 + MIB)
