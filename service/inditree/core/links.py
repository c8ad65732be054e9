"""Links: introduction, who is at the other end, BLOBs on demand, probes. Rules: docs/tree.md."""

from __future__ import annotations

from inditree.core import blips, blobs, definitions
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.flow.acks import PREFIX, Owed, Window
from inditree.tree import paths
from inditree.tree.holding import UID
from inditree.tree.link import FEATURES, PROBE, Link
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import get_properties, ping_request, without_attribute

INTRODUCES, TO = "inditree", "to"


def introduce(state: State, peer: Peer) -> None:
    """Say who we are on a link that we opened, and wait for the answer."""
    assert peer.link is not None
    peer.link.alive = peer.link.heard = state.desk.now
    peer.link.site = state.sites.enter(peer.link, peer.link.address)
    state.introducing.add(peer)
    state.desk.wake(peer.link.silence)
    me = get_properties(peer.link.device, inditree=FEATURES, via=state.desk.settings.identity)
    state.desk.send(peer, me, "getProperties")


def first_item(state: State, peer: Peer, item: Element | Blob) -> bool:
    """The first item on a link that we opened. True: it is to be acted on, as any other."""
    if isinstance(item, Element) and item.tag == "getProperties" and INTRODUCES in item.attributes:
        if item.attributes.get(TO) == state.desk.settings.identity:
            _meet(state, peer, item)
        else:  # an IPyServer in between repeats introductions to others
            treat_as_plain(state, peer)
        return False
    treat_as_plain(state, peer)
    return True


def end_silence(state: State) -> None:
    """Take links that have not introduced themselves in time for plain INDI, unless they were inditree before.

    Such a one is asked for a reply, as every kind of server gives some answer, and is linked anew where none comes.
    """
    for peer in list(state.introducing):
        link = peer.link
        assert link is not None
        left = peer.joined + link.silence - state.desk.now
        if left > 0:
            state.desk.wake(left)
        elif not link.awaited:
            treat_as_plain(state, peer)
        elif not link.probes:
            probe(state, peer)
        elif state.desk.now - peer.joined >= state.desk.settings.link_timeout:
            waited = state.desk.now - peer.joined
            state.desk.close(peer, "timeout", f"has not introduced itself in {waited:.0f} s, though it did before")


def treat_as_plain(state: State, peer: Peer) -> None:
    """The other end is an INDI server of another kind, or an old client library."""
    state.introducing.discard(peer)
    _settled(state, peer, None)


def _meet(state: State, peer: Peer, element: Element) -> None:
    """The answer to our introduction: the other end is inditree."""
    assert peer.link is not None
    state.introducing.discard(peer)
    remote = paths.origin(element.attributes.get(paths.VIA, ""))
    if not remote:  # no router of ours
        treat_as_plain(state, peer)
        return
    peer.link.remote_id = remote
    if remote == state.desk.settings.identity:
        _report_self(state, peer)
        return
    _settled(state, peer, element.device)


def _report_self(state: State, peer: Peer) -> None:
    assert peer.link is not None
    state.desk.counters.count_loop(peer.name if peer.link.opener else None)
    state.desk.close(peer, "loop", "leads back to this router itself: not linked")


def _settled(state: State, peer: Peer, device: str | None) -> None:
    """Show what we have, and what we show from now on follows in the same step."""
    link = peer.link
    assert link is not None
    link.settled = True
    if link.is_router:
        peer.outbox.lanes.window, peer.owed = Window(), Owed()
        state.ownership.met(peer, ((each, state.view.via(each)) for each in state.view.devices))
    link.alive = link.heard = state.desk.now
    kind = f"inditree {link.remote_id}" if link.is_router else "plain INDI"
    state.desk.log("info", "link", f"link {peer.name}: {kind}", peer=peer.name)
    if link.share:
        state.subscribers.subscribe(peer, device, None)
        state.routes.forget()
        definitions.answer(state, peer, device, None)
    probe(state, peer)
    if link.is_router and state.holding.devices:
        state.holding.ping(peer)
    state.demand.changed(peer)
    state.intake.moved()


def leave(state: State, peer: Peer) -> None:
    """A link is gone."""
    if peer.link is not None:
        state.sites.leave(peer.link, peer.link.site)


def introduces_itself(peer: Peer, element: Element) -> bool:
    """Is this the first element of a router that links to us, where that is allowed?"""
    if peer.kind != "client" or peer.policy.peers == "none" or peer.asked or TO in element.attributes:
        return False
    return INTRODUCES in element.attributes and bool(paths.origin(element.attributes.get(paths.VIA, "")))


