"""The definition of a property that was asked for anew. Rules: docs/wire.md, "A definition that is old"."""

from __future__ import annotations

from inditree.core import blobs
from inditree.core.peer import Peer
from inditree.core.routes import without
from inditree.core.state import State
from inditree.view import changes
from inditree.wire.elements import Element
from inditree.wire.syntax import del_property


def renew(state: State, peer: Peer, element: Element, before: bytes, via: str) -> bool:
    """A definition has been asked for anew, and was `before`: everybody hears what differs.

    Another one is deleted first, as libindi's clients pass over the second definition of a property. False: it is still
    to be offered as it came.
    """
    device, name = element.device or "", element.name or ""
    if changes.redefines(before, element.data):
        told = without(state.routes.hearers(peer, "delProperty", device, name), via)
        blobs.send_waiting(state, device, name)
        state.desk.send_all(told, del_property(device, name), "delProperty", device)
        return False
    if state.desk.settings.forwarded:
        return False  # it is the answer to a client's question, too
    update = changes.update(before, element.data)
    if update is not None:
        tag = "set" + element.tag[3:]
        state.desk.send_all(state.routes.find(peer, tag, device, name).targets, update, tag, device)
    return True
