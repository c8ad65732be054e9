"""What comes from those who provide devices: def*, set*, delProperty, message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inditree.core import blobs, links, ownership
from inditree.tree import paths
from inditree.wire.elements import Element, Run
from inditree.wire.syntax import message as say

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core
    from inditree.core.routes import Group
    from inditree.tree.link import Link

DEVICE_BYTES = 1024
"""Memory that a device takes beside its properties, its name not counted."""

KEEPALIVE = "Keep alive message"
"""What IPyServer says to its peers every 30 s; it ends at the first router."""


def may_define(peer: Peer) -> bool:
    """May this peer provide devices at all?"""
    return peer.kind != "client" or peer.policy.peers == "any"


def hearers(core: Core, peer: Peer, tag: str, device: str, name: str | None) -> list[Peer]:
    """Who is to hear a control element that `peer` says of a device of its own."""
    return [p for p in core.peers.values() if p is not peer and p.hears(tag, device, name)]


def targets(core: Core, peer: Peer, tag: str, device: str, name: str) -> tuple[tuple[Peer, ...], str]:
    """Who hears a set* of `peer`, and why nobody does ("" where it is welcome)."""
    owner = core.owners.get(device)
    if not may_define(peer):
        return (), "access"
    if owner is not None and owner is not peer:
        return (), "duplicate"
    if owner is None and peer.link is not None:
        # A chained indiserver passes on what its own drivers say to ours that snoop, before it has defined anything.
        if not peer.link.plain or not peer.link.takes(device):
            return (), "duplicate"
        return tuple(p for p in core.peers.values() if p.is_driver and p.hears(tag, device, name)), ""
    if owner is peer and _unannounced(core, peer, device, name):
        return (), "duplicate"
    known = core.view.find(device, name)
    return tuple(_without(hearers(core, peer, tag, device, name), known.via if known else "")), ""


def blob_targets(core: Core, peer: Peer, device: str, name: str) -> tuple[tuple[Peer, ...], str]:
    """Who gets the images of a property of `peer`, and why nobody does."""
    owner = core.owners.get(device)
    if not may_define(peer):
        return (), "access"
    if owner is not peer and (owner is not None or peer.link is not None):
        return (), "duplicate"
    if peer.link is not None and not peer.link.blobs:
        return (), "access"
    if _unannounced(core, peer, device, name):
        return (), "duplicate"
    return tuple(p for p in core.peers.values() if p is not peer and p.hears_blob(device, name)), ""


def refuse(core: Core, peer: Peer, reason: str, size: int, number: int = 1) -> bool:
    """Count what goes nowhere. True: it is told, for the first time, that it may provide nothing at all here."""
    core.drop(peer, reason, size, number)
    text = f"may not provide devices here (peers: {peer.policy.peers})"
    if may_define(peer) or not core.once_per_peer(peer, "warning", "define_refused", text):
        return False
    core.send(peer, say(f"This connection {text}", core.settings.timestamp()), "message")
    return True


def _unannounced(core: Core, peer: Peer, device: str, name: str) -> bool:
    """A router defines before it sets: a set* before that is of an older order, and the answer to come says it all."""
    return peer.is_router and core.view.find(device, name) is None


def _without(peers: list[Peer], via: str) -> list[Peer]:
    """Without the links to routers by which a device came to us: they were not told its definitions either."""
    passed = paths.ids(via)
    return [p for p in peers if p.link is None or p.link.remote_id not in passed]


def run(core: Core, peer: Peer, run: Run) -> None:
    """A run of set* elements: one decision, one offer to each target."""
    group: Group = run.group  # type: ignore[assignment]
    counters = peer.counters
    size = len(run.data)
    counters.control_bytes_received += size
    for head in run.heads:
        counters.received[head.tag] += head.count
    if peer in core.introducing:
        links.take_for_plain(core, peer)
    if group.refused:
        refuse(core, peer, group.refused, size, sum(head.count for head in run.heads))
        return
    owners = core.owners
    for head in run.heads:
        if owners.get(head.device) is peer:
            core.counters.devices[head.device].last_message = core.now
            known = core.view.find(head.device, head.name)
            if known is not None:
                core.unnoted.append((peer, known, run.data, head.first, head.last, head.end))
    core.send_run(group, run)


def set_values(core: Core, peer: Peer, element: Element) -> None:
    """One set* that is not in a run, a setBLOBVector without data included."""
    device, name = element.device, element.name
    if not device or not name:
        _nameless(core, peer, element)
        return
    if not may_define(peer):  # its names are not worth a route
        refuse(core, peer, "access", len(element.data))
        return
    group = core.routes.find(peer, element.tag, device, name)
    if group.refused:
        refuse(core, peer, group.refused, len(element.data))
        return
    if core.owners.get(device) is peer:
        core.counters.devices[device].last_message = core.now
        known = core.view.find(device, name)
        if known is not None:
            known.note(element.data, 0, 0, len(element.data))
    core.send_all(group.targets, element.data, element.tag)


def define(core: Core, peer: Peer, element: Element) -> None:
    """A def*: the first that defines a device owns it."""
    device, name = element.device, element.name
    if not device or not name:
        _nameless(core, peer, element)
        return
    if not may_define(peer):
        if refuse(core, peer, "access", len(element.data)):
            core.audit(peer, element, "refused")
        return
    if peer.kind == "client":
        links.take_plain_provider(core, peer)
    via = ""
    if peer.link is not None:
        _remember_device(peer, peer.link, device)
        via = element.attributes.get(paths.VIA, "") if peer.link.is_router else ""
        via = via or peer.link.remote_id or peer.link.path_id
    if not ownership.admit(core, peer, device, via):
        core.drop(peer, "duplicate", len(element.data))
        return
    data = paths.strip(element.data) if paths.VIA in element.attributes else element.data
    core.counters.devices[device].last_message = core.now
    if _unannounced(core, peer, device, name):
        core.routes.forget()
    core.view.define(element.tag, device, name, data, via, peer.weight)
    if peer.on_defined is not None:
        peer.on_defined()
    offer_definition(core, hearers(core, peer, element.tag, device, name), element.tag, data, via)
    if element.tag == "defBLOBVector" and peer.link is not None:
        core.remote_blobs[device, name] = peer
        links.sync_property(core, device, name)


def _remember_device(peer: Peer, link: Link, device: str) -> None:
    if device not in link.defined:
        link.defined.add(device)
        peer.weight.bytes += DEVICE_BYTES + len(device)


def offer_definition(core: Core, peers: list[Peer], tag: str, data: bytes, via: str) -> None:
    """A definition to those who want it: to routers with its path, and not to one that stands in it."""
    stamped: bytes | None = None
    passed = paths.ids(via)
    for hearer in peers:
        if hearer.link is None or not hearer.link.is_router:
            core.send(hearer, data, tag)
        elif hearer.link.remote_id not in passed:
            if stamped is None:
                stamped = paths.stamp(data, paths.extend(via, core.settings.identity))
            core.send(hearer, stamped, tag)


def delete(core: Core, peer: Peer, element: Element) -> None:
    """A delProperty from the owner: of one property, or of the device."""
    device, name = element.device, element.name
    if not device:
        _nameless(core, peer, element)
        return
    if core.owners.get(device) is not peer:
        if name is None:
            ownership.withdraw(core, peer, device)
        refuse(core, peer, "duplicate" if may_define(peer) else "access", len(element.data))
        return
    if name is None:
        ownership.lose(core, device, element.data)
        return
    told = hearers(core, peer, "delProperty", device, name)
    core.view.delete(device, name)
    blobs.send_parked(core, device, name)
    if peer.is_router:
        core.routes.forget()  # what it says of that property is not welcome before a new definition
    links.forget_demand(core, device, name)
    core.send_all(told, element.data, "delProperty")


def message(core: Core, peer: Peer, element: Element) -> None:
    """A message: for a device from its owner, else for everybody."""
    device = element.device
    if not may_define(peer):
        refuse(core, peer, "access", len(element.data))
        return
    owner = core.owners.get(device) if device else None
    if device and owner is not None:
        if owner is not peer:
            core.drop(peer, "duplicate", len(element.data))
            return
        data = paths.strip(element.data) if paths.VIA in element.attributes else element.data
        via = core.view.via(device)
        core.send_all(_without(hearers(core, peer, "message", device, None), via), data, "message")
        return
    if not device and element.attributes.get("message") == KEEPALIVE:
        return
    if peer.link is not None and not _may_be_ownerless(peer, peer.link, element):
        core.drop(peer, "duplicate", len(element.data))
        return
    pass_ownerless(core, peer, element)


def _may_be_ownerless(peer: Peer, link: Link, element: Element) -> bool:
    """Of a device that we do not take from here nothing is told; what a router says for an owner has no `seq`."""
    if element.device is not None and not link.takes(element.device):
        return False
    return not peer.is_router or paths.SEQ in element.attributes


def pass_ownerless(core: Core, peer: Peer | None, element: Element) -> None:
    """An element that nobody owns, to everybody, each router passing it on once."""
    own = core.settings.identity
    via, seq = element.attributes.get(paths.VIA), element.attributes.get(paths.SEQ)
    data = element.data
    if peer is not None and peer.is_router and via and seq:
        origin = paths.origin(via)
        if origin == own or not core.once.is_new(origin, element.tag, element.device or "", seq, core.now):
            core.drop(peer, "loop", len(data))
            return
        data = paths.strip(data)
    else:
        via, seq = "", core.once.next()
    stamped = paths.stamp(data, paths.extend(via, own), seq)
    passed = paths.ids(via)
    for other in list(core.peers.values()):
        if other is peer or not _hears_ownerless(other, element):
            continue
        if other.link is not None and other.link.is_router:
            if other.link.remote_id not in passed:
                core.send(other, stamped, element.tag)
        else:
            core.send(other, data, element.tag)


def _hears_ownerless(peer: Peer, element: Element) -> bool:
    question, device = element.tag == "getProperties", element.device
    if peer.is_driver:
        # libindi's drivers answer with all that they have, whatever device is asked for: ask who may yet have it.
        return question and (device in (None, "", "*") or not peer.owns)
    if device not in (None, "", "*") and not peer.sees(device or ""):
        return False
    if peer.link is not None:
        return peer.link.settled if question else peer.link.shows(device or "")
    return not question and (device is None or peer.wishes.hears("message", device, None))


def _nameless(core: Core, peer: Peer, element: Element) -> None:
    core.drop(peer, "unknown", len(element.data))
    core.once_per_peer(peer, "warning", "no_device", f"<{element.tag}> without device or name: dropped")
