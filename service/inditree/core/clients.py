"""What comes from those who use devices: getProperties, enableBLOB, new*, pings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inditree.core import blobs, links, providers
from inditree.flow.outbox import Traced
from inditree.routing.wishes import MODES
from inditree.tree import paths
from inditree.tree.acks import PREFIX
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import message, normal_version, without_attribute

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core

LIBINDI_PING = "SetBLOB/"
"""How the uid begins of the ping that a libindi driver sends after each BLOB and waits for."""


WISHES_LIMIT = 4 << 20
"""Bytes of memory that the names of one peer's wishes may take: some ten thousand properties."""

NAME_LIMIT = 256
"""Characters of a name that is remembered; libindi's have 64 at most."""

TOLD_LIMIT = 4096
"""Devices that are not there and were asked for, remembered so that nobody is told twice."""


@dataclass(frozen=True, slots=True)
class Request:
    """A new* on its way: whose it is, and its element (of a BLOB its start tag)."""

    peer: Peer
    element: Element


def get_properties(core: Core, peer: Peer, element: Element) -> None:
    """Register the interest and answer from the view, in one step."""
    device, name = element.device or None, element.name or None
    if links.introduces_itself(peer, element):
        links.accept(core, peer, element)
        return
    if links.INTRODUCES in element.attributes:
        if peer.link is not None and links.introduced_late(core, peer, element):
            return
        element = links.without_introduction(element)
    if device == "*" and peer.kind == "client" and peer.policy.peers != "none" and not peer.asked:
        links.accept_chained(core, peer)
        return
    peer.asked = True
    if device == "*":
        device = name = None
    if peer.wishes.ask(device, name):
        _bound_wishes(core, peer)
        core.routes.forget()
        links.sync_for(core, peer)
    if core.settings.forwarded:
        _forward(core, peer, element)
    else:
        answer(core, peer, device, name)
    if peer.is_driver:
        for chained in [p for p in core.peers.values() if p.link is not None and p.link.snoops]:
            if device is None or (core.owners.get(device) in (None, chained) and chained.sees(device)):
                core.send(chained, normal_version(element.data), "getProperties")


def _bound_wishes(core: Core, peer: Peer) -> None:
    """Names cost memory, and who asks for ever new ones must not take all of it."""
    if peer.wishes.weight > WISHES_LIMIT:
        core.close(peer, "limit", f"asks for too many properties ({WISHES_LIMIT >> 20} MiB of names)")


def answer(core: Core, peer: Peer, device: str | None, name: str | None) -> None:
    """What is defined now, to the asker only."""
    for known, each in core.view.matching(device, name):
        if core.owners.get(known) is not peer and peer.hears(each.tag, known, each.name):
            providers.offer_definition(core, [peer], each.tag, each.current(), each.via)


def _forward(core: Core, peer: Peer, element: Element) -> None:
    """`definitions: forwarded`: the drivers answer, to all who are interested."""
    owner = core.owners.get(element.device) if element.device else None
    data = normal_version(element.data)
    if element.device == "*":  # it would rename a libindi driver
        data = without_attribute(data, "device")
    if owner is None:
        providers.pass_ownerless(core, peer, Element(element.tag, element.attributes, data))
    elif owner is not peer:
        core.send(owner, paths.strip(data) if paths.VIA in element.attributes else data, element.tag)


def enable_blob(core: Core, peer: Peer, element: Element) -> None:
    """A BLOB wish, which shows interest in the device too. INDIGO's `URL` is taken for Also."""
    device, name = element.device or None, element.name or None
    mode = element.text
    if mode.upper() == "URL":
        mode = "Also"
    if mode not in MODES:
        core.drop(peer, "unknown", len(element.data))
        core.once_per_peer(peer, "warning", "enable_blob", f"enableBLOB {mode[:20]!r} is none of Never, Also, Only")
        return
    peer.wishes.set_blob(mode, device, name)
    if device is not None and peer.link is None and not (name and peer.wishes.interested(device, name)):
        peer.wishes.use(device)
    _bound_wishes(core, peer)
    core.routes.forget()
    links.sync_demand(core)
    core.progress = True


