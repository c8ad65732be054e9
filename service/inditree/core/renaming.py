"""Renames the devices in elements of peers whose devices have other names here. Rules: docs/tree.md, "Other names"."""

from __future__ import annotations

from collections.abc import Iterator

from inditree.core.peer import Peer
from inditree.core.routes import Group
from inditree.core.state import State
from inditree.tree.names import Names, rename_blob
from inditree.wire.elements import Blob, Element, Run
from inditree.wire.syntax import DEF_TAGS, SET_TAGS

ANYWHERE = Group(())
"""The group of what has not got its name here yet."""

SAYS = DEF_TAGS | SET_TAGS | {"delProperty", "message"}
"""Elements that say something of a device; others ask for it or command it."""


def name_here(state: State, peer: Peer, names: Names, tag: str, device: str) -> str:
    """The name here of a device that is in an element of `peer`.

    What it asks for or commands may be a device of others that is called so everywhere. A router names only what it has
    defined itself, or was told of: what nobody provides at this moment was somebody's a moment ago.
    """
    if tag in DEF_TAGS and len(names.defined) < 1 << 16:
        names.defined.add(device)
    if tag in SAYS or device in names.defined:
        return names.here(device)
    if peer.is_router or state.ownership.owners.get(device) not in (None, peer):
        return device
    return names.here(device)


def inward(state: State, peer: Peer, item: Element | Blob) -> Element | Blob:
    """An item of such a peer as it is here."""
    names, device = peer.names, item.device
    if names is None or not device or device == "*":
        return item
    here = name_here(state, peer, names, item.tag, device)
    if item.tag == "delProperty" and not item.name:
        names.defined.discard(device)  # what it asks for by that name from now on is what others have
    if here == device:
        return item
    if isinstance(item, Blob):
        rename_blob(item, here)
        return item
    return names.renamed(item, here)


def elements(peer: Peer, run: Run) -> Iterator[Element]:
    """The elements of a run of such a peer as they are here."""
    assert peer.names is not None
    return peer.names.elements(run.data)
