"""What is to be so once all is quiet, and what is."""

from __future__ import annotations

from collections.abc import Callable

from tree.actors import Actor, Device, PlainServer, Provider, View, Viewer
from tree.grove import Grove, Wiring
from tree.node import Node, RouterPort
from tree.outlets import Outlet, is_own

Hop = tuple[Node, RouterPort, str]
"""A router, its port toward the owner, and what the device is called there."""


def _everything(device: str) -> bool:
    return True


def edges(grove: Grove) -> list[tuple[Node, Node, Callable[[str], bool], Wiring]]:
    """(from, to, which devices, by what) of the ways that definitions can take."""
    ways: list[tuple[Node, Node, Callable[[str], bool], Wiring]] = []
    for wiring in grove.wirings:
        target = wiring.target
        if wiring.live and isinstance(target, Node) and target is not wiring.opener:
            ways.append((target, wiring.opener, wiring.takes, wiring))
            if wiring.share:
                ways.append((wiring.opener, target, _everything, wiring))
    return ways


def spread(grove: Grove, origins: set[Node], device: str | None) -> dict[Node, str]:
    """The routers that hear of a device (None: of what no device says) that is at `origins`, and its name there."""
    reached, todo = dict.fromkeys(origins, device or ""), list(origins)
    ways = edges(grove)
    while todo:
        node = todo.pop()
        for here, there, passes, wiring in ways:
            if here is node and there not in reached and (device is None or passes(reached[node])):
                reached[there] = (wiring.prefix if there is wiring.opener else "") + reached[node]
                todo.append(there)
    return reached


def origins(grove: Grove) -> dict[str, list[tuple[Node, Provider]]]:
    """Where each device that is defined is attached."""
    found: dict[str, list[tuple[Node, Provider]]] = {}
    for provider, node in grove.providers:
        for device in provider.devices.values():
            if device.properties and _is_taken(grove, provider, device.name):
                found.setdefault(device.name, []).append((node, provider))
    return found


def plain_wiring(grove: Grove, actor: Actor) -> Wiring | None:
    """The link that leads to a server of another kind."""
    return next((w for w in grove.wirings if w.target is actor), None)


def _is_taken(grove: Grove, provider: Provider, device: str) -> bool:
    wiring = plain_wiring(grove, provider)
    return wiring is None or wiring.takes(device)


def chain(grove: Grove, node: Node, device: str) -> tuple[list[Hop], Provider | None]:
    """The routers from here to the owner, and the owner; None where the way is broken."""
    hops: list[Hop] = []
    while len(hops) <= len(grove.nodes):
        owner = node.core.ownership.owners.get(device)
        if owner is None or owner not in node.ports:
            return hops, None
        port = node.ports[owner]
        hops.append((node, port, device))
        if isinstance(port.other, Provider):
            return hops, port.other
        assert isinstance(port.other, RouterPort)
        node = port.other.node
        device = device.removeprefix(next((w.prefix for w in grove.wirings if w.near is port), ""))
    return hops, None


def sees(grove: Grove, viewer: Viewer, device: str) -> bool:
    """May a device of this name be shown to it at all? A server of another kind never hears of its own."""
    if isinstance(viewer, Provider) and device in viewer.devices:
        return False
    wiring = plain_wiring(grove, viewer)
    return wiring is None or (wiring.share and wiring.device is None)


Way = tuple[str, list[Hop], Provider]
"""What a device is called at a router, the way to its owner, and the owner."""


def ways(grove: Grove, node: Node) -> list[Way]:
    """Everything that a router has whose way ends at somebody who runs."""
    found = []
    for name in node.core.ownership.owners:
        hops, provider = chain(grove, node, name)
        if provider is not None and provider.running:
            found.append((name, hops, provider))
    return found


def expected(grove: Grove, viewer: Viewer, node: Node, found: dict[str, Device]) -> View:
    """The view that it is to have; `found` are the devices at its router."""
    view: View = {}
    for device, each in found.items():
        if sees(grove, viewer, device) and not is_own(viewer, each):
            wanted = {name: shown for name, shown in each.shown.items() if viewer.wants(device, name)}
            if wanted:
                view[device] = wanted
    return view