def accept(state: State, peer: Peer, element: Element) -> None:
    """A connection to us introduces itself as inditree."""
    remote = paths.origin(element.attributes.get(paths.VIA, ""))
    own = state.desk.settings.identity
    me = get_properties(inditree=FEATURES, via=own, to=remote)
    if remote != own:
        promote(state, peer)
        assert peer.link is not None
        peer.link.remote_id = remote
    state.desk.send(peer, me, "getProperties")
    if remote != own:
        _settled(state, peer, element.device)


def accept_chained(state: State, peer: Peer) -> None:
    """`getProperties device='*'`: an indiserver that uses us as its remote."""
    promote(state, peer)
    assert peer.link is not None
    peer.link.snoops = True
    state.subscribers.subscribe_all(peer)
    _settled(state, peer, None)
    for device, name in sorted({named for driver in state.desk.drivers for named in driver.subscription.named()}):
        if peer.sees(device):
            state.desk.send(peer, get_properties(device, name or None), "getProperties")


def promote(state: State, peer: Peer) -> None:
    """A connection to us is a link: it may provide devices."""
    peer.kind = "link"
    peer.counters = state.desk.counters.peers["link"]  # it was counted as opened when it came
    peer.link = Link(opener=False, path_id=peer.address)
    peer.link.site = state.sites.enter(peer.link, "")
    peer.link.settled = True
    peer.link.alive = peer.link.heard = state.desk.now
    state.desk.links[peer] = None
    state.routes.forget()


def accept_plain_provider(state: State, peer: Peer) -> None:
    """A connection that never introduced itself defines a device, where `peers: any` allows it (an IPyServer)."""
    promote(state, peer)
    blips.joined(state, peer)
    state.subscribers.subscribe_all(peer)  # it asked for everything, and only then said what it has


def introduced_late(state: State, peer: Peer, element: Element) -> bool:
    """An introduction on a link that is in use: an answer after the other end was taken for plain INDI.

    False: it is one of others, which an IPyServer in between repeats; it asks for what we have, as any getProperties.
    """
    link = peer.link
    assert link is not None
    if element.attributes.get(TO) == state.desk.settings.identity:
        if link.plain and link.opener and not link.late:
            link.late = True
            state.desk.close(peer, "error", "introduced itself too late: linking again with a longer wait")
        return True
    return link.is_router or TO in element.attributes


def without_introduction(element: Element) -> Element:
    """The plain getProperties in it."""
    data = paths.strip(element.data)
    for name in (INTRODUCES, TO):
        data = without_attribute(data, name)
    odd = (INTRODUCES, TO, paths.VIA, paths.SEQ)
    return Element(element.tag, {k: v for k, v in element.attributes.items() if k not in odd}, data)


# Probes


def probe(state: State, peer: Peer) -> None:
    """Ask whether the other end is there."""
    link = peer.link
    assert link is not None
    link.probes += 1
    link.probed = state.desk.now
    data = ping_request(f"{PROBE}{link.probes}")
    link.probe_bytes += len(data)
    state.desk.send(peer, data, "pingRequest")


def check(state: State, peer: Peer) -> None:
    """Now and then: is the link silent, is it time for a probe?"""
    link = peer.link
    assert link is not None
    if not link.settled:
        return
    taken = peer.outbox.taken - link.probe_bytes
    if taken > link.taken or state.intake.waits(peer):
        link.taken, link.alive = max(taken, link.taken), state.desk.now
    link.alive = max(link.alive, link.heard)
    timeout = state.desk.settings.link_timeout
    if state.desk.now - link.alive >= timeout and link.pongs:
        state.desk.close(peer, "timeout", f"silent for {state.desk.now - link.alive:.0f} s")
    elif state.desk.now - max(link.heard, link.probed) >= timeout / 3:
        probe(state, peer)


def pong(state: State, peer: Peer, element: Element) -> None:
    """A pingReply: to a probe of ours, or to the ping behind a BLOB."""
    link = peer.link
    if link is None:
        return
    uid = element.attributes.get("uid", "")
    if uid.startswith(PREFIX):
        blobs.acknowledge(state, peer, uid)
    elif uid.startswith(UID):
        state.holding.answered(peer, uid)
    elif uid.startswith(PROBE):
        first = link.pongs == 0
        link.pongs += 1
        if uid == f"{PROBE}{link.probes}":
            link.rtt = state.desk.now - link.probed
        if first and link.plain and link.opener and link.device is None:
            # It answers pings, so it is an indiserver: this makes us a chained one, which hears its drivers' snooping.
            state.desk.send(peer, get_properties("*"), "getProperties")
