"""Routers, the links between them, and all who are attached: what can happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from inditree.core import Policy
from inditree.tree.link import SILENCE, SILENCE_MAX, Link
from inditree.tree.names import names_of
from inditree.wire.syntax import get_properties
from tree.actors import Actor, PlainServer, Provider, Viewer
from tree.node import Node, RouterPort
from tree.world import World, join


@dataclass(eq=False)
class Wiring:
    """One entry of `remotes`: whom a router opens a link to. `slow` is the longest delay of one piece."""

    number: int
    opener: Node
    target: Node | PlainServer
    blobs: bool = True
    share: bool = True
    devices: tuple[str, ...] = ("*",)
    device: str | None = None
    slow: float = 0.02
    site: str = ""
    prefix: str = ""  # what it puts before the names of the devices there
    up: bool = True
    silence: float = SILENCE
    was_router: bool = False
    near: RouterPort | None = None
    far: RouterPort | None = None

    def __repr__(self) -> str:
        return f"{self.opener}-{self.number}-{self.target}"

    def takes(self, device: str) -> bool:
        """Does the opener take this device from here?"""
        if self.device not in (None, device):
            return False
        return any(fnmatchcase(device, each) for each in self.devices)

    @property
    def live(self) -> bool:
        """Both ends are there and have found out what the other is."""
        near = self.near
        return near is not None and near.peer.link is not None and near.peer.link.settled and near.closed is None


class Grove:
    """Everything in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nodes: list[Node] = []
        self.wirings: list[Wiring] = []
        self.places: dict[Actor, Node] = {}  # who is attached, and where
        self.ports: dict[Actor, RouterPort] = {}
        self.breaks = 0  # links cut and routers stopped
        self.many_names = False  # ways that lead round give a device several names

    def add_node(self, *, forwarded: bool = False, link_hold: float = 0.0) -> Node:
        node = Node(self.world, len(self.nodes), forwarded=forwarded, link_hold=link_hold)
        self.nodes.append(node)
        return node

    # Links

    def wire(self, opener: Node, target: Node | PlainServer, **options: object) -> Wiring:
        """Configure a link, and open it soon."""
        wiring = Wiring(len(self.wirings), opener, target, **options)  # type: ignore[arg-type]
        self.wirings.append(wiring)
        self._soon(wiring)
        return wiring

    def _soon(self, wiring: Wiring) -> None:
        self.world.after(0.05 + 0.5 * self.world.random.random(), lambda: self._connect(wiring))

    def _connect(self, wiring: Wiring) -> None:
        target = wiring.target
        if not wiring.up or wiring.near is not None or not wiring.opener.alive:
            return
        if isinstance(target, Node) and not target.alive:
            return  # its start is what opens it again: a refused try leaves no trace
        link = Link(
            opener=True,
            path_id=wiring.site or f"host{wiring.number}:7624",
            blobs=wiring.blobs,
            share=wiring.share,
            devices=wiring.devices,
            device=wiring.device,
            site=wiring.site,
            silence=wiring.silence,
            awaited=wiring.was_router,
        )
        names = names_of({"*": f"{wiring.prefix}*"} if wiring.prefix else {})
        near = wiring.near = wiring.opener.attach("link", f"link{wiring.number}", None, link, names)
        near.on_closed = lambda: self._link_closed(wiring, near)
        if isinstance(target, Node):
            far = wiring.far = target.attach("client", f"peer{wiring.number}")
            near.other, far.other = far, near
            join(self.world, near, far, wiring.slow, repr(wiring))
            target.flush()
        else:
            target.begin()
            near.other, target.running = target, True
            self.places[target] = wiring.opener
            self.ports[target] = near
            join(self.world, near, target, wiring.slow, repr(wiring))
        wiring.opener.flush()

    def _link_closed(self, wiring: Wiring, near: RouterPort) -> None:
        if wiring.near is near:
            wiring.near = None
            link = near.peer.link
            assert link is not None
            if link.settled:
                wiring.was_router = link.is_router or link.late
            if link.late:
                wiring.silence = min(SILENCE_MAX, 2 * wiring.silence)
            if isinstance(wiring.target, PlainServer):
                near.out.lose()
                wiring.target.running = False
                self.places.pop(wiring.target, None)
            if near.closed != "loop":
                self._soon(wiring)

    def cut(self, wiring: Wiring) -> None:
        """The line is dead; each end notices in its own time."""
        self.breaks += 1
        wiring.up = False
        if wiring.near is not None:
            wiring.near.out.cut(1.0)
            other = wiring.near.other
            assert isinstance(other, (RouterPort, Actor))
            other.out.cut(1.0)

    def mend(self, wiring: Wiring) -> None:
        wiring.up = True
        self._soon(wiring)

    @property
    def one_way(self) -> bool:
        """Is there at most one way between any two routers, whatever link is up?"""
        parts = {node: {node} for node in self.nodes}
        for wiring in self.wirings:
            one, other = wiring.opener, wiring.target
            if isinstance(other, Node) and one is not other:
                if parts[one] is parts[other]:
                    return False
                parts[one] |= parts[other]
                parts |= dict.fromkeys(parts[other], parts[one])
        return True

    # Routers

    def stop(self, node: Node, *, orderly: bool = False) -> None:
        """A router is killed (or stops, and says so), with all that is attached to it."""
        self.breaks += 1
        if orderly:
            node.part()
        for actor, place in list(self.places.items()):
            if place is node:
                self.ports[actor].out.lose()
                self._gone(actor)
        node.stop()

    def start(self, node: Node) -> None:
        """It comes back, without drivers or clients as yet, and knows nothing of the other ends of its links."""
        node.start()
        for wiring in self.wirings:
            if node is wiring.opener:
                wiring.silence, wiring.was_router = SILENCE, False
            if node in (wiring.opener, wiring.target):
                self._soon(wiring)

    # Drivers and clients

    def attach(self, actor: Actor, node: Node, kind: str, policy: Policy | None = None) -> None:
        """Connect somebody to a router."""
        actor.begin()
        port = node.attach(kind, actor.name, policy)
        port.other = actor
        join(self.world, port, actor, 0.005, actor.name)
        self.places[actor] = node
        self.ports[actor] = port
        if kind == "driver":
            node.core.desk.send(port.peer, get_properties(), "getProperties")
        node.flush()

    def start_driver(self, driver: Provider, node: Node) -> None:
        """A driver starts, and asks anew for what it snoops on."""
        self.attach(driver, node, "driver")
        driver.running = True
        asks, driver.asks = driver.asks, []
        for device, name in asks:
            driver.ask(device, name)
        for (device, name), mode in driver.modes.items():
            driver.mode(mode, device, name)

    def start_plain(self, server: PlainServer, node: Node) -> None:
        """A server of another kind links to us, as IPyServer does: it asks, then says what it has."""
        self.attach(server, node, "client", Policy(peers="any"))
        server.running = True
        server.say(b'<getProperties version="1.7"/>\n')
        server.define()

    def leave(self, actor: Actor) -> None:
        """Somebody hangs up, or dies."""
        actor.out.close()
        self.ports[actor].out.lose()
        self._gone(actor)

    def _gone(self, actor: Actor) -> None:
        self.places.pop(actor, None)
        if isinstance(actor, Provider):
            actor.running = False

    @property
    def viewers(self) -> list[tuple[Viewer, Node]]:
        return [(actor, node) for actor, node in self.places.items() if isinstance(actor, Viewer)]

    @property
    def providers(self) -> list[tuple[Provider, Node]]:
        return [(actor, node) for actor, node in self.places.items() if isinstance(actor, Provider) and actor.running]
