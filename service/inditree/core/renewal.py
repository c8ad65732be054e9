"""Compares a definition that was asked for again with the old one, and tells what differs. Rules: docs/wire.md.

Rules: docs/wire.md, "A definition that is old"; docs/tree.md, "A blip".
"""

from __future__ import annotations

from inditree.core import blobs, definitions
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


def again(state: State, peer: Peer, element: Element, before: bytes, data: bytes, via: str) -> None:
    """A property of a held device is there again, and was `before`: links hear it whole, others what differs."""
    device, name = element.device or "", element.name or ""
    hearers = state.routes.hearers(peer, element.tag, device, name)
    definitions.offer(state, [each for each in hearers if each.link is not None], element.tag, device, data, via)
    others = [each for each in hearers if each.link is None]
    if changes.differs(before, data):
        told = state.routes.hearers(peer, "delProperty", device, name)
        told = [each for each in told if each.link is None]
        state.desk.send_all(told, del_property(device, name), "delProperty", device)
        state.desk.send_all(others, data, element.tag, device)
    elif state.desk.settings.forwarded:
        state.desk.send_all(others, data, element.tag, device)  # it is the answer to a client's question, too
    elif (update := changes.update(before, data)) is not None:
        tag = "set" + element.tag[3:]
        targets = state.routes.find(peer, tag, device, name).targets
        state.desk.send_all([each for each in targets if each.link is None], update, tag, device)
