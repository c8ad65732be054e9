"""Sends definitions: to a client that asks, and to all who are interested when one is new."""

from __future__ import annotations

from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.tree import paths


def answer(state: State, peer: Peer, device: str | None, name: str | None) -> None:
    """Tell the asker, and nobody else, what is defined now."""
    if peer.deaf:
        return
    stamps = None
    if peer.link is not None and peer.link.is_router:
        stamps = paths.Stamps(state.desk.settings.identity, peer.link.identity)
    for known, each in state.view.matching(device, name):
        if each.stale and peer.link is not None:
            continue  # who provides it is gone for the moment: a link is not told of it
        own = state.ownership.owners.get(known) is peer
        if own and (device is None or not peer.hears_itself(known, each.name)):
            continue  # a question without a device is about others
        if peer.hears(each.tag, known, each.name):
            if peer.link is None:
                state.desk.send(peer, each.current(), each.tag, known)
            elif stamps is None:
                offer(state, [peer], each.tag, known, each.current(), each.via)
            elif data := stamps.stamp(each.current(), each.via):
                state.desk.send(peer, data, each.tag, known)


def answer_stale(state: State, peer: Peer, device: str | None, name: str | None) -> None:
    """Tell the asker of devices that are held, for which nobody else answers."""
    if peer.link is None and state.holding.devices:
        for known, each in state.view.matching(device, name):
            if each.stale and peer.hears(each.tag, known, each.name):
                state.desk.send(peer, each.current(), each.tag, known)


def offer(state: State, peers: list[Peer], tag: str, device: str, data: bytes, via: str) -> None:
    """Offer a definition to those who want it: to routers with its path, and to no link whose far end stands in it."""
    stamped: bytes | None = None
    passed = paths.ids(via)
    for hearer in peers:
        if hearer.link is not None and hearer.link.identity in passed:
            continue
        if hearer.link is None or not hearer.link.is_router:
            state.desk.send(hearer, data, tag, device)
        else:
            if stamped is None:
                stamped = paths.stamp(data, paths.extend(via, state.desk.settings.identity))
            state.desk.send(hearer, stamped, tag, device)
