"""Who owns a device: the rules alone, without a router."""

from __future__ import annotations

from inditree.core.desk import Desk, Settings
from inditree.core.ownership import Ownership, Verdict
from inditree.core.peer import Peer, Policy
from inditree.counters import Counters
from inditree.flow.outbox import Outbox
from inditree.tree.link import PAUSE, Link


class Owned:
    """Ownership, and peers that claim devices of it."""

    def __init__(self) -> None:
        self.desk = Desk(Settings("ME", lambda: "now"), Counters())
        self.ownership = Ownership(self.desk)

    def peer(self, kind: str, name: str) -> Peer:
        peer = Peer(len(self.desk.peers), kind, name, Policy(), Outbox(1 << 20), 0.0)
        if kind == "link":
            peer.link = Link(opener=True, path_id=name)
        self.desk.peers[peer.id] = peer
        return peer


def test_the_first_that_defines_a_device_owns_it() -> None:
    it = Owned()
    one, two = it.peer("driver", "one"), it.peer("driver", "two")
    assert it.ownership.admit(one, "Cam", "") is Verdict.CLAIMED
    assert it.ownership.admit(one, "Cam", "") is Verdict.OWNED
    assert it.ownership.admit(two, "Cam", "") is Verdict.REFUSED
    assert it.ownership.conflicts == {"Cam": ("driver one", "driver two")}
    it.ownership.withdraw(two, "Cam")
    assert it.ownership.conflicts == {}


def test_who_was_refused_at_the_same_place_is_no_conflict() -> None:
    it = Owned()
    one, two, three = it.peer("link", "one"), it.peer("link", "two"), it.peer("link", "three")
    it.ownership.admit(one, "Cam", "FAR,A")
    it.ownership.admit(two, "Cam", "FAR,B")
    assert it.ownership.conflicts == {}
    it.ownership.admit(three, "Cam", "OTHER")
    assert it.ownership.conflicts == {"Cam": ("link one", "link three")}
    it.ownership.withdraw_all(three)
    assert it.ownership.conflicts == {}


def test_a_link_is_believed_after_the_pause_and_once_it_was_asked() -> None:
    it = Owned()
    one, two = it.peer("link", "one"), it.peer("link", "two")
    it.ownership.admit(one, "Cam", "FAR")
    it.ownership.admit(two, "Cam", "FAR")
    assert it.ownership.end("Cam") is one
    it.ownership.pause("Cam")
    assert it.ownership.admit(two, "Cam", "FAR") is Verdict.REFUSED
    assert it.ownership.end_pauses() == []
    it.desk.now += PAUSE
    assert it.ownership.end_pauses() == ["Cam"]
    assert it.ownership.admit(two, "Cam", "FAR") is Verdict.REFUSED
    it.ownership.asked(two, "Cam")
    assert it.ownership.admit(two, "Cam", "FAR") is Verdict.CLAIMED


def test_a_driver_that_was_refused_is_asked_once_when_the_device_is_free() -> None:
    it = Owned()
    one, two = it.peer("link", "one"), it.peer("driver", "two")
    it.ownership.admit(one, "Cam", "FAR")
    it.ownership.admit(two, "Cam", "")
    it.ownership.end("Cam")
    assert it.ownership.refused_drivers("Cam") == [two]
    assert it.ownership.refused_drivers("Cam") == []


def test_a_definition_that_comes_back_to_its_router_loses_the_device() -> None:
    it = Owned()
    one, two = it.peer("link", "one"), it.peer("link", "two")
    it.ownership.admit(one, "Cam", "FAR")
    assert it.ownership.admit(two, "Cam", "FAR,ME,B") is Verdict.REFUSED
    assert it.ownership.admit(one, "Cam", "FAR,ME,B") is Verdict.LOST
