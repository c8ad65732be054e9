"""What each client did and heard, one after the other: no command is lost without a word, no value comes too late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree.actors import Actor, Provider, Viewer
from tree.grove import Grove
from tree.node import Node
from tree.outlets import Outlet


def check_commands(grove: Grove, actors: Iterable[Actor]) -> None:
    """Each command since the last look was carried out, or its sender was told that the device is not there.

    Who was told is not told again while the device is not there. Three are excused: a sender that has left; a command
    that was written to a stream which broke before the other end had read it, as nobody can know whether it was
    read; and an answer that found the way back broken, so that the sender's router never had it, or had it only by a
    link from which it takes nothing of that device.
    """
    world = grove.world
    done = {word for actor in actors if isinstance(actor, Provider) for word in actor.commands}
    for viewer, node in grove.viewers:
        for number, (kind, device, _, word) in enumerate(viewer.diary):
            if kind == "told":
                viewer.missing.add(device)
            elif kind in ("def", "set"):
                viewer.missing.discard(device)
            if kind != "new" or word in done or device in viewer.missing:
                continue
            told = (about for kind, about, _, _ in viewer.diary[number:] if kind == "told")
            if any(about == device or (grove.many_names and _bare(about) == _bare(device)) for about in told):
                continue
            if any(word.encode() in each for each in world.lost):
                continue
            if grove.breaks and _answered(device, world.answers) and not _answered(device, node.answers):
                continue
            raise AssertionError(f"{viewer} at {node} was told nothing of {word} to {device}, which nobody got")
    world.lost.clear()
    for answers in (world.answers, *(node.answers for node in grove.nodes)):
        answers.clear()
    grove.breaks = 0


def _answered(device: str, answers: list[bytes]) -> bool:
    """Was it said that a device of this name is not there? On its way other words may stand before the name."""
    name = _bare(device).encode() + b'"'
    return any(name in each for each in answers)


def _bare(device: str) -> str:
    """The name of a device without what links have put before it."""
    return device.split()[-1]


def check_order(grove: Grove, actors: Iterable[Actor], *, quiet: bool) -> None:
    """What a device says comes in its order: in a tree where nothing breaks (`quiet`) all of it, images included.

    Where links come and go the value of each property never goes back, provided there is one way only: another one may
    be slower, and what it brings is older for a moment.
    """
    said = {
        word: (number, provider)
        for provider in actors
        if isinstance(provider, Provider)
        for word, number in provider.said.items()
    }
    for viewer, node in grove.viewers:
        heard: dict[object, tuple[int, str]] = {}
        for kind, device, name, word in viewer.diary:
            number, provider = said.get(word, (0, None))
            if provider is None or (not quiet and isinstance(provider, Outlet)):
                continue
            for row in _rows(kind, device, name, quiet):
                last = heard.get((provider, *row), (-1, ""))
                assert last[0] <= number, f"{viewer} at {node} heard {word} of {device} behind {last[1]}"
                heard[provider, *row] = number, word


def _rows(kind: str, device: str, name: str, quiet: bool) -> Iterator[tuple[str, ...]]:
    """The rows in which an element of a device stands: that of its property, in quiet times that of all it says.

    A definition has a value from before, and a router that asks for definitions anew gets the values with them.
    """
    if kind in ("def", "set"):
        yield device, name
    if quiet and kind in ("set", "message"):
        yield (device,)


def forget(viewers: Iterable[tuple[Viewer, Node]]) -> None:
    """Begin anew."""
    for viewer, _ in viewers:
        viewer.diary.clear()
