"""Random trees as they are at first: routers, links, drivers, servers of other kinds, clients."""

from __future__ import annotations

from random import Random

from tree import blips
from tree.actors import Actor, Device, PlainServer, Property, Provider, Viewer
from tree.grove import Grove
from tree.node import Node
from tree.outlets import Outlet
from tree.world import World

KINDS = ("Number", "Text", "Switch", "Light", "BLOB")


class Planting:
    """The tree of one seed."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.random: Random = self.world.random
        self.grove = Grove(self.world)
        self.actors: list[Actor] = []
        self.homes: dict[Provider, Node] = {}
        self.drivers: list[Provider] = []
        self._names = 0
        self.conflicts = self.random.random() < 0.25
        self.restricted = self.random.random() < 0.3
        self.plain = self.random.random() < 0.3
        self.forwarded = self.random.random() < 0.1
        self.more = Random(seed)  # for what came later, so that a seed's tree stays as it is
        self.hold = self.more.choice((0.0, 0.5, 2.0, blips.LONG))
        self.late = Random(seed + (1 << 40))  # for what came later still
        self.last = Random(seed + (2 << 40))  # and for what came after that
        self._orders = 0
        self.mixed = self.more.random() < 0.15
        # Other names: where there is one way to each router, as the name of a device depends on its way.
        self.renamed = not (self.conflicts or self.restricted) and self.more.random() < 0.2
        # Or where ways lead round: then it has several.
        self.round = not (self.conflicts or self.restricted) and self.last.random() < 0.15
        self.renamed |= self.round
        self.grove.many_names = self.round

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def build(self) -> None:
        count = self.random.choice((1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12))
        if self.round:
            count = min(count, 5)  # as many names as ways
        for _ in range(count):
            hold = self.more.choice((0.0, 0.5, 2.0, blips.LONG)) if self.mixed else self.hold
            self.grove.add_node(forwarded=self.forwarded and self.random.random() < 0.7, link_hold=hold)
        self._links(count)
        for node in self.grove.nodes:
            for _ in range(self.random.choice((0, 1, 1, 2))):
                self._new_driver(node)
        if self.conflicts:
            for driver in self.random.sample(self.drivers, min(len(self.drivers), 2)):
                driver.devices["Dup"] = self._device("Dup")
        for driver in self.drivers:
            self._begin_driver(driver)
        if self.plain:
            self._plain_servers()
        if self.more.random() < 0.2:
            self._echoing_server()
        for node in self.grove.nodes:
            for _ in range(self.random.choice((0, 1, 1, 2))):
                self._new_client(node)

    def _links(self, count: int) -> None:
        nodes, random = self.grove.nodes, self.random
        for number in range(1, count):
            if random.random() < 0.95:  # else the tree begins in pieces
                self._link(nodes[number], nodes[random.randrange(number)])
        for _ in range(0 if self.renamed and not self.round else random.choice((0, 0, 1, 2, 3, count))):
            self._link(random.choice(nodes), random.choice(nodes))

    def _link(self, one: Node, other: Node) -> None:
        random = self.random
        if random.random() < 0.5:
            one, other = other, one
        options: dict[str, object] = {"slow": random.choice((0.001, 0.01, 0.02, 0.05, 0.05, 0.2, 0.5))}
        options["blobs"] = random.random() > 0.15
        if self.restricted:
            options["share"] = random.random() > 0.3
            options["devices"] = random.choice((("*",), ("*",), ("*1*", "*2*"), ("Dup", "*3")))
            if random.random() < 0.2:
                options["device"] = f"Device{random.randrange(1, 20)}"
        if self.renamed and self.more.random() < 0.6:
            options["prefix"] = f"{self._name('W')} "
        self.grove.wire(one, other, **options)

    def _device(self, name: str) -> Device:
        device = Device(name, {"T": Property("Text", self._name("label"))})
        for number in range(self.random.randrange(3)):
            device.properties[f"P{number}"] = Property(self.random.choice(KINDS), self._name("label"))
        if self.random.random() < 0.5:
            device.properties["B"] = Property("BLOB", self._name("label"))
        return device

    def _new_driver(self, node: Node) -> Provider:
        devices = [self._device(self._name("Device")) for _ in range(self.random.choice((1, 1, 2)))]
        driver = Provider(self._name("driver"), devices)
        self.actors.append(driver)
        self.drivers.append(driver)
        self.homes[driver] = node
        return driver

    def _begin_driver(self, driver: Provider) -> None:
        for _ in range(self.random.choice((0, 0, 1, 2))):
            device = self._some_device()
            if device not in driver.devices:
                driver.asks.append((device, None))
                if self.random.random() < 0.5:
                    driver.modes[device, "B"] = self.random.choice(("Also", "Only"))
        self.grove.start_driver(driver, self.homes[driver])

    def _some_device(self) -> str:
        names = [name for driver in self.drivers for name in driver.devices]
        return self.random.choice(names) if names else "None"

    def _plain_servers(self) -> None:
        for _ in range(self.random.choice((1, 2))):
            devices = [self._device(self._name("Device")) for _ in range(self.random.choice((0, 1, 2)))]
            pongs, slow = self.random.random() < 0.5, self.random.random() < 0.3
            server = PlainServer(self._name("plain"), devices, pongs=pongs, slow=slow)
            self.actors.append(server)
            node = self.random.choice(self.grove.nodes)
            if self.random.random() < 0.5:
                self.grove.wire(node, server, share=self.random.random() < 0.8)
            elif devices:
                server.pongs = False
                self.grove.start_plain(server, node)

    def _echoing_server(self) -> None:
        """Several links to a server that repeats each request, some of them for one device, of one router or of two."""
        made = [self._device(self._name("Device")) for _ in range(self.more.choice((1, 2, 3)))]
        devices = {device.name: device for device in made}
        group: list[Outlet] = []
        nodes = [self.more.choice(self.grove.nodes)]
        if len(self.grove.nodes) > 1 and self.last.random() < 0.5:
            nodes.append(self.last.choice([each for each in self.grove.nodes if each not in nodes]))
            self.grove.many_names |= self.renamed
        one_name = self.last.random() < 0.5
        for number in range(self.more.choice((2, 2, 3))):
            only = self.more.choice((None, *devices))
            outlet = Outlet(self._name("outlet"), group, devices, only)
            outlet.disguised = len(nodes) > 1 and not one_name
            self.actors.append(outlet)
            at = number % len(nodes)
            site = "10.0.0.5:7624" if one_name or not at else "pi:7624"
            self.grove.wire(nodes[at], outlet, device=only, site=site, share=self.more.random() < 0.8)

    def _new_client(self, node: Node) -> Viewer:
        viewer = Viewer(self._name("client"))
        self.actors.append(viewer)
        self.grove.attach(viewer, node, "client")
        kind = self.random.random()
        if kind < 0.1:
            viewer.chained = True
            viewer.asks.append((None, None))
            viewer.say(b"<getProperties version='1.7' device='*'/>\n")
        elif kind < 0.6:
            viewer.ask()
        else:
            for _ in range(self.random.choice((1, 2))):
                viewer.ask(self._some_device(), self.random.choice((None, None, "T", "B")))
        for _ in range(self.random.choice((0, 1, 1, 2))):
            self._wish(viewer)
        return viewer

    def _wish(self, viewer: Viewer) -> None:
        mode = self.random.choice(("Also", "Also", "Never"))
        kind = self.random.random()
        if kind < 0.3:
            viewer.mode(mode)
        elif kind < 0.5:
            viewer.mode(mode, self._some_device())
        else:
            viewer.mode(self.random.choice((mode, "Only")), self._some_device(), "B")
