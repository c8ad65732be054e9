"""Handles the devices of a link between routers that is lost for a moment. Rules: docs/tree.md, "A blip"."""

from __future__ import annotations

from collections.abc import Iterable

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.tree.holding import HELD, milliseconds
from inditree.wire.elements import Element
from inditree.wire.syntax import del_property, with_attributes

LOST_AT_ONCE = 256
"""Devices that go in one step: some milliseconds."""


def length(state: State, owner: Peer) -> float:
    """Seconds for which the devices of one who is gone are held: those of a router that has not said that it goes."""
    link = owner.link
    return state.holding.length if link is not None and link.is_router and not link.parted else 0.0


def hold(state: State, device: str, owner: Peer, origin: str, told: Iterable[Peer], seconds: float) -> bool:
    """Hold a device that `owner` provided: clients and drivers hear nothing, links that it is gone.

    False: there is no room for it.
    """
    known = state.view.devices.get(device)
    properties = list(known.properties.values()) if known is not None else []
    if not state.holding.has_room(properties):
        return False
    state.holding.begin(device, owner, origin, seconds, properties)
    plain = del_property(device)
    held = with_attributes(plain, **{HELD: milliseconds(seconds)})
    for peer in told:
        if peer.link is not None:
            state.desk.send(peer, held if peer.link.is_router else plain, "delProperty", device)
    return True


def expire(state: State) -> None:
    """Go on with what was held for as long as it may be."""
    now = state.desk.now
    for device in state.holding.due(LOST_AT_ONCE):
        held = state.holding.devices[device]
        if held.owner is None and held.until <= now:
            give_up(state, device, said=state.holding.count(held.last))
        else:
            _drop(state, device, [name for name, until in held.waiting.items() if until <= now])
        state.holding.watch_on(device)
    for peer, number in state.holding.uncounted():
        text = f"{number} more devices: no longer provided by {peer.place}"
        state.desk.log("info", "devices_gone", text, peer=peer.name)


def gone(state: State, peer: Peer, element: Element, device: str) -> None:
    """End the hold of a device: the router that said it may come back says that it will not."""
    held = state.holding.devices.get(device)
    if held is not None and held.owner is None and held.last is peer and HELD not in element.attributes:
        give_up(state, device)


def give_up(state: State, device: str, *, said: bool = True) -> None:
    """Nobody provides a held device: clients and drivers hear now that it is gone.

    Links have heard it before; routers hear it again where it is over before the time that they were told. `said`: the
    log names it.
    """
    desk, held = state.desk, state.holding.devices[device]
    early = held.told > desk.now
    hearers = state.routes.hearers(held.last, "delProperty", device, None)
    told = [peer for peer in hearers if peer.link is None or (early and peer.link.is_router)]
    state.holding.forget(device)
    state.view.delete(device, None)
    state.routes.forget()
    desk.send_all(told, del_property(device), "delProperty", device)
    if said:
        desk.log("info", "device_gone", f"{device}: no longer provided by {held.last.place}", device=device)
    desk.forget_device(device)


def _drop(state: State, device: str, names: list[str]) -> None:
    """Delete properties of a held device that do not come again."""
    held = state.holding.devices[device]
    for name in names:
        told = state.routes.hearers(held.owner or held.last, "delProperty", device, name)
        state.view.delete(device, name)
        state.desk.send_all(told, del_property(device, name), "delProperty", device)
        state.holding.back(device, name)
    if names:
        state.routes.forget()


def joined(state: State, peer: Peer) -> None:
    """A client turns out to be a server: links are not shown what is held, of which it has been told."""
    for device in state.holding.stale():
        if peer.hears("delProperty", device, None):
            state.desk.send(peer, del_property(device), "delProperty", device)


def part(state: State, peer: Peer) -> None:
    """A link to a router is about to end on purpose: the other end is to delete at once what it has from here."""
    link = peer.link
    if link is None or not link.is_router or not link.settled or link.parted:
        return
    for device in list(state.view.devices):
        if state.ownership.owners.get(device) is not peer and peer.hears("delProperty", device, None):
            state.desk.send(peer, del_property(device), "delProperty", device)
    link.parted = True
    state.routes.forget()
