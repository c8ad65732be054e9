"""Joins wire, routing, view, tree and flow: an event goes in, effects come out. Pure.

Events: `join`, `receive`, `leave`, `may_begin`, `settle`, `tick`. Effects: what stands in the outboxes of the peers in
`desk.dirty`, and the list `desk.effects`.
"""

from inditree.core.desk import Settings
from inditree.core.effects import Audit, Close, Hold, Log, Mistake, Release, Wake
from inditree.core.peer import Peer, Policy
from inditree.core.router import Core

__all__ = ["Audit", "Close", "Core", "Hold", "Log", "Mistake", "Peer", "Policy", "Release", "Settings", "Wake"]
