"""Carries out what the observatory decides: commands are sent as an in-process peer, and their ends told back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from inditree.commands import Outcome
from inditree.commands.making import CommandError, made
from inditree.observatory.values import Values
from inditree.server.sender import Sender
from inditree.transport.engine import Engine


class Actor:
    """Sends commands under one name; the last one for each purpose is the one whose end is told."""

    def __init__(self, engine: Engine, values: Values, name: str) -> None:
        self._sender = Sender(engine, name, listener="observatory")
        self._values = values
        self._open: dict[object, asyncio.Future[Outcome]] = {}

    def send(
        self,
        purpose: object,
        where: tuple[str, str],
        values: Mapping[str, str],
        told: Callable[[Outcome], None],
    ) -> None:
        """Set members of a property; `told` hears how that ended unless `purpose` has sent another by then."""
        device, name = where
        self.forget(purpose)
        root = self._values.root(device, name)
        if root is None:
            told(Outcome("undeliverable", "", 0.0, (f"{device}.{name} is not defined",)))
            return
        try:
            asked, data = made(root, values)
        except CommandError as error:
            told(Outcome("alert", "", 0.0, (str(error),)))
            return
        future = self._open[purpose] = self._sender.send(asked, data)

        def ended(done: asyncio.Future[Outcome]) -> None:
            if not done.cancelled() and self._open.get(purpose) is done:
                del self._open[purpose]
                told(done.result())

        future.add_done_callback(ended)

    def forget(self, purpose: object) -> None:
        """Nobody wants to know any more how its last command ends."""
        self._open.pop(purpose, None)

    def close(self) -> None:
        """Send nothing any more."""
        self._open.clear()
        self._sender.close("shutdown", "the router stops")
