"""Handlers of what providers of devices send: def*, set*, delProperty, message."""

from __future__ import annotations

from inditree.core import blips, blobs, definitions, devices, links, ownerless, renewal
from inditree.core.peer import Peer
from inditree.core.requests import UNDELIVERED
from inditree.core.routes import Group, without
from inditree.core.state import State
from inditree.core.unwelcome import nameless, refuse
from inditree.tree import paths
from inditree.tree.holding import HELD, seconds
from inditree.tree.link import Link
from inditree.wire.elements import Element, Run
from inditree.wire.spelling import Latin
from inditree.wire.syntax import without_attribute

DEVICE_BYTES = 1024
"""Memory that a device takes beside its properties, its name not counted."""

KEEPALIVE = "Keep alive message"
"""The message that IPyServer sends its peers every 30 s; it ends at the first router."""


def run(state: State, peer: Peer, run: Run) -> None:
    """A run of set* elements: one decision, one offer to each target."""
    group: Group = run.group  # type: ignore[assignment]
    counters = peer.counters
    size = len(run.data)
    counters.control_bytes_received += size
    for head in run.heads:
        counters.received[head.tag] += head.count
    if peer in state.introducing:
        links.treat_as_plain(state, peer)
    if group.refused:
        refuse(state, peer, group.refused, size, sum(head.count for head in run.heads))
        return
    owners = state.ownership.owners
    for head in run.heads:
        if owners.get(head.device) is peer:
            state.desk.counters.devices[head.device].last_message = state.desk.now
            known = state.view.find(head.device, head.name)
            if known is not None:
                state.unnoted.append((peer, known, run.data, head.first, head.last, head.end))
    state.routes.send(group, run)


def set_values(state: State, peer: Peer, element: Element) -> None:
    """One set* that is not in a run, a setBLOBVector without data included."""
    device, name = element.device, element.name
    if not device or not name:
        nameless(state, peer, element, len(element.data))
        return
    if not peer.may_define:  # its names are not worth a route
        refuse(state, peer, "access", len(element.data))
        return
    group = state.routes.find(peer, element.tag, device, name)
    if group.refused:
        refuse(state, peer, group.refused, len(element.data))
        return
    known = None
    if state.ownership.owners.get(device) is peer:
        state.desk.counters.devices[device].last_message = state.desk.now
        known = state.view.find(device, name)
        if known is not None:
            state.view.hear(known, element.data, 0, len(element.data), state.desk.now)
            if known.store(element.data, 0, 0, len(element.data)):
                state.refreshing.notice(peer, known)
    state.desk.send_all(group.targets, element.data, element.tag, device)
    if known is not None and state.commands.open and (command := state.commands.to(known)) is not None:
        state.commands.heard(command, known, (element.data,))


def define(state: State, peer: Peer, element: Element) -> None:
    """A def*: the first that defines a device owns it."""
    device, name = element.device, element.name
    if not device or not name:
        nameless(state, peer, element, len(element.data))
        return
    if not peer.may_define:
        if refuse(state, peer, "access", len(element.data)):
            state.desk.audit(peer, element, "refused")
        return
    if peer.kind == "client":
        links.accept_plain_provider(state, peer)
    via = ""
    if peer.link is not None:
        _remember_device(state, peer, peer.link, device)
        via = element.attributes.get(paths.VIA, "") if peer.link.is_router else ""
        via = via or peer.link.remote_id or peer.link.path_id
    if not devices.admit(state, peer, device, via):
        state.desk.count_dropped(peer, "duplicate", len(element.data))
        return
    if element.latin:
        peer.latin = peer.latin or Latin()
        peer.latin.learn(element)
    state.desk.counters.devices[device].last_message = state.desk.now
    _publish(state, peer, element, via)
    if element.tag == "defBLOBVector" and peer.link is not None:
        state.demand.provide(peer, device, name, via)