def ping(core: Core, peer: Peer, element: Element) -> None:
    """Answered in order; what follows a BLOB between routers when there is room for the next one."""
    uid = element.attributes.get("uid", "")
    if peer.link is not None and uid.startswith(PREFIX) and peer.is_router:
        assert peer.link is not None
        if not peer.link.acks.owe(peer.last_blob, uid, peer.last_size):
            core.close(peer, "limit", "asks for acknowledgements without waiting for any")
        blobs.pay(core, peer)
        return
    if peer.is_driver and uid.startswith(LIBINDI_PING):
        peer.pings = True
    core.pong(peer, uid)


# Commands


def command(core: Core, peer: Peer, item: Element | Blob) -> None:
    """A new*: toward the owner only, its echo to the other interested clients."""
    element = item.element if isinstance(item, Blob) else item
    device = element.device
    size = item.size if isinstance(item, Blob) else len(item.data)
    if not device:
        core.drop(peer, "unknown", size)
        return
    owner = core.owners.get(device)
    if owner is peer:
        _echo(core, peer, item, device)
        return
    if peer.policy.read_only or not peer.sees(device):
        _refuse(core, peer, item, device, size)
        return
    if peer.link is None and peer.wishes.use(device):
        _bound_wishes(core, peer)
        core.routes.forget()
        links.sync_for(core, peer)
    if owner is None:
        undelivered(core, Request(peer, element))
        return
    _deliver(core, owner, item, Request(peer, element))
    core.audit(peer, item, "sent")
    _echo(core, peer, item, device)


def _deliver(core: Core, owner: Peer, item: Element | Blob, request: Request) -> None:
    if isinstance(item, Blob):
        blobs.put(core, owner, item, request)
        return
    data = Traced(item.data)
    data.about = request
    core.send(owner, data, item.tag)


def _echo(core: Core, peer: Peer, item: Element | Blob, device: str) -> None:
    """To clients only: over a redundant link an echo is a request again."""
    for other in list(core.peers.values()):
        if other is peer or other.kind != "client":
            continue
        if isinstance(item, Blob):
            if other.hears_blob(device, item.name):
                blobs.put(core, other, item)
        elif other.hears(item.tag, device, item.name):
            core.send(other, item.data, item.tag)


def _refuse(core: Core, peer: Peer, item: Element | Blob, device: str, size: int) -> None:
    why = "this connection is read-only" if peer.policy.read_only else f"{device} is not open to this connection"
    core.drop(peer, "access", size)
    core.audit(peer, item, "refused")
    text = f"Refused {item.tag} {item.name or ''}: {why}"
    core.send(peer, message(text, core.settings.timestamp(), device), "message")


def tell_undelivered(core: Core, gone: Peer) -> None:
    """A driver or link is gone, and its devices with it: who sent what still waited for it is told."""
    for request in gone.outbox.abandon():
        assert isinstance(request, Request)
        undelivered(core, request)


def undelivered(core: Core, request: Request) -> None:
    """A new* has not reached an owner."""
    peer, element = request.peer, request.element
    core.drop(peer, "undeliverable", len(element.data))
    core.audit(peer, element, "undeliverable")
    if not peer.gone:
        _tell_missing(core, peer, element.device or "")


def _tell_missing(core: Core, peer: Peer, device: str) -> None:
    """Once until the device has an owner again."""
    told = core.untold.get(device)
    if len(device) > NAME_LIMIT:
        told = set()
    elif told is None:
        if len(core.untold) >= TOLD_LIMIT:
            del core.untold[next(iter(core.untold))]
        told = core.untold[device] = set()
    if peer.id in told:
        return
    told.add(peer.id)
    data = message(f"{device} is not there: the request was not delivered", core.settings.timestamp(), device)
    if peer.link is None:
        core.send(peer, data, "message")
    else:
        attributes = {"device": device}
        providers.pass_ownerless(core, None, Element("message", attributes, data))


def forget_peer(core: Core, peer: Peer) -> None:
    """The peer is gone: nothing is to be told to it."""
    for device, told in list(core.untold.items()):
        told.discard(peer.id)
        if not told:
            del core.untold[device]
