"""Commands that come by two ways: a plain server that is linked twice to a tree says each over both links.

They are carried out twice, as nothing in them tells one that comes twice from two: the operator is told.
Rules: docs/plain-servers.md, "Several links to one plain server".
"""

from __future__ import annotations

from inditree.core.desk import Desk
from inditree.core.notices import Notices
from inditree.core.peer import Peer
from inditree.tree.circulation import key_of
from inditree.wire.elements import Element

WITHIN = 0.5
"""Seconds between the two: one of them may come by way of a slow link."""

REMEMBERED = 64
"""Properties whose last request is remembered: far more than are commanded within that time."""

REQUEST_LIMIT = 16 << 10
"""Bytes of a request that is remembered: 1 MiB of all."""


class Doubled:
    """The last request for each property of those who may be plain servers, or have one behind them."""

    __slots__ = ("_desk", "_last", "_notices")

    def __init__(self, desk: Desk, notices: Notices) -> None:
        self._desk = desk
        self._notices = notices
        self._last: dict[tuple[str, str], tuple[Peer, bytes, float]] = {}

    def __len__(self) -> int:
        return len(self._last)

    def note(self, peer: Peer, element: Element) -> None:
        """Take a request that goes to its owner. Has it just come from another peer?"""
        if not _may_be_server(peer) or len(element.data) > REQUEST_LIMIT:
            return
        device, name = element.device or "", element.name or ""
        now = self._desk.now
        before = self._last.pop((device, name), None)
        self._last[device, name] = peer, element.data, now
        if len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        if before is None or before[0] is peer or now - before[2] > WITHIN:
            return
        if _may_be_one(peer, before[0]) and key_of(device, name, before[1]) == key_of(device, name, element.data):
            self._tell(element, *sorted((before[0], peer), key=lambda each: (each.link is not None, each.id)))

    def forget(self, peer: Peer) -> None:
        """A peer is gone: what comes now from another one is not what it has said."""
        self._last = {key: last for key, last in self._last.items() if last[0] is not peer}

    def _tell(self, element: Element, one: Peer, other: Peer) -> None:
        text = (
            f"{element.tag} {element.device}.{element.name} came by two ways within half a second, from {one.place} "
            f"and from {other.place}, and is carried out twice (logged once for these two). Unless two people sent "
            "it, it is of a plain server that is linked to two routers of a tree, or twice to one: let it have one link"
        )
        self._notices.once(one, "warning", "doubled", text, f"doubled {other.id}", device=element.device or "")


def _may_be_server(peer: Peer) -> bool:
    """A link, or a client that has asked for single devices: people's programs ask for all."""
    return peer.link is not None or (peer.kind == "client" and not peer.subscription.all)


def _may_be_one(one: Peer, other: Peer) -> bool:
    """May they be one server? Two clients of other hosts are two."""
    if one.link is not None or other.link is not None:
        return True
    return one.address.rpartition(":")[0] == other.address.rpartition(":")[0]
