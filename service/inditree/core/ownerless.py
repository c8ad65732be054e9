"""Elements that nobody owns: they go to everybody in the tree, each router passing them on once."""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.tree import paths
from inditree.wire.elements import Element
from inditree.wire.syntax import get_properties


def pass_on(state: State, peer: Peer | None, element: Element) -> None:
    """Send an element that nobody owns to everybody but its sender; `peer` is None where it is our own."""
    own = state.desk.settings.identity
    via, seq = element.attributes.get(paths.VIA), element.attributes.get(paths.SEQ)
    data = element.data
    if peer is not None and peer.is_router and via and seq:
        origin = paths.origin(via)
        if origin == own or not state.once.is_new(origin, element.tag, element.device or "", seq, state.desk.now):
            state.desk.count_dropped(peer, "loop", len(data))
            return
        data, path = paths.strip(data), paths.extend(via, own)
    else:
        path, seq = _from_here(peer, own), state.once.next()
    stamped, passed = paths.stamp(data, path, seq), paths.ids(path)
    for other in list(state.desk.peers.values()):
        if other is peer or not _hears(other, element) or _same_site(other, peer):
            continue
        if other.link is not None and other.link.identity in passed:
            continue
        router = other.link is not None and other.link.is_router
        state.desk.send(other, stamped if router else _of_one_device(other, element) or data, element.tag)


def _from_here(peer: Peer | None, own: str) -> str:
    """The path of what begins here: our ID, and that of the plain server that has said it, which is not told then."""
    if peer is None or peer.link is None or peer.link.is_router:
        return own
    return paths.extend(own, peer.link.path_id)


def _same_site(one: Peer, other: Peer | None) -> bool:
    """Two links to one server: what it has said is not told to it."""
    return one.link is not None and other is not None and other.link is not None and one.link.site is other.link.site


def _of_one_device(peer: Peer, element: Element) -> bytes | None:
    """A question to a plain link for one device: asked for all, its server would send all that it has."""
    if element.tag != "getProperties" or peer.link is None or peer.link.device is None:
        return None
    return get_properties(peer.link.device, element.name if element.device == peer.link.device else None)


def _hears(peer: Peer, element: Element) -> bool:
    question, device = element.tag == "getProperties", element.device
    if peer.is_driver:
        # libindi's drivers answer with all that they have, whatever device is asked for: ask who may yet have it.
        return question and (device in (None, "", "*") or not peer.owns)
    if device not in (None, "", "*") and not peer.sees(device or ""):
        return False
    if peer.link is not None:
        if question:
            return peer.link.settled and (device in (None, "", "*") or peer.link.accepts(device or ""))
        return peer.link.shows(device or "")
    return not question and (device is None or peer.subscription.hears("message", device, None))
