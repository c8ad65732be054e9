"""The state of one link: a connection to another server, whoever opened it."""

from __future__ import annotations

from fnmatch import fnmatchcase

from inditree.tree.names import Names
from inditree.tree.site import Site

FEATURES = "1"
"""The number in `inditree=`: the features of the link protocol. A higher one is treated as ours."""

SILENCE = 0.5
"""Seconds without an introduction after which the other end is taken for plain INDI."""

SILENCE_MAX = 5.0
"""The longest such wait, reached by doubling where introductions came too late."""

PAUSE = 0.3
"""Seconds for which no link is believed about a device that was lost: what still travels of the old order dies out."""

PROBE = "probe/"
"""The uid of a probe begins so."""


class Link:
    """One link. `remote_id` is the other router's ID, None while unknown and for plain INDI.

    `path_id` stands for a plain server in paths, `address` for its resolved host and port ("" where nobody knows it),
    `site` for the server itself, shared by all links to it. `defined` holds all devices that it ever defined here.
    """

    __slots__ = (
        "address",
        "alive",
        "awaited",
        "blobs",
        "defined",
        "device",
        "devices",
        "heard",
        "late",
        "names",
        "opener",
        "parted",
        "path_id",
        "pongs",
        "probe_bytes",
        "probed",
        "probes",
        "remote_id",
        "reported",
        "rtt",
        "settled",
        "share",
        "silence",
        "site",
        "snoops",
        "taken",
    )

    def __init__(
        self,
        *,
        opener: bool,
        path_id: str,
        blobs: bool = True,
        share: bool = True,
        devices: tuple[str, ...] = ("*",),
        device: str | None = None,
        site: str = "",
        silence: float = SILENCE,
        awaited: bool = False,
    ) -> None:
        self.opener = opener
        self.path_id = path_id
        self.blobs = blobs
        self.share = share
        self.devices = devices
        self.device = device
        self.names: Names | None = None  # devices have other names here than there
        self.address = site
        self.site = Site()
        self.silence = silence
        self.awaited = awaited  # it has been inditree before: it is not taken for another kind for being slow
        self.remote_id: str | None = None
        self.settled = False  # we know what the other end is, and have told it what we have
        self.parted = False  # it ends on purpose, and is shown nothing any more
        self.late = False  # its introduction came after it had been taken for plain INDI
        self.snoops = False  # a chained indiserver: it wants the drivers' snoop requests
        self.defined: set[str] = set()
        self.reported: set[str] = set()  # origins and devices said once
        # Probes. Times are seconds of the core's clock; `heard` is set by whoever reads.
        self.heard = 0.0
        self.alive = 0.0
        self.taken = 0
        self.probed = 0.0
        self.probes = 0
        self.probe_bytes = 0
        self.pongs = 0
        self.rtt: float | None = None

    @property
    def identity(self) -> str:
        """The far end's ID in paths."""
        return self.remote_id or self.path_id

    @property
    def is_router(self) -> bool:
        """True when the other end has introduced itself as inditree."""
        return self.remote_id is not None

    @property
    def plain(self) -> bool:
        """True when the other end is known to be plain INDI."""
        return self.settled and self.remote_id is None

    def accepts(self, device: str) -> bool:
        """Is this a device that we take from here?"""
        if self.names is not None:
            if self.comes_home(device):
                return False
            device = self.names.far(device)
        if self.device is not None and device != self.device:
            return False
        return any(fnmatchcase(device, pattern) for pattern in self.devices)

    def comes_home(self, device: str) -> bool:
        """Does a plain server say this of a device that we have from it, and that it has from us? It has no path."""
        return self.names is not None and self.plain and self.names.comes_home(device)

    def shows(self, device: str) -> bool:
        """Is this a device that the other end may be told about (not counting who owns it)?

        A plain server is not told of what it has defined itself, over whatever link: IPyServer ends, and what
        indiserver is told of it passes on to its clients, our other links. One that was asked for a single device
        is told of nothing, as there may be dozens of such links to it.
        """
        if not (self.settled and self.share) or self.parted:
            return False
        return not self.plain or (self.device is None and device not in self.site.defined)
