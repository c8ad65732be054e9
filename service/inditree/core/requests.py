"""A command on its way to the owner: whose it is, and what its sender is told when it does not arrive."""

from __future__ import annotations

from msgspec import Struct

from inditree.core import ownerless
from inditree.core.commands import Command
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.wire.elements import Element
from inditree.wire.syntax import message

UNDELIVERED = "the request was not delivered"
"""The end of what its sender is told: where he is behind a link, the routers on the way know it by that."""


class Request(Struct, frozen=True):
    """A new* on its way: who sent it, its element (of a BLOB its start tag), and how it is followed, where it is."""

    peer: Peer
    element: Element
    command: Command | None = None


def tell_undelivered(state: State, gone: Peer) -> None:
    """A driver or link is gone, and its devices with it: who sent what still waited for it is told."""
    for request in gone.outbox.abandon():
        assert isinstance(request, Request)
        undelivered(state, request)


def undelivered(state: State, request: Request, why: str = "is not there") -> None:
    """A new* has not reached an owner: its sender is told, and `why` in words."""
    peer, element = request.peer, request.element
    state.desk.count_dropped(peer, "undeliverable", len(element.data))
    if request.command is None:
        state.commands.end_unsent(peer, element, "undeliverable")
    elif not state.commands.undelivered(request.command):
        state.desk.audit(peer, element, "undeliverable")  # the answer to it was that of a later one
    if not peer.gone:
        _tell_missing(state, peer, element.device or "", why)


def _tell_missing(state: State, peer: Peer, device: str, why: str) -> None:
    if not state.notices.first_missing(peer, device):
        return
    what = f"{device} {why}" if device else "A device or property without a name is not there"
    data = message(f"{what}: {UNDELIVERED}", state.desk.settings.timestamp(), device or None)
    if peer.link is None:
        state.desk.send(peer, data, "message")
    else:
        ownerless.pass_on(state, None, Element("message", {"device": device}, data))
