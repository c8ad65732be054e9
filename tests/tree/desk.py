"""One router on a desk: what it is told, and what it says, as a transcript. No delays, a clock set by hand."""

from __future__ import annotations

from inditree.core import Peer, Policy
from inditree.counters import Counters
from inditree.tree.link import Link
from inditree.tree.names import Names
from tree.node import Node, RouterPort
from tree.world import Pipe, World

ME, OTHER, THIRD = "R0.1", "R7.1", "R8.1"
"""The ID of the router on the desk, and of two others."""


class _Paper(Pipe):
    """Keeps what is written."""

    def write(self, data: bytes) -> None:
        self.tape.append(data)

    def close(self) -> None:
        """Nobody reads."""


class End:
    """The other end of one peer's stream."""

    def __init__(self, desk: Desk, port: RouterPort) -> None:
        self.desk = desk
        self._port = port
        self._paper = port.out = _Paper(desk.world, desk.world.random, 0.0)
        desk.node.flush()

    @property
    def peer(self) -> Peer:
        return self._port.peer

    @property
    def link(self) -> Link:
        assert self.peer.link is not None
        return self.peer.link

    @property
    def closed(self) -> str | None:
        """Why the router hung up."""
        return self._port.closed

    def says(self, *elements: str) -> None:
        """The other end writes this, all at once."""
        self._port.take("\n".join(elements).encode())

    def heard(self) -> str:
        """What the router wrote since the last look, one element after the other."""
        text = b"".join(self._paper.tape).decode()
        self._paper.tape.clear()
        return text

    def hangs_up(self) -> None:
        self._port.end()


class Desk:
    """A router whose peers are played by the test."""

    def __init__(self, *, forwarded: bool = False, link_timeout: float = 30.0, link_hold: float = 0.0) -> None:
        self.world = World(0)
        self.node = Node(self.world, 0, forwarded=forwarded, link_timeout=link_timeout, link_hold=link_hold)
        self._clients = 0

    def driver(self, name: str = "driver", names: Names | None = None) -> End:
        return End(self, self.node.attach("driver", name, names=names))

    def client(self, policy: Policy | None = None, name: str = "client") -> End:
        return End(self, self.node.attach("client", name, policy))

    def opens(self, name: str = "there", names: Names | None = None, **options: object) -> End:
        """The router opens a link; nothing is answered as yet."""
        link = Link(opener=True, path_id=f"{name}:7624", **options)  # type: ignore[arg-type]
        return End(self, self.node.attach("link", name, None, link, names))

    def router(self, identity: str = OTHER, name: str = "there", names: Names | None = None, **options: object) -> End:
        """A link that the router opened to another one, which has answered."""
        end = self.opens(name, names, **options)
        end.says(f'<getProperties version="1.7" inditree="1" via="{identity}" to="{ME}"/>')
        end.heard()
        return end

    def plain(self, name: str = "there", names: Names | None = None, **options: object) -> End:
        """A link that the router opened to a server of another kind, which has said something."""
        end = self.opens(name, names, **options)
        end.says('<message message="hello"/>')
        end.heard()
        return end

    def watcher(self) -> End:
        """A client that has asked for everything."""
        end = self.client(name=f"watcher{self._clients}")
        self._clients += 1
        end.says('<getProperties version="1.7"/>')
        end.heard()
        return end

    def wait(self, seconds: float) -> None:
        """Time passes; a second is the longest that an engine sleeps."""
        end = self.world.now + seconds
        while self.world.now < end:
            self.world.run(until=min(end, self.world.now + 1.0))
            self.node.tick()

    @property
    def logs(self) -> list[str]:
        """What was told to the operator."""
        return [log.text for log in self.node.logs]

    @property
    def counters(self) -> Counters:
        return self.node.core.counters


def number(device: str, name: str = "N", via: str | None = None) -> str:
    """A definition."""
    path = f' via="{via}"' if via else ""
    one = '<defNumber name="M" label="m" format="%g" min="0" max="0" step="0">1</defNumber>'
    return f'<defNumberVector device="{device}" name="{name}" state="Ok" perm="rw"{path}>{one}</defNumberVector>'


def camera(device: str = "Cam", via: str | None = None) -> str:
    """The definition of a BLOB property."""
    path = f' via="{via}"' if via else ""
    one = '<defBLOB name="M" label="m"/>'
    return f'<defBLOBVector device="{device}" name="B" state="Ok" perm="ro"{path}>{one}</defBLOBVector>'


def image(device: str = "Cam", data: str = "AAAA") -> str:
    """A BLOB."""
    one = f'<oneBLOB name="M" size="3" format=".x">{data}</oneBLOB>'
    return f'<setBLOBVector device="{device}" name="B">{one}</setBLOBVector>'


def value(device: str, text: str = "2", name: str = "N") -> str:
    """A set*."""
    one = f'<oneNumber name="M">{text}</oneNumber>'
    return f'<setNumberVector device="{device}" name="{name}">{one}</setNumberVector>'


def new(device: str, text: str = "5") -> str:
    """A new*."""
    return f'<newNumberVector device="{device}" name="N"><oneNumber name="M">{text}</oneNumber></newNumberVector>'


def gone(device: str, name: str | None = None) -> str:
    """A delProperty."""
    return f'<delProperty device="{device}" name="{name}"/>' if name else f'<delProperty device="{device}"/>'
