"""Decides who owns a device: claims, refusals, pauses, conflicts. Rules: docs/tree.md.

What follows from a claim or a loss (who is told, what is forgotten) is in `core/devices.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum

from inditree.core.desk import Desk
from inditree.core.peer import Peer
from inditree.tree import paths
from inditree.tree.link import PAUSE

ASKED_AT_ONCE = 256
"""Devices that are asked for in one step after their pause: thousands at once would stop everything else."""

REPORTED = 256
"""Origins of redundant paths that are said of one link, its devices that are said one by one, and conflicts that are
said at a time."""

QUESTION = 60.0
"""Seconds after which a question for a lost device is forgotten: no answer to it is on its way any more."""


class Verdict(Enum):
    """The verdict on a definition. LOST: it is refused, and its sender has lost the device by it."""

    OWNED = "owned"
    CLAIMED = "claimed"
    REFUSED = "refused"
    LOST = "lost"


class Ownership:
    """The owner of each device, who was refused for it, and until when no link is believed about it.

    `owners` and `conflicts` (device: the places of its owner and of the refused one) are for others to read.
    """

    __slots__ = (
        "_asked",
        "_asked_at",
        "_deleted_by",
        "_desk",
        "_lost",
        "_origins",
        "_refused",
        "_refused_of",
        "conflicts",
        "leaving",
        "owners",
        "pauses",
    )

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.owners: dict[str, Peer] = {}
        self.conflicts: dict[str, tuple[str, str]] = {}
        self.leaving: deque[tuple[str, bool]] = deque()  # devices of those who are gone; is each to be logged?
        self.pauses: dict[str, float] = {}  # device: until when no link is believed about it
        self._deleted_by: dict[str, Peer] = {}  # device that is paused: the owner that has deleted it itself
        self._lost: dict[str, str] = {}  # device that is paused: the router at the other end of the link that was lost
        self._origins: dict[str, str] = {}  # device that came over a link: the ID of the router that it is at
        self._refused: dict[str, dict[Peer, str]] = {}  # device: who is not believed about it, and its path's origin
        self._refused_of: dict[Peer, set[str]] = {}
        self._asked: dict[str, set[int]] = {}  # device: links that were asked for it whole since they were refused
        self._asked_at: dict[str, float] = {}  # when, oldest first

    def admit(self, peer: Peer, device: str, via: str) -> Verdict:
        """Is a definition of `device` by `peer`, which came by the path `via`, believed? Claims it where it can be."""
        owner = self.owners.get(device)
        if peer.link is not None:
            if not peer.link.accepts(device):
                if peer.link.comes_home(device):
                    self._report(peer, device, "", f"{device} has come from {peer.place} before: refused")
                return Verdict.REFUSED
            if self._desk.settings.identity in paths.ids(via):
                self._note_refusal(peer, device, via)
                self._report_path(peer, device, paths.origin(via))
                return Verdict.LOST if owner is peer else Verdict.REFUSED
        if owner is peer:
            return Verdict.OWNED
        if owner is not None or not self._may_claim(peer, device):
            self._refuse(peer, device, via, owner)
            return Verdict.REFUSED
        self._claim(peer, device, via)
        return Verdict.CLAIMED

    def _may_claim(self, peer: Peer, device: str) -> bool:
        """A link is believed after the pause, and, if it was refused before, once it was asked for all."""
        if peer.link is None:
            return True  # where nobody owns it, nobody has refused it to a driver: its loss asks for it again
        if device in self.pauses:
            return self._deleted_by.get(device) is peer or self._is_lost_link(peer, device)
        return peer not in self._refused.get(device, ()) or peer.id in self._asked.get(device, ())

    def _is_lost_link(self, peer: Peer, device: str) -> bool:
        """Is this the link that was lost, linked anew? What it says is newer than all that it said before."""
        router = peer.link.remote_id if peer.link is not None else None
        return router is not None and router == self._lost.get(device) and peer not in self._refused.get(device, ())

    def _claim(self, peer: Peer, device: str, via: str) -> None:
        self.owners[device] = peer
        peer.owns.add(device)
        self._end_pause(device)
        self._forget_question(device)
        self._forget_refusal(peer, device)
        if peer.link is not None:
            self._origins[device] = paths.origin(via)
        number = len(peer.owns)
        if number <= REPORTED or number % REPORTED == 0:  # the status has them all
            what = device if number <= REPORTED else f"{number} devices"
            self._desk.log("info", "device", f"{what}: provided by {peer.place}", device=device, peer=peer.name)
        if peer.link is not None:
            self._report_detour(peer, device, via)

    def _refuse(self, peer: Peer, device: str, via: str, owner: Peer | None) -> None:
        self._note_refusal(peer, device, via)
        if owner is None:
            return
        if via and (paths.origin(via) == self.origin(device) or _one_site(peer, owner)):
            self._report_path(peer, device, paths.origin(via))
        elif device not in self.conflicts:
            self.conflicts[device] = (owner.place, peer.place)
            if len(self.conflicts) > REPORTED:
                return  # the status has them all: a stranger could claim thousands
            text = f"device {device} is provided by {owner.place} and by {peer.place}: {peer.place} is refused"
            if peer.kind == "driver":
                text += "; most drivers take the name of their device from INDIDEV (`env` of the driver)"
            self._desk.log("warning", "conflict", text, device=device, peer=peer.name)

    def _note_refusal(self, peer: Peer, device: str, via: str) -> None:
        self._refused.setdefault(device, {})[peer] = paths.origin(via)
        self._refused_of.setdefault(peer, set()).add(device)

    def _forget_refusal(self, peer: Peer, device: str) -> None:
        refused = self._refused.get(device)
        if refused is None or refused.pop(peer, None) is None:
            return
        if not refused:
            del self._refused[device]
        devices = self._refused_of[peer]
        devices.discard(device)
        if not devices:
            del self._refused_of[peer]

    def origin(self, device: str) -> str:
        """The ID of the router at which an owned device is."""
        return self._origins.get(device, self._desk.settings.identity)

    def _report_path(self, peer: Peer, device: str, origin: str) -> None:
        """A redundant path: harmless."""
        text = f"{device} is reached over {peer.place} too: a redundant path, kept as a spare"
        self._report(peer, device, origin, text)

    def _report_detour(self, peer: Peer, device: str, via: str) -> None:
        """A device comes by way of a router that another link leads to: with `rename` it has a name for each way."""
        assert peer.link is not None
        on_the_way = paths.ids(via)[:-1]
        if not on_the_way or paths.origin(via) in peer.link.reported:
            return
        near = next((each for each in self._desk.links if each.link and each.link.remote_id in on_the_way), None)
        if near is not None:
            self._say_detour(peer, near, device, via)

    def _say_detour(self, peer: Peer, near: Peer, device: str, via: str) -> None:
        text = f"{device} comes over {peer.place}, by way of a router that {near.place} leads to: a redundant path"
        self._report(peer, device, paths.origin(via), text)

    def met(self, near: Peer, ways: Iterable[tuple[str, str]]) -> None:
        """A link leads to a router: of the devices that are here, with their paths, some may come by way of it."""
        router = near.link.remote_id if near.link is not None else None
        for device, via in ways:
            if router is None or router not in via or router not in paths.ids(via)[:-1]:
                continue
            owner = self.owners.get(device)
            if owner is not None and owner.link is not None:
                self._say_detour(owner, near, device, via)

    def _report(self, peer: Peer, device: str, origin: str, text: str) -> None:
        """Say and count something about the ways here once for each link and origin."""
        assert peer.link is not None
        if origin in peer.link.reported or len(peer.link.reported) >= REPORTED:
            return
        peer.link.reported.add(origin)
        self._desk.counters.count_loop(peer.name if peer.link.opener else None)
        self._desk.log("info", "redundant_path", text, device=device, peer=peer.name)

    def withdraw(self, peer: Peer, device: str) -> None:
        """Forget a refusal, as that peer has deleted the device or is gone; and the conflict, where it was the last."""
        self._forget_refusal(peer, device)
        if device not in self.conflicts or device not in self.owners:
            return
        origin, owner = self.origin(device), self.owners[device]  # refused for the same place, it is no conflict
        refused = self._refused.get(device, {})
        if all(other == origin or _one_site(each, owner) for each, other in refused.items()):
            del self.conflicts[device]

    def withdraw_all(self, peer: Peer) -> None:
        """Forget a peer that is gone, for every device that it was refused or asked for."""
        for device in list(self._refused_of.get(peer, ())):
            self.withdraw(peer, device)

    def end(self, device: str) -> Peer:
        """The owner of a device is gone, or has deleted it. Returns who it was."""
        owner = self.owners.pop(device)
        owner.owns.discard(device)
        self._origins.pop(device, None)
        self.conflicts.pop(device, None)
        return owner

    def refused_drivers(self, device: str) -> list[Peer]:
        """The drivers that were refused for a device that is free now; they are not refused any more."""
        drivers = [peer for peer in self._refused.get(device, ()) if peer.is_driver]
        for driver in drivers:
            self._forget_refusal(driver, device)
        return drivers

    def pause(self, device: str, deleted_by: Peer | None = None, lost: Peer | None = None) -> None:
        """Believe no link about a device for a while: what still travels of the old order dies out meanwhile.

        `deleted_by`: the owner that has deleted it; what that one says behind it is newer, and believed at once.
        `lost`: the owner whose link was lost; over one link no orders cross, so it is believed when it is there again.
        """
        if not self.pauses:
            self._desk.wake(PAUSE)
        self._end_pause(device)
        self.pauses[device] = self._desk.now + PAUSE
        if deleted_by is not None:
            self._deleted_by[device] = deleted_by
        if lost is not None and lost.link is not None and lost.link.remote_id is not None:
            self._lost[device] = lost.link.remote_id

    def _end_pause(self, device: str) -> None:
        self.pauses.pop(device, None)
        self._deleted_by.pop(device, None)
        self._lost.pop(device, None)

    def end_pauses(self) -> list[str]:
        """The devices whose pause is over and that nobody owns, some at a time: they are to be asked for."""
        free: list[str] = []
        while self.pauses and len(free) < ASKED_AT_ONCE:
            device, until = next(iter(self.pauses.items()))  # they all last as long: the first is over first
            if until > self._desk.now:
                break
            self._end_pause(device)
            if device not in self.owners:
                free.append(device)
        if self.pauses:
            self._desk.wake(max(0.0, next(iter(self.pauses.values())) - self._desk.now))
        self._forget_old_questions()
        return free

    def _forget_old_questions(self) -> None:
        """Forget questions unanswered for QUESTION: who comes with such a device is believed as a newcomer."""
        while self._asked_at:
            device, at = next(iter(self._asked_at.items()))
            if at + QUESTION > self._desk.now:
                return
            self._forget_question(device)
            for peer in list(self._refused.get(device, ())):
                self._forget_refusal(peer, device)

    def _forget_question(self, device: str) -> None:
        self._asked.pop(device, None)
        self._asked_at.pop(device, None)

    def asked(self, peer: Peer, device: str) -> None:
        """A link was asked for a device whole: what it says of it is believed again."""
        self._asked.setdefault(device, set()).add(peer.id)
        self._asked_at.pop(device, None)
        self._asked_at[device] = self._desk.now


def _one_site(one: Peer, other: Peer) -> bool:
    """Two links to one server, by whatever names."""
    return one.link is not None and other.link is not None and one.link.site is other.link.site
