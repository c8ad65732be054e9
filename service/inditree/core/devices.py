"""Gaining and losing a device: who is told, what is forgotten, who is asked next. Rules: docs/tree.md."""

from __future__ import annotations

from functools import partial

from inditree.core import blips, blobs
from inditree.core.holding import NAMED_DEVICES
from inditree.core.ownership import Verdict
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.tree import paths
from inditree.wire.syntax import del_property, get_properties

LOST_AT_ONCE = 256
"""Devices whose loss is told in one step: some milliseconds."""


def admit(state: State, peer: Peer, device: str, via: str) -> bool:
    """Is a definition of `device` by `peer`, which came by the path `via`, believed?"""
    owner_of(state, device)
    verdict = state.ownership.admit(peer, device, via)
    if verdict is Verdict.CLAIMED:
        state.notices.there(device)
        if state.holding.claimed(device, peer, paths.origin(via)):
            state.view.appear_anew(device)
        state.demand.owned(device, peer)
        state.routes.forget()
    elif verdict is Verdict.LOST:
        lose(state, device)
    return verdict in (Verdict.OWNED, Verdict.CLAIMED)


def lose_all(state: State, owner: Peer) -> None:
    """A peer is gone, and all its devices with it. Of many devices only the first are named in the log."""
    devices = sorted(owner.owns)
    state.ownership.leaving += ((device, number < NAMED_DEVICES) for number, device in enumerate(devices))
    lose_some(state)
    if len(devices) > NAMED_DEVICES:
        held = blips.length(state, owner)
        text = f"{len(devices) - NAMED_DEVICES} more devices: {_what(owner, held)}"
        state.desk.log("info", "devices_held" if held else "devices_gone", text, peer=owner.name)


def lose_some(state: State) -> None:
    """Go on with the devices of those who are gone: thousands in one step would stop everything else."""
    leaving = state.ownership.leaving
    for _ in range(min(len(leaving), LOST_AT_ONCE)):
        device, said = leaving.popleft()
        owner = state.ownership.owners.get(device)
        if owner is not None and owner.gone:
            held = blips.length(state, owner)
            state.desk.attempt(None, partial(lose, state, device, held=held, said=said))
    if leaving:
        state.desk.wake(0.0)


def owner_of(state: State, device: str) -> Peer | None:
    """The owner of a device, None where there is none or it is gone."""
    owner = state.ownership.owners.get(device)
    if owner is not None and owner.gone:
        lose(state, device, held=blips.length(state, owner))
        return None
    return owner


def lose(state: State, device: str, farewell: bytes | None = None, *, held: float = 0.0, said: bool = True) -> None:
    """The owner of a device is gone, or has deleted it: everybody who cares is told, then others are asked for it.

    `farewell`: the owner's own delProperty, which may have a message. `held`: seconds for which it may come back before
    clients and drivers are told. `said`: the log names it.
    """
    desk = state.desk
    origin = state.ownership.origin(device)
    owner = state.ownership.end(device)
    told = state.routes.hearers(owner, "delProperty", device, None)
    state.commands.lost(device, None)
    blobs.send_waiting(state, device, None)
    state.demand.forget(device, None)
    held = held if held and blips.hold(state, device, owner, origin, told, held) else 0.0
    if not held:
        state.holding.forget(device)
        state.view.delete(device, None)
        desk.send_all(told, farewell or del_property(device), "delProperty", device)
        desk.forget_device(device)
    state.routes.forget()
    if said:
        desk.log("info", "device_held" if held else "device_gone", f"{device}: {_what(owner, held)}", device=device)
    for driver in state.ownership.refused_drivers(device):
        desk.send(driver, get_properties(device), "getProperties")
    if desk.links:
        state.ownership.pause(device, owner if farewell is not None else None, owner if held else None)


def _what(owner: Peer, held: float) -> str:
    """The fate of a device, for the log."""
    if held:
        return f"lost behind {owner.place}, may come back within {held:g} s"
    return f"no longer provided by {owner.place}"


def end_pauses(state: State) -> None:
    """Pauses that are over: every link is asked, the one that lost it too; the first that answers owns it."""
    asked: dict[Peer, None] = {}
    for device in state.ownership.end_pauses():
        for peer in list(state.desk.links):
            if peer.link is None or not (peer.link.settled and peer.link.accepts(device)):
                continue
            if peer.sees(device) or device in peer.link.defined:  # what a listener hides is not asked for by name
                state.ownership.asked(peer, device)
                state.desk.send(peer, get_properties(device), "getProperties")
                if peer.is_router and device in state.holding.devices:
                    asked[peer] = None
    for peer in asked:
        state.holding.ping(peer)
