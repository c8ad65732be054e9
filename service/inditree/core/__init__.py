"""The router without I/O: an event goes in, effects come out. Joins wire, view, tree and flow. Pure.

Events: `join`, `receive`, `heard`, `may_begin`, `discard`, `leave`, `tick`. One way out: `to_write` are the peers in
whose outboxes something stands, `drain` is what else is to be done.
"""

from inditree.core.desk import Settings
from inditree.core.effects import Answered, Audit, Close, Defined, Free, Hold, Log, Mistake, ReadOn, Wake
from inditree.core.peer import Peer, Policy
from inditree.core.router import Core

__all__ = [
    "Answered",
    "Audit",
    "Close",
    "Core",
    "Defined",
    "Free",
    "Hold",
    "Log",
    "Mistake",
    "Peer",
    "Policy",
    "ReadOn",
    "Settings",
    "Wake",
]