def _publish(state: State, peer: Peer, element: Element, via: str) -> None:
    """A definition that is believed goes into the view, and to those who want it: whole, or only what differs."""
    device, name = element.device or "", element.name or ""
    data = paths.strip(element.data) if paths.VIA in element.attributes else element.data
    old = state.view.find(device, name)
    before = old.current() if old is not None and state.refreshing.answers(peer, device) else None
    stale = state.view.stale(device, name)
    held = stale.current() if stale is not None else None
    if old is None or (element.tag == "defBLOBVector" and (device, name) not in state.view.images):
        state.routes.forget()  # what is set of it was not welcome until now
    state.view.define(element.tag, device, name, data, via, peer.weight)
    if (known := state.view.find(device, name)) is not None:
        state.view.hear(known, data, 0, len(data), state.desk.now)
    if peer.is_driver:
        state.desk.defined(peer)
    if held is not None:
        renewal.again(state, peer, element, held, data, via)
        state.holding.back(device, name)  # behind it, as it may say that all of the device is said
    elif before is None or not renewal.renew(state, peer, element, before, via):
        definitions.offer(state, state.routes.hearers(peer, element.tag, device, name), element.tag, device, data, via)


def _remember_device(state: State, peer: Peer, link: Link, device: str) -> None:
    if device not in link.defined:
        link.defined.add(device)
        peer.weight.bytes += DEVICE_BYTES + len(device)
    if device not in link.site.defined:
        link.site.defined.add(device)
        if link.names is not None:
            link.site.defined.add(link.names.far(device))
        if link.plain:  # from now on it is shown nothing of this one, over any link
            state.routes.forget()
            for other in state.desk.links:
                if other.link is not None and other.link.site is link.site:
                    state.demand.changed(other, device)


def delete(state: State, peer: Peer, element: Element) -> None:
    """A delProperty from the owner: of one property, or of the device."""
    device, name = element.device, element.name
    if not device:
        nameless(state, peer, element, len(element.data))
        return
    if state.ownership.owners.get(device) is not peer:
        if name is None:
            state.ownership.withdraw(peer, device)
            blips.gone(state, peer, element, device)
        refuse(state, peer, "duplicate" if peer.may_define else "access", len(element.data))
        return
    if name is None:
        held = seconds(element.attributes.get(HELD), state.holding.length) if peer.is_router else 0.0
        farewell = without_attribute(element.data, HELD) if peer.is_router else element.data
        devices.lose(state, device, farewell, held=held)
        return
    told = state.routes.hearers(peer, "delProperty", device, name)
    state.view.delete(device, name)
    state.commands.lost(device, name)
    blobs.send_waiting(state, device, name)
    state.routes.forget()  # what is set of it is not welcome before a new definition
    state.demand.forget(device, name)
    state.desk.send_all(told, element.data, "delProperty", device)
    state.holding.back(device, name)


def message(state: State, peer: Peer, element: Element) -> None:
    """A message: for a device from its owner, else for everybody."""
    device = element.device
    if not peer.may_define:
        refuse(state, peer, "access", len(element.data))
        return
    owner = state.ownership.owners.get(device) if device else None
    if device and owner is not None and not _is_answer(peer, element):
        if owner is not peer:
            state.desk.count_dropped(peer, "duplicate", len(element.data))
            return
        data = paths.strip(element.data) if paths.VIA in element.attributes else element.data
        text = element.attributes.get("message", "")
        state.commands.said(device, text)
        state.view.note_message(device, text, state.desk.now)
        via = state.view.via(device)
        state.desk.send_all(without(state.routes.hearers(peer, "message", device, None), via), data, "message", device)
        return
    if not device and element.attributes.get("message") == KEEPALIVE:
        return
    if peer.link is not None and not _may_be_ownerless(peer, peer.link, element):
        state.desk.count_dropped(peer, "duplicate", len(element.data))
        return
    ownerless.pass_on(state, peer, element)


def _is_answer(peer: Peer, element: Element) -> bool:
    """Does a router tell the sender of a request that its device is not there? By now it may be, by another way."""
    attributes = element.attributes
    return peer.is_router and paths.SEQ in attributes and attributes.get("message", "").endswith(UNDELIVERED)


def _may_be_ownerless(peer: Peer, link: Link, element: Element) -> bool:
    """Tell nothing of a device that is not taken from this link; what a router says for an owner has no `seq`."""
    if element.device is not None and not link.accepts(element.device):
        return False
    return paths.SEQ in element.attributes if peer.is_router else link.site.speaks_over(link)
