"""The observatory that runs itself, loaded with the first configuration that asks for it: 25 ms of a start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inditree.config import Config
from inditree.core import Peer
from inditree.ops.control import ControlError
from inditree.ops.model import InterlockRow, ReactionRow
from inditree.transport.engine import Engine

if TYPE_CHECKING:
    from inditree.observatory.desired import Target
    from inditree.server.observatory import Observatory


class LazyObservatory:
    """The observatory of one router, `loaded` where it has one; most have none, and then everything here is empty."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.loaded: Observatory | None = None

    def _needed(self) -> Observatory:
        if self.loaded is None:
            from inditree.server.observatory import Observatory

            self.loaded = Observatory(self._engine)
        return self.loaded

    def apply(self, config: Config) -> None:
        """Take over the configuration; what is as it was keeps its state, and what was counted stays."""
        if self.loaded is not None or config.interlocks or config.devices or config.reactions:
            self._needed().apply(config)

    def connect(self, owners: Callable[[Peer], bool] | None) -> None:
        """Have the devices of these owners connected when they appear; what the configuration desires comes first."""
        if self.loaded is not None or owners is not None:
            self._needed().connect(owners)

    def stop(self) -> None:
        """Command nothing any more."""
        if self.loaded is not None:
            self.loaded.stop()

    def missing(self) -> dict[str, str]:
        """Says why the router is not ready: devices that are required, and what is wrong with them."""
        return {} if self.loaded is None else self.loaded.keeper.missing()

    def ready(self) -> dict[str, bool]:
        """Says of each device that is there, and of which something is desired, whether it is as it is to be."""
        return {} if self.loaded is None else self.loaded.keeper.ready()

    def target(self, device: str) -> Target | None:
        """The target of a device, None where nothing is desired of it."""
        return None if self.loaded is None else self.loaded.keeper.target(device)

    def interlocks(self) -> tuple[InterlockRow, ...]:
        """Each with what it comes to now."""
        return () if self.loaded is None else self.loaded.interlocks()

    def reactions(self) -> tuple[ReactionRow, ...]:
        """Each with its state and what it waits for."""
        return () if self.loaded is None else self.loaded.reactions()

    def run(self, name: str) -> None:
        """Carry out the steps of a reaction now. Raises ControlError."""
        self._with(name).run(name)

    def reset(self, name: str) -> None:
        """Arm a reaction again. Raises ControlError."""
        self._with(name).reset(name)

    def _with(self, name: str) -> Observatory:
        if self.loaded is None:
            raise ControlError(404, f"there is no reaction {name!r}")
        return self.loaded