def check_views(grove: Grove) -> None:
    """Each router has what can be reached, each viewer sees it, and nobody sees ghosts."""
    where = origins(grove)
    reached = {device: spread(grove, {node for node, _ in at}, device) for device, at in where.items()}
    for node in grove.nodes:
        if node.alive:
            found = _by_ways(grove, node) if grove.many_names else _reached(grove, node, reached, where)
            ghosts = {name for name, known in node.core.view.devices.items() if known.properties} - set(found)
            assert not ghosts, f"{node} has ghosts: {ghosts}"
            check_idle(grove, node)
            check_conflicts(grove, node)
            for viewer, place in grove.viewers:
                if place is node:
                    wanted, shown = expected(grove, viewer, node, found), viewer.shown()
                    if isinstance(viewer, Outlet) and viewer.disguised:  # it may have been told of its own ones
                        own = viewer.devices.keys() | {name for name, each in found.items() if is_own(viewer, each)}
                        shown = {name: each for name, each in shown.items() if name not in own}
                    assert shown == wanted, f"{viewer} at {node} sees {shown}, not {wanted}"
    forwarded = any(node.core.settings.forwarded for node in grove.nodes)
    for viewer, _ in grove.viewers:
        # Where the drivers answer themselves, what they say meanwhile comes first.
        errors = [each for each in viewer.errors if not (forwarded and each.startswith("set before def"))]
        assert not errors, f"{viewer}: {errors}"


Places = dict[str, list[tuple[Node, Provider]]]


def _reached(grove: Grove, node: Node, reached: dict[str, dict[Node, str]], where: Places) -> dict[str, Device]:
    """The devices that are to be at a router: what any way leads to, by its one name."""
    found = {}
    for device, nodes in reached.items():
        if node in nodes:
            here = nodes[node]
            _, provider = chain(grove, node, here)
            assert provider is not None, f"{node} misses {here}, which is {device} at {where[device]}"
            assert provider.running, f"{node} has {here} of {provider}"
            found[here] = provider.devices[device]  # without properties, if it deleted one after the other
    return found


def _by_ways(grove: Grove, node: Node) -> dict[str, Device]:
    """The devices that are to be at a router where each way may give a device another name.

    Somebody has to have whatever a neighbour shows: all of its devices but those whose path names this router.
    """
    found = {name: provider.devices[hops[-1][2]] for name, hops, provider in ways(grove, node)}
    for device, at in origins(grove).items():
        assert node not in [home for home, _ in at] or device in found, f"{node} misses its own {device}"
    me = node.core.settings.identity
    for there, here, _, wiring in edges(grove):
        if here is not node:
            continue
        toward = wiring.far if there is wiring.target else wiring.near
        assert toward is not None
        for name, known in there.core.view.devices.items():
            owner = there.core.ownership.owners[name]
            if known.properties and owner is not toward.peer and me not in there.core.view.via(name).split(","):
                called = (wiring.prefix if node is wiring.opener else "") + name
                assert called in found, f"{node} misses {called}, which is {name} at {there}"
    return found


def check_idle(grove: Grove, node: Node) -> None:
    """Nothing is left over in a quiet router."""
    core = node.core
    left = (
        core.intake.memory,
        core.ownership.pauses,
        core.intake.held,
        core.intake.starved,
        core.intake.reserved,
        core.state.introducing,
        core.state.holding.devices,
        core.state.holding.weight.bytes,
        core.state.holding._deferred,
        core.state.holding._pings if not any(each.core.settings.forwarded for each in grove.nodes) else {},
        core.state.holding._settling,
        core.state.holding._watched,
        core.desk.dirty,
    )
    assert not any(left), f"{node}: {left}"
    for peer in core.peers.values():
        assert not peer.outbox.size, f"{node}: {peer.name} has something waiting"
        if peer.link is not None:
            window = peer.outbox.lanes.window
            assert not peer.owed and not (window and window._open), f"{node}: {peer.name} owes acknowledgements"


def check_conflicts(grove: Grove, node: Node) -> None:
    """A conflict is told of only while two have a device of that name."""
    for device in node.core.ownership.conflicts:
        have = [provider for provider, _ in grove.providers if device in provider.devices]
        assert len(have) > 1, f"{node} tells of a conflict about {device}, which only {have} has"


def check_once(grove: Grove, actors: list[Actor]) -> None:
    """Nothing was heard twice, however wild it was; no command was carried out twice.

    Of an echo a server that repeats requests makes another one: it is told to clients, and ends there. What no device
    says it tells to each router that has it as remote.
    """
    repeated = any(isinstance(actor, Outlet) for actor in actors)
    for actor in actors:
        if isinstance(actor, Viewer):
            counts = actor.blobs, *(() if repeated else (actor.messages, actor.echoes))
            for what in () if grove.many_names else counts:  # what is said of a device comes once by each name
                twice = [key for key, number in what.items() if number > 1]
                assert not twice, f"{actor} heard twice: {twice}"
        if isinstance(actor, Provider):
            twice = [key for key, number in actor.commands.items() if number > 1]
            assert not twice, f"{actor} got twice: {twice}"


def is_client(actor: Actor) -> bool:
    """Neither a driver nor a server of another kind."""
    return type(actor) is Viewer and not actor.chained


def hears_all(grove: Grove, actor: Viewer) -> bool:
    """Does it hear messages that no device says? Drivers do not."""
    if not isinstance(actor, Provider):
        return True
    wiring = plain_wiring(grove, actor)
    return isinstance(actor, PlainServer) and (wiring is None or (wiring.share and wiring.device is None))
