"""Links: introduction, who is at the other end, BLOBs on demand, probes. Rules: docs/tree.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inditree.core import blobs, clients
from inditree.tree import paths
from inditree.tree.acks import PREFIX
from inditree.tree.link import FEATURES, PROBE, Link
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import enable_blob, get_properties, ping_request, without_attribute

if TYPE_CHECKING:
    from inditree.core.peer import Peer
    from inditree.core.router import Core

INTRODUCES, TO = "inditree", "to"


def introduce(core: Core, peer: Peer) -> None:
    """Say who we are on a link that we opened, and wait for the answer."""
    assert peer.link is not None
    peer.link.alive = peer.link.heard = core.now
    core.introducing.add(peer)
    core.wake(peer.link.silence)
    me = get_properties(peer.link.device, inditree=FEATURES, via=core.settings.identity)
    core.send(peer, me, "getProperties")


def first_item(core: Core, peer: Peer, item: Element | Blob) -> bool:
    """The first item on a link that we opened. True: it is to be acted on, as any other."""
    if isinstance(item, Element) and item.tag == "getProperties" and INTRODUCES in item.attributes:
        if item.attributes.get(TO) == core.settings.identity:
            _meet(core, peer, item)
        else:  # an IPyServer in between repeats introductions to others
            take_for_plain(core, peer)
        return False
    take_for_plain(core, peer)
    return True


def end_silence(core: Core) -> None:
    """Who has not introduced itself in time is taken for plain INDI."""
    for peer in list(core.introducing):
        assert peer.link is not None
        left = peer.joined + peer.link.silence - core.now
        if left <= 0:
            take_for_plain(core, peer)
        else:
            core.wake(left)


def take_for_plain(core: Core, peer: Peer) -> None:
    """The other end is an INDI server of another kind, or an old client library."""
    core.introducing.discard(peer)
    _settled(core, peer, None)


def _meet(core: Core, peer: Peer, element: Element) -> None:
    """The answer to our introduction: the other end is inditree."""
    assert peer.link is not None
    core.introducing.discard(peer)
    remote = paths.origin(element.attributes.get(paths.VIA, ""))
    if not remote:  # no router of ours
        take_for_plain(core, peer)
        return
    peer.link.remote_id = remote
    if remote == core.settings.identity:
        _report_self(core, peer)
        return
    _settled(core, peer, element.device)


def _report_self(core: Core, peer: Peer) -> None:
    core.counters.loops[peer.name] += 1
    core.close(peer, "loop", "leads back to this router itself: not linked")


def _settled(core: Core, peer: Peer, device: str | None) -> None:
    """Show what we have, and what we show from now on follows in the same step."""
    link = peer.link
    assert link is not None
    link.settled = True
    link.alive = link.heard = core.now
    kind = f"inditree {link.remote_id}" if link.is_router else "plain INDI"
    core.log("info", "link", f"link {peer.name}: {kind}", peer=peer.name)
    if link.share:
        peer.wishes.ask(device, None)
        core.routes.forget()
        clients.answer(core, peer, device, None)
    probe(core, peer)
    sync_demand(core)


def introduces_itself(peer: Peer, element: Element) -> bool:
    """Is this the first element of a router that links to us, where that is allowed?"""
    if peer.kind != "client" or peer.policy.peers == "none" or peer.asked or TO in element.attributes:
        return False
    return INTRODUCES in element.attributes and bool(paths.origin(element.attributes.get(paths.VIA, "")))


def accept(core: Core, peer: Peer, element: Element) -> None:
    """A connection to us introduces itself as inditree."""
    remote = paths.origin(element.attributes.get(paths.VIA, ""))
    own = core.settings.identity
    me = get_properties(inditree=FEATURES, via=own, to=remote)
    if remote != own:
        promote(core, peer)
        assert peer.link is not None
        peer.link.remote_id = remote
    core.send(peer, me, "getProperties")
    if remote != own:
        _settled(core, peer, element.device)


def accept_chained(core: Core, peer: Peer) -> None:
    """`getProperties device='*'`: an indiserver that uses us as its remote."""
    promote(core, peer)
    assert peer.link is not None
    peer.link.snoops = True
    peer.wishes.all = True
    _settled(core, peer, None)
    for device, name in sorted({wish for p in core.peers.values() if p.is_driver for wish in p.wishes.asked()}):
        if peer.sees(device):
            core.send(peer, get_properties(device, name or None), "getProperties")


def promote(core: Core, peer: Peer) -> None:
    """A connection to us is a link: it may provide devices."""
    peer.kind = "link"
    peer.counters = core.counters.peers["link"]
    peer.counters.opened += 1
    peer.link = Link(opener=False, path_id=peer.address)
    peer.link.settled = True
    peer.link.alive = peer.link.heard = core.now
    core.routes.forget()


def take_plain_provider(core: Core, peer: Peer) -> None:
    """A connection that never introduced itself defines a device, where `peers: any` allows it (an IPyServer)."""
    promote(core, peer)
    peer.wishes.all = True  # it asked for everything, and only then said what it has


def introduced_late(core: Core, peer: Peer, element: Element) -> bool:
    """An introduction on a link that is in use: an answer after the other end was taken for plain INDI.

    False: it is one of others, which an IPyServer in between repeats; it asks for what we have, as any getProperties.
    """
    link = peer.link
    assert link is not None
    if element.attributes.get(TO) == core.settings.identity:
        if link.plain and link.opener and not link.late:
            link.late = True
            core.close(peer, "error", "introduced itself too late: linked again, with more patience")
        return True
    return link.is_router or TO in element.attributes


def without_introduction(element: Element) -> Element:
    """The plain getProperties in it."""
    data = paths.strip(element.data)
    for name in (INTRODUCES, TO):
        data = without_attribute(data, name)
    odd = (INTRODUCES, TO, paths.VIA, paths.SEQ)
    return Element(element.tag, {k: v for k, v in element.attributes.items() if k not in odd}, data)


# BLOBs on demand


def sync_for(core: Core, peer: Peer) -> None:
    """The interest of `peer` has changed, or it is gone."""
    if peer.wishes.wants_blobs:
        sync_demand(core)


def sync_demand(core: Core) -> None:
    """Wishes have changed: ask each link for what somebody behind us wants, and for nothing else."""
    for device, name in list(core.remote_blobs):
        sync_property(core, device, name)


def sync_property(core: Core, device: str, name: str) -> None:
    """The same for one BLOB property."""
    provider = core.remote_blobs[device, name]
    link = provider.link
    assert link is not None
    if not link.blobs:
        return
    wanted = any(p is not provider and p.hears_blob(device, name) for p in core.peers.values())
    if wanted != link.wanted.get((device, name), False):
        link.wanted[device, name] = wanted
        core.send(provider, enable_blob("Also" if wanted else "Never", device, name), "enableBLOB")


def forget_demand(core: Core, device: str, name: str | None) -> None:
    """A property (None: a device) is gone: the wish is taken back, or it would hold for what is defined there next."""
    for key in [key for key in core.remote_blobs if key[0] == device and name in (None, key[1])]:
        provider = core.remote_blobs.pop(key)
        if provider.link is not None and provider.link.wanted.pop(key, False) and not provider.gone:
            core.send(provider, enable_blob("Never", *key), "enableBLOB")


# Probes


def probe(core: Core, peer: Peer) -> None:
    """Ask whether the other end is there."""
    link = peer.link
    assert link is not None
    link.probes += 1
    link.probed = core.now
    data = ping_request(f"{PROBE}{link.probes}")
    link.probe_bytes += len(data)
    core.send(peer, data, "pingRequest")


def check(core: Core, peer: Peer) -> None:
    """Now and then: is the link silent, is it time for a probe?"""
    link = peer.link
    assert link is not None
    if not link.settled:
        return
    taken = peer.outbox.taken - link.probe_bytes
    if taken > link.taken or peer.held or peer in core.starved:
        link.taken, link.alive = max(taken, link.taken), core.now
    link.alive = max(link.alive, link.heard)
    timeout = core.settings.link_timeout
    if core.now - link.alive >= timeout and link.pongs:
        core.close(peer, "timeout", f"silent for {core.now - link.alive:.0f} s")
    elif core.now - max(link.heard, link.probed) >= timeout / 3:
        probe(core, peer)


def pong(core: Core, peer: Peer, element: Element) -> None:
    """A pingReply: to a probe of ours, or to the ping behind a BLOB."""
    link = peer.link
    if link is None:
        return
    uid = element.attributes.get("uid", "")
    if uid.startswith(PREFIX):
        key = link.acks.answered(uid)
        if key is not None:
            blobs.unpark(core, peer, key)
            core.progress = True
    elif uid.startswith(PROBE):
        first = link.pongs == 0
        link.pongs += 1
        if uid == f"{PROBE}{link.probes}":
            link.rtt = core.now - link.probed
        if first and link.plain and link.opener and link.device is None:
            # It answers pings, so it is an indiserver: this makes us a chained one, which hears its drivers' snooping.
            core.send(peer, get_properties("*"), "getProperties")
