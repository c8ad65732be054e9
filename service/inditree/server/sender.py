"""A part of the router that commands devices, and learns how each command ended."""

from __future__ import annotations

import asyncio

from inditree.commands import Asked, Outcome
from inditree.core import Policy
from inditree.flow.whole import WholeOutbox
from inditree.transport.engine import Engine
from inditree.wire.elements import Blob, Element


class Sender:
    """An observer in the core that only commands. `address` and `listener` are what the audit says of who did it.

    To be closed when it has sent all that it will: what is open then is followed on, and nobody is told how it ended.
    """

    def __init__(self, engine: Engine, name: str, *, address: str = "", listener: str = "") -> None:
        self.blocked = False
        self._engine = engine
        self._open: dict[int, tuple[Element, asyncio.Future[Outcome]]] = {}
        engine.begin()
        self.peer = engine.core.join("observer", name, Policy(listener=listener))
        self.peer.address = address or name
        engine.ports[self.peer] = self
        engine.askers[self.peer] = self._answered
        engine.flush()

    def send(self, asked: Asked, data: bytes) -> asyncio.Future[Outcome]:
        """Send a `new*`, as `commands.making.made` gives it; how it ends, which may be known at once."""
        element = Element(f"new{asked.kind}Vector", {"device": asked.device, "name": asked.property}, data)
        future: asyncio.Future[Outcome] = self._engine.loop.create_future()
        self._open[id(element)] = element, future
        self._engine.begin()
        self._engine.attempt(self.peer, self._engine.core.receive, self.peer, element)
        self._engine.flush()
        return future

    def close(self, reason: str = "eof", text: str = "has sent all") -> None:
        """Leave the core: nothing is sent any more."""
        self._engine.askers.pop(self.peer, None)
        for _, future in self._open.values():
            future.cancel()
        self._open.clear()
        if not self.peer.gone:
            self._engine.end(self.peer, reason, text)

    def _answered(self, element: Element, outcome: Outcome) -> None:
        _, future = self._open.pop(id(element))
        if not future.done():
            future.set_result(outcome)

    # What the engine asks of a port

    def write(self) -> None:
        """Throw away what is sent to it: it only asks."""
        outbox = self.peer.outbox
        assert isinstance(outbox, WholeOutbox)
        while (item := outbox.pop()) is not None:
            if isinstance(item, Blob):
                self._engine.core.moved(self.peer, (item,))

    def watched(self) -> tuple[int, int]:
        return -1, 0

    def broken(self) -> None:
        """Does nothing: there is no connection to break."""

    def hold(self) -> None:
        """Do nothing: a sender sends no images."""

    def read_on(self) -> None:
        """Do nothing: a sender sends no images."""

    def defined(self) -> None:
        """Do nothing: a sender defines no devices."""
