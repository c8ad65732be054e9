"""The observatory of one router: its interlocks at the gate of the core, and what is told of them."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

from inditree.commands.names import literal
from inditree.config import Config
from inditree.config.observatory import interlock
from inditree.core import Core, Peer
from inditree.observatory.interlocks import Gate, Interlock
from inditree.observatory.values import Values
from inditree.ops.model import InterlockRow


class Observatory:
    """What the configuration says of conditions, applied to one core."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.values = Values(core.view, self._silent, self._clients)
        self._gate: Gate | None = None

    def apply(self, config: Config) -> None:
        """Take over the configuration; what was counted stays."""
        interlocks = [interlock(each) for each in config.interlocks]
        self._gate = Gate(interlocks, self.values, self._gate) if interlocks else None
        self._core.guard(self._gate)

    def interlocks(self) -> tuple[InterlockRow, ...]:
        """Each with what it comes to now."""
        if self._gate is None:
            return ()
        self._core.state.catch_up()
        return tuple(self._row(each, self._gate.refusals[each.name]) for each in self._gate.interlocks)

    def _row(self, each: Interlock, refusals: int) -> InterlockRow:
        return InterlockRow(
            name=each.name,
            refuse=tuple(pattern.text for pattern in each.refuse),
            unless=each.unless.text,
            max_age=each.max_age,
            holds=each.holds(self.values),
            unknown=tuple(sorted(".".join(operand) for operand in each.unknown(self.values))),
            enforced="partial" if self._elsewhere(each) else "full",
            refusals=refusals,
            devices=tuple(sorted(each.names())),
        )

    def _elsewhere(self, each: Interlock) -> bool:
        """Whether a device that it guards is at another server: commands may reach that one by other ways."""
        owners = self._core.ownership.owners
        for pattern in each.refuse:
            if (name := literal(pattern.device)) is not None:
                found = [owners[name]] if name in owners else []
            else:
                found = [peer for device, peer in owners.items() if fnmatchcase(device, pattern.device)]
            if any(peer.link is not None for peer in found):
                return True
        return False

    def _silent(self, device: str) -> float:
        owner = self._core.ownership.owners.get(device)
        known = self._core.counters.devices.get(device)
        if owner is None or owner.gone or known is None:
            return math.inf
        return self._core.now - known.last_message

    def _clients(self, pattern: str) -> int:
        return sum(_fits(peer, pattern) for peer in self._core.peers.values() if peer.kind == "client")


def _fits(peer: Peer, pattern: str) -> bool:
    """A connection's listener, address (with and without its port) or certificate's subject."""
    names = (peer.policy.listener, peer.address, peer.address.rpartition(":")[0], peer.policy.subject)
    return any(fnmatchcase(name, pattern) for name in names if name)
