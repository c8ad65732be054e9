"""Drops commands that a plain server repeats: it tells each `new*` to all its clients, and our links are among them.

Rules: docs/plain-servers.md, "Several links to one plain server".
"""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.tree.circulation import CUT_OFF, key_of
from inditree.wire.elements import Blob, Element


def repeats(state: State, peer: Peer, owner: Peer, item: Element | Blob) -> bool:
    """Is this request of a plain server an echo, or one that goes round? It is not sent on.

    A plain server can command what it is shown over this link. Of all else its own clients know by another way, which
    has carried their request already.
    """
    if peer.link is None or not peer.link.plain:
        return False
    element, size = (item.element, item.size) if isinstance(item, Blob) else (item, len(item.data))
    device, name = element.device or "", element.name or ""
    if not peer.link.shows(device) or state.ownership.origin(device) == peer.link.path_id:
        return True
    if owner.link is None:
        return False
    key = key_of(device, name, element.data if isinstance(item, Element) else b"%d" % size)
    if state.circulation.passes(key, state.desk.now):
        return False
    state.desk.count_dropped(peer, "loop", size)
    text = (
        f"{element.tag} {device}.{name} circulates: it comes back again and again within moments, so it is dropped for "
        f"{CUT_OFF:g} s. Two links lead to one server, or servers link to each other (logged once)"
    )
    state.notices.once(peer, "warning", "loop", text, "goes round", device=device)
    return True
