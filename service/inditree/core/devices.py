"""What follows when a device gets an owner, loses it, or is asked for again. Rules: docs/tree.md."""

from __future__ import annotations

from inditree.core import blobs
from inditree.core.ownership import Verdict
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.wire.syntax import del_property, get_properties

COUNTED_DEVICES = 1024
"""Devices whose counters outlive them: past it one that goes is forgotten, as names can be made up without end."""


def admit(state: State, peer: Peer, device: str, via: str) -> bool:
    """Is a definition of `device` by `peer`, which came by the path `via`, believed?"""
    verdict = state.ownership.admit(peer, device, via)
    if verdict is Verdict.CLAIMED:
        state.notices.there(device)
        state.routes.forget()
    elif verdict is Verdict.LOST:
        lose(state, device)
    return verdict in (Verdict.OWNED, Verdict.CLAIMED)


def lose(state: State, device: str, farewell: bytes | None = None) -> None:
    """The owner of a device is gone, or has deleted it: everybody who cares is told, then others are asked for it.

    `farewell`: the owner's own delProperty, which may have a message.
    """
    desk = state.desk
    owner = state.ownership.end(device)
    told = state.routes.hearers(owner, "delProperty", device, None)
    state.view.delete(device, None)
    blobs.send_waiting(state, device, None)
    state.demand.forget(device, None)
    desk.send_all(told, farewell or del_property(device), "delProperty", device)
    state.routes.forget()
    desk.log("info", "device_gone", f"{device}: no longer provided by {owner.place}", device=device)
    if len(desk.counters.devices) > COUNTED_DEVICES:
        desk.counters.devices.pop(device, None)
    for driver in state.ownership.refused_drivers(device):
        desk.send(driver, get_properties(device), "getProperties")
    if any(p.link is not None for p in desk.peers.values()):
        state.ownership.pause(device)


def end_pauses(state: State) -> None:
    """Pauses that are over: every link is asked, the one that lost it too; the first that answers owns it."""
    for device in state.ownership.end_pauses():
        for peer in list(state.desk.peers.values()):
            if peer.link is None or not (peer.link.settled and peer.link.takes(device)):
                continue
            if peer.sees(device) or device in peer.link.defined:  # what a listener hides is not asked for by name
                state.ownership.asked(peer, device)
                state.desk.send(peer, get_properties(device), "getProperties")
