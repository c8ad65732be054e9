"""A peer: anything that elements come from or go to."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct

from inditree.core.subscription import Subscription
from inditree.counters import PeerCounters
from inditree.flow.acks import Owed
from inditree.flow.image_queue import Promise
from inditree.flow.outbox import Outbox
from inditree.flow.pacing import Pace
from inditree.tree.link import Link
from inditree.tree.names import Names
from inditree.view.properties import Weight
from inditree.wire.elements import Key
from inditree.wire.spelling import Latin


class Policy(Struct, frozen=True):
    """The rights that a listener gives its clients; the defaults are those of a driver or of a link that we opened."""

    listener: str = ""
    read_only: bool = False
    devices: tuple[str, ...] = ("*",)
    lossless: bool = False
    subject: str = ""  # of its certificate
    peers: str = "links"  # who may provide devices: links, any, none


class Peer:
    """One peer. `kind` is client, driver, link, inprocess (an IPyDriver object), or observer: a part of the router
    itself that hears and commands as a client does. `name` is for the log and the status.

    `owns` are the devices that it provides. `deaf`: nothing can be written to it any more. `gone` is true once
    it has left: late effects pass over it.
    """

    __slots__ = (
        "_visible",
        "address",
        "asked",
        "counters",
        "deaf",
        "free",
        "gone",
        "held",
        "id",
        "joined",
        "kind",
        "last_key",
        "last_size",
        "latin",
        "link",
        "lossless",
        "lost",
        "name",
        "names",
        "outbox",
        "owed",
        "owns",
        "pace",
        "pings",
        "policy",
        "promises",
        "subscription",
        "takes_fds",
        "unread",
        "weight",
    )

    def __init__(self, number: int, kind: str, name: str, policy: Policy, outbox: Outbox, now: float) -> None:
        self.id = number
        self.kind = kind
        self.name = name
        self.address = name
        self.deaf = False
        self.policy = policy
        self.lossless = policy.lossless
        self.outbox = outbox
        self.counters: PeerCounters
        self.pace = Pace(now)
        self.joined = now
        self.subscription = Subscription()
        self.owns: set[str] = set()
        self.link: Link | None = None
        self.names: Names | None = None  # its devices have other names here
        self.latin: Latin | None = None  # it has defined names in Latin-1
        self.takes_fds = False  # it is on a UNIX socket, where images can go as descriptors
        self.gone = False
        self.held = False
        self.pings = False  # a driver that waits for a reply after each BLOB (libindi)
        self.free: dict[Key, float] = {}  # properties that do not hold it until then, as its other devices would wait
        self.asked = False  # has sent a getProperties
        self.last_size = 0  # bytes of its last BLOB, and the property that it was of
        self.last_key: Key = ("", "", False)
        self.owed: Owed | None = None  # answers that a router waits for, behind its images
        self.promises: dict[Key, Promise] = {}  # what it was allowed to send
        self.unread: dict[str, float] = {}  # why it is not read, and since when (seconds of the core's clock)
        self.weight = Weight()  # bytes of memory that its devices take
        self.lost = 0  # BLOBs that it did not get
        self._visible: dict[str, bool] = {}

    def sees(self, device: str) -> bool:
        """Does the listener show this device to this peer?"""
        if self.policy.devices == ("*",):
            return True
        seen = self._visible.get(device)
        if seen is None:
            seen = any(fnmatchcase(device, pattern) for pattern in self.policy.devices)
            if len(self._visible) < 1024 and len(device) <= 256:
                self._visible[device] = seen
        return seen

    @property
    def place(self) -> str:
        """The place of a peer, in words for people."""
        return f"{self.kind} {self.name}"

    @property
    def may_define(self) -> bool:
        """May it provide devices at all?"""
        return self.kind not in ("client", "observer") or self.policy.peers == "any"

    @property
    def is_router(self) -> bool:
        """A link to another inditree."""
        return self.link is not None and self.link.is_router

    @property
    def gets_fds(self) -> bool:
        """Images go to it as descriptors, where there are any."""
        return self.takes_fds and self.link is None

    @property
    def is_driver(self) -> bool:
        """A driver of ours, in a process of its own or in ours."""
        return self.kind in ("driver", "inprocess")

    def hears_itself(self, device: str, name: str | None) -> bool:
        """Does it hear what it says itself of a device of its own? A driver that asked for that by name does."""
        return self.is_driver and not self.gone and self.subscription.names(device, name)

    def hears(self, tag: str, device: str, name: str | None) -> bool:
        """Does a control element of `device` go to this peer? Of one of its own see `hears_itself` too."""
        if self.link is not None and not self.link.shows(device):
            return False
        return self.subscription.hears(tag, device, name) and self.sees(device)

    def hears_blob(self, device: str, name: str) -> bool:
        """Does a BLOB of this property go to this peer? Of one of its own see `hears_itself` too."""
        if self.link is not None and not (self.link.blobs and self.link.shows(device)):
            return False
        return self.subscription.hears_blob(device, name) and self.sees(device)
