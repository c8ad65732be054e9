"""Who owns a device: claims, refusals, loss and return. Rules: docs/tree.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inditree.core import blobs, links, providers
from inditree.tree import paths
from inditree.tree.link import PAUSE
from inditree.wire.syntax import del_property, get_properties

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core


COUNTED_DEVICES = 1024
"""Devices whose counters outlive them: past it one that goes is forgotten, as names can be made up without end."""


def admit(core: Core, peer: Peer, device: str, via: str) -> bool:
    """Is a definition of `device` by `peer`, which came by the path `via`, believed? Claims the device where it can."""
    owner = core.owners.get(device)
    if peer.link is not None:
        if not peer.link.takes(device):
            return False
        if core.settings.identity in paths.ids(via):
            _refuse_own(core, peer, device, via)
            return False
    if owner is peer:
        return True
    if owner is not None or not _may_claim(core, peer, device):
        _refuse(core, peer, device, via, owner)
        return False
    _claim(core, peer, device, via)
    return True


def _refuse_own(core: Core, peer: Peer, device: str, via: str) -> None:
    """A definition that has been here already: from the owner it is the loss of the device."""
    assert peer.link is not None
    peer.refused[device] = paths.origin(via)
    _report_path(core, peer, device, paths.origin(via))
    if core.owners.get(device) is peer:
        lose(core, device)


def _may_claim(core: Core, peer: Peer, device: str) -> bool:
    """Nobody owns it. A link is believed after the pause, and, if it was refused before, once it was asked for all."""
    if peer.link is None:
        return True  # where nobody owns it, nobody has refused it to a driver: `lose` asks for it again
    if device in core.pauses:
        return False
    return device not in peer.refused or device in peer.link.asked_for


def _claim(core: Core, peer: Peer, device: str, via: str) -> None:
    core.owners[device] = peer
    peer.owns.add(device)
    core.pauses.pop(device, None)
    core.untold.pop(device, None)
    for other in core.peers.values():
        if other.link is not None:
            other.link.asked_for.discard(device)
    peer.refused.pop(device, None)
    if peer.link is not None:
        peer.link.origins[device] = paths.origin(via)
    core.routes.forget()
    core.log("info", "device", f"{device}: provided by {core.place(peer)}", device=device, peer=peer.name)


def _refuse(core: Core, peer: Peer, device: str, via: str, owner: Peer | None) -> None:
    peer.refused[device] = paths.origin(via)
    if owner is None:
        return
    if via and paths.origin(via) == _origin(core, owner, device):
        _report_path(core, peer, device, paths.origin(via))
    elif device not in core.conflicts:
        core.conflicts[device] = (core.place(owner), core.place(peer))
        core.log(
            "warning",
            "conflict",
            f"device {device} is provided by {core.place(owner)} and by {core.place(peer)}: the second is refused",
            device=device,
            peer=peer.name,
        )


def _origin(core: Core, owner: Peer, device: str) -> str:
    """The ID of the router at which the owner's device is."""
    if owner.link is None:
        return core.settings.identity
    return owner.link.origins[device]


def _report_path(core: Core, peer: Peer, device: str, origin: str) -> None:
    """A redundant path: harmless, said and counted once for each link and origin."""
    assert peer.link is not None
    if origin in peer.link.reported:
        return
    peer.link.reported.add(origin)
    core.counters.loops[peer.name] += 1
    core.log(
        "info",
        "redundant_path",
        f"{device} is reached over {core.place(peer)} too: a redundant path, kept as a spare",
        device=device,
        peer=peer.name,
    )


def withdraw(core: Core, peer: Peer, device: str) -> None:
    """Who was refused has deleted the device, or is gone: is there a conflict still?"""
    peer.refused.pop(device, None)
    owner = core.owners.get(device)
    if device not in core.conflicts or owner is None:
        return
    origin = _origin(core, owner, device)
    if not any(p is not peer and _has_other(p, device, origin) for p in core.peers.values()):
        del core.conflicts[device]


def withdraw_all(core: Core, peer: Peer) -> None:
    """The same for all that a peer was refused for."""
    for device in list(peer.refused):
        withdraw(core, peer, device)


def _has_other(peer: Peer, device: str, origin: str) -> bool:
    """Was this peer refused for a device of that name that is at another place?"""
    return peer.refused.get(device, origin) != origin


def lose(core: Core, device: str, farewell: bytes | None = None) -> None:
    """The owner of a device is gone, or has deleted it: everybody who cares is told, then others are asked for it.

    `farewell`: the owner's own delProperty, which may have a message.
    """
    owner = core.owners.pop(device)
    owner.owns.discard(device)
    if owner.link is not None:
        owner.link.origins.pop(device, None)
    core.conflicts.pop(device, None)
    told = providers.hearers(core, owner, "delProperty", device, None)
    core.view.delete(device, None)
    blobs.send_parked(core, device, None)
    links.forget_demand(core, device, None)
    core.send_all(told, farewell or del_property(device), "delProperty")
    core.routes.forget()
    core.log("info", "device_gone", f"{device}: no longer provided by {core.place(owner)}", device=device)
    if len(core.counters.devices) > COUNTED_DEVICES:
        core.counters.devices.pop(device, None)
    for driver in [p for p in core.peers.values() if p.is_driver and device in p.refused]:
        del driver.refused[device]
        core.send(driver, get_properties(device), "getProperties")
    if any(p.link is not None for p in core.peers.values()):
        core.pauses[device] = core.now + PAUSE
        core.wake(PAUSE)


def end_pauses(core: Core) -> None:
    """Pauses that are over: every link is asked, the one that lost it too; the first that answers owns it."""
    for device, until in list(core.pauses.items()):
        if until > core.now:
            core.wake(until - core.now)
            continue
        del core.pauses[device]
        if device in core.owners:
            continue
        for peer in list(core.peers.values()):
            if peer.link is None or not (peer.link.settled and peer.link.takes(device)):
                continue
            if peer.sees(device) or device in peer.link.defined:  # what a listener hides is not asked for by name
                peer.link.asked_for.add(device)
                core.send(peer, get_properties(device), "getProperties")
