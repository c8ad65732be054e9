"""What those who connected to us may hold of our memory, all together: a part of it, however many they are.

Drivers and links that we opened are the operator's own choice and are not bounded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core

PART = 4
"""The part of `limits.memory`, 1/4, that they may take for images on their way, and once more for their devices."""

WEIGHED_EVERY = 8 << 20
"""Bytes of control elements from them after which their devices are weighed: what they can pass the bound by."""


def note(core: Core, peer: Peer, size: int) -> None:
    """`peer` has sent `size` bytes of control elements; the largest is closed when their devices weigh too much."""
    if peer.link is None or peer.link.opener:
        return
    core.unweighed += size
    if core.unweighed < min(WEIGHED_EVERY, core.settings.memory // PART):
        return
    core.unweighed = 0
    weights = {each: each.weight.bytes for each in core.peers.values() if each.link and not each.link.opener}
    if sum(weights.values()) > core.settings.memory // PART:
        heaviest = max(weights, key=weights.__getitem__)
        core.close(heaviest, "limit", f"its devices take {weights[heaviest]} bytes, too much of limits.memory")
