"""A router with the server's own Observatory, in virtual time: what an engine and its loop are to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from inditree.config import Config
from inditree.core import Answered, Core, Peer, Policy
from inditree.server.observatory import LOOK, Observatory
from inditree.tree.link import Link
from inditree.tree.names import Names
from tree.node import Node, RouterPort
from tree.world import World


class Promise:
    """As much of a future as a sender and an actor use; who waits is told within the same moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: list[Callable[[Promise], object]] = []
        self._result: Any = None
        self._done = self._cancelled = False

    def add_done_callback(self, told: Callable[[Promise], object]) -> None:
        self._waiting.append(told)
        if self._done:
            self._tell()

    def set_result(self, result: Any) -> None:
        self._result, self._done = result, True
        self._tell()

    def cancel(self) -> None:
        self._done = self._cancelled = True
        self._tell()

    def _tell(self) -> None:
        for each in self._waiting:
            self._world.after(0.0, lambda told=each: told(self))  # type: ignore[misc]
        self._waiting.clear()

    def cancelled(self) -> bool:
        return self._cancelled

    def done(self) -> bool:
        return self._done

    def result(self) -> Any:
        return self._result


class Machine:
    """The engine of one run of a router, and its loop and tasks."""

    def __init__(self, node: HomeNode) -> None:
        self.node = node
        self.core: Core = node.core
        self.ports: dict[Peer, Any] = node.ports
        self.askers: dict[Peer, Callable[..., object]] = {}
        self.loop = self.tasks = self

    def begin(self) -> float:
        now = self.core.now = self.node.world.now
        return now

    def join(self, kind: str, name: str, policy: Policy | None = None) -> Peer:
        self.begin()
        return self.core.join(kind, name, policy)

    def flush(self) -> None:
        self.node.flush()

    def attempt(self, _: Peer | None, act: Callable[..., object], *args: object) -> None:
        act(*args)

    def end(self, peer: Peer, reason: str, _: str) -> None:
        self.ports.pop(peer, None)
        self.core.leave(peer, reason)
        self.flush()

    def create_future(self) -> Promise:
        return Promise(self.node.world)

    def start(self, work: Coroutine[Any, Any, None], _: str) -> Machine:
        work.close()  # it would look and sleep; here the world does
        self.node.look_on(self)
        return self

    def cancel(self) -> None:
        """The looking ends with the machine."""


class Watched(RouterPort):
    """A peer's place, with what is written to it shown first."""

    node: HomeNode

    def write(self) -> None:
        outbox = self.peer.outbox
        while buffers := outbox.next_write():
            data = b"".join(buffers)
            self.node.shown(self.peer, data)
            delivered = outbox.sent(len(data))
            if delivered or outbox.moved:
                self.node.core.moved(self.peer, delivered)
            self.out.write(data)


class HomeNode(Node):
    """A router that has an observatory in each of its runs. `shown` is told what is written to whom."""

    def __init__(
        self,
        world: World,
        number: int,
        config: Config,
        shown: Callable[[HomeNode, Peer, bytes], None],
        hold: float = 0.0,
    ) -> None:
        self._config = config
        self._shown = shown
        self.looked: Callable[[], None] = lambda: None
        super().__init__(world, number, link_hold=hold)

    def start(self) -> None:
        super().start()
        self.machine = Machine(self)
        self.observatory = Observatory(self.machine)  # type: ignore[arg-type]
        self.observatory.apply(self._config)
        self.flush()

    def stop(self) -> None:
        for peer in [peer for peer in self.ports if peer.kind == "observer"]:
            del self.ports[peer]
        super().stop()

    def attach(
        self,
        kind: str,
        name: str,
        policy: Policy | None = None,
        link: Link | None = None,
        names: Names | None = None,
    ) -> RouterPort:
        port = super().attach(kind, name, policy, link, names)
        watched = self.ports[port.peer] = Watched(self, port.peer)
        return watched

    def shown(self, peer: Peer, data: bytes) -> None:
        self._shown(self, peer, data)

    def look_on(self, machine: Machine) -> None:
        """Look now and again, while this run of the router lasts."""

        def look() -> None:
            if self.alive and self.machine is machine:
                self.observatory.look()
                self.looked()
                self.flush()
                self.world.after(LOOK, look)

        self.world.after(0.0, look)

    def _apply(self, effect: object) -> None:
        if isinstance(effect, Answered):
            asker = self.machine.askers.get(effect.peer)
            if asker is not None:
                asker(effect.element, effect.outcome)
            return
        super()._apply(effect)
