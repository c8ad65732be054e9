"""In a quiet tree everybody says something: each word is counted where it is heard, and on every link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from inditree.wire.syntax import message
from tree.actors import Actor, PlainServer, Provider, Viewer
from tree.grove import Grove, Wiring
from tree.node import STAMP, Node, RouterPort
from tree.outlets import Outlet, is_same
from tree.truth import Hop, Way, chain, hears_all, is_client, origins, plain_wiring, sees, spread, ways
from tree.world import Pipe


class Survey:
    """What was said, and who is to hear it."""

    def __init__(self, grove: Grove, number: int) -> None:
        self.grove = grove
        self._number = number * 100_000
        self._heard: dict[str, Counter[Actor]] = {}  # by word: who is to hear it
        # By image: the links that it is to cross, and by which name it is there.
        self._images: dict[str, set[tuple[Node, Node, str]]] = {}
        self._commands: dict[str, Provider] = {}
        self._values: dict[str, int] = {}  # and how many names its device has at one router
        self._ways: dict[Node, list[Way]] = {}
        self._told: dict[Viewer, str] = {}
        self._speakers: dict[str, Provider] = {}
        for pipe in self._pipes():
            pipe.tape.clear()

    def _word(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number:08d}"

    def speak(self) -> None:
        """Everybody says something. What is awaited is worked out from how things stand now."""
        grove = self.grove
        self._ways = {node: ways(grove, node) for node in grove.nodes if node.alive}
        for device, at in origins(grove).items():
            for node, provider in at:
                self._device(device, node, provider)
        for node in grove.nodes:
            if node.alive and grove.world.random.random() < 0.3:
                word = self._word("broadcast")
                self._ownerless(word, {node})
                node.core.broadcast(word)
                node.flush()
        for viewer, node in grove.viewers:
            self._command(viewer, node)

    def _device(self, device: str, node: Node, provider: Provider) -> None:
        random = self.grove.world.random
        audience = self._audience(device, provider)
        properties = provider.devices[device].properties
        word = self._word("says")
        self._heard[word] = Counter(viewer for viewer, hops in audience if viewer.wants(hops[0][2], None))
        provider.note(word)
        self._speakers[word] = provider
        provider.say(message(word, STAMP, device))
        for name, prop in properties.items():
            if prop.kind == "BLOB":
                for _ in range(random.choice((1, 1, 2, 5))):
                    self._image(device, name, provider, audience)
            else:
                value = self._word("v")
                self._values[value] = self._names(device, provider)
                provider.set(device, name, value, random.choice(("Ok", "Busy")))
        if random.random() < 0.5:
            word = self._word("all")
            if isinstance(provider, Outlet):
                self._repeated(word, provider)
            else:
                self._ownerless(word, {node}, provider)
            provider.say(message(word, STAMP))

    def _audience(self, device: str, provider: Provider) -> list[tuple[Viewer, list[Hop]]]:
        """Who sees this device as this provider has it, and the way to it: once for each name that it has there."""
        return [
            (viewer, hops)
            for viewer, node in self.grove.viewers
            for name, hops, owner in self._ways[node]
            if hops[-1][2] == device and is_same(owner, provider) and not is_same(owner, viewer)
            if sees(self.grove, viewer, name)
        ]

    def _names(self, device: str, provider: Provider) -> int:
        """How many names it has at one router, at the most."""
        return max(
            sum(hops[-1][2] == device and is_same(owner, provider) for _, hops, owner in found)
            for found in self._ways.values()
        )

    def _image(self, device: str, name: str, provider: Provider, audience: list[tuple[Viewer, list[Hop]]]) -> None:
        word = self._word("image")
        heard: Counter[Actor] = Counter()
        crossed: set[tuple[Node, Node, str]] = set()
        for viewer, hops in audience:
            if viewer.wants_blob(hops[0][2], name) and all(self._carries(port) for _, port, _ in hops):
                heard[viewer] += 1
                crossed |= {
                    (port.other.node, node, at) for node, port, at in hops if isinstance(port.other, RouterPort)
                }
        self._heard[word] = heard
        self._images[word] = crossed
        provider.note(word)
        self._speakers[word] = provider
        provider.say(_image(device, name, word, provider.devices[device].properties[name].state))

    def _carries(self, port: RouterPort) -> bool:
        """Do images come by this port?"""
        link = port.peer.link
        other = port.other.peer.link if isinstance(port.other, RouterPort) else None
        return (link is None or link.blobs) and (other is None or other.blobs)

    def _ownerless(self, word: str, at: set[Node], but: Provider | None = None) -> None:
        reached = spread(self.grove, at, None)
        self._heard[word] = Counter(
            v for v, node in self.grove.viewers if node in reached and not is_same(v, but) and hears_all(self.grove, v)
        )

    def _repeated(self, word: str, outlet: Outlet) -> None:
        """A server says something to all its clients: each router passes it on once, to all but that server.

        Where they have the server by other names nothing shows that it is the one which has said it.
        """
        heard: Counter[Actor] = Counter()
        homes = {node: plain_wiring(self.grove, each) for each, node in self.grove.viewers if is_same(each, outlet)}
        for home, wiring in homes.items():
            reached = spread(self.grove, {home}, None)
            for viewer, node in self.grove.viewers:
                own = plain_wiring(self.grove, viewer) if is_same(viewer, outlet) else None
                known = own is not None and wiring is not None and own.site == wiring.site
                heard[viewer] += node in reached and hears_all(self.grove, viewer) and not known
        self._heard[word] = heard

    def _command(self, viewer: Viewer, node: Node) -> None:
        grove, random = self.grove, self.grove.world.random
        if isinstance(viewer, Provider):
            return
        if random.random() < 0.3:
            missing = self._word("Nowhere")
            self._told[viewer] = missing
            for _ in range(2):
                viewer.command(missing, "T", "x")
        devices = [
            d for d in sorted(node.core.ownership.owners) if (None, None) in viewer.asks or (d, None) in viewer.asks
        ]
        if not devices or random.random() < 0.4:
            return
        device = random.choice(devices)
        hops, owner = chain(grove, node, device)
        assert owner is not None
        word = self._word("do")
        self._commands[word] = owner
        passed = {node: called for node, _, called in hops}
        viewer.command(device, "T", word)
        self._heard[word] = Counter(
            {
                other: 1
                for other, place in grove.viewers
                if place in passed and other is not viewer and is_client(other) and other.wants(passed[place], "T")
            }
        )

    # What came of it

    def check(self) -> None:
        """Everybody has heard what it was to hear, once; no link carried anything for nothing."""
        grove = self.grove
        for viewer, _ in grove.viewers:
            for word, audience in self._heard.items():
                if isinstance(viewer, Outlet) and viewer.disguised and is_same(viewer, self._speakers.get(word)):
                    continue
                times = viewer.messages[word] + viewer.blobs[word] + viewer.echoes[word]
                if word.startswith("do"):
                    times = viewer.echoes[word]
                    if isinstance(self._commands[word], Outlet):
                        continue  # its server repeats them
                assert times == audience[viewer], f"{viewer} heard {word} {times} times, not {audience[viewer]}"
            missing = self._told.get(viewer)
            if missing:
                assert viewer.told[missing] == 1, f"{viewer} was told {viewer.told[missing]} times about {missing}"
        for provider, _ in grove.providers:
            for word, owner in self._commands.items():
                times = provider.commands[word]
                assert times == is_same(owner, provider), f"{provider} got {word} {times} times"
        self._check_links()

    def _check_links(self) -> None:
        for wiring, there, back in self._links():
            target = wiring.target if isinstance(wiring.target, Node) else None
            for tape, way in ((there, (wiring.opener, target)), (back, (target, wiring.opener))):
                for word, names in self._values.items():
                    assert tape.count(word) <= names, f"{wiring} carried {word} {tape.count(word)} times one way"
                for word, crossed in self._images.items():
                    names = sum((one, other) == way for one, other, _ in crossed) if target else len(crossed) + 1
                    times = tape.count(word)
                    assert times <= names, f"{wiring} carried {word} {times} times, which {names} wanted there"
        totals: Counter[str] = Counter()
        for _, there, back in self._links():
            totals.update({word: (there + back).count(word) for word in self._images})
        for word, crossed in self._images.items():
            plain = any(isinstance(w.target, PlainServer) and w.live for w in self.grove.wirings)
            assert plain or totals[word] == len(crossed), f"{word} crossed {totals[word]} links, not {len(crossed)}"

    def _links(self) -> list[tuple[Wiring, str, str]]:
        found = []
        for wiring in self.grove.wirings:
            if wiring.near is not None:
                other = wiring.near.other
                assert isinstance(other, (RouterPort, Actor))
                tapes = (b"".join(pipe.tape).decode() for pipe in (wiring.near.out, other.out))
                found.append((wiring, *tapes))
        return found  # type: ignore[return-value]

    def _pipes(self) -> Iterator[Pipe]:
        for wiring in self.grove.wirings:
            if wiring.near is not None:
                other = wiring.near.other
                assert isinstance(other, (RouterPort, Actor))
                yield wiring.near.out
                yield other.out

    def silent(self) -> bool:
        """Has no link carried anything?"""
        return not any(pipe.tape for pipe in self._pipes())


def _image(device: str, name: str, word: str, state: str) -> bytes:
    head = f'<setBLOBVector device="{device}" name="{name}" state="{state}" timestamp="{STAMP}">'
    return f'{head}\n<oneBLOB name="M" size="9" format=".fits">{word}</oneBLOB>\n</setBLOBVector>\n'.encode()
