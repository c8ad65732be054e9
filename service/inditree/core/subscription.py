"""The subscription of one peer: the devices and properties that it hears, and its BLOB modes.

Rules: docs/wire.md, "Who gets what". For a driver this is what it snoops on, for a link what is behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

NEVER, ALSO, ONLY = "Never", "Also", "Only"
MODES = frozenset({NEVER, ALSO, ONLY})

NAME_WEIGHT = 150
"""Bytes that a name takes in memory beside its text."""

_PASS_ONLY = frozenset({"defBLOBVector", "setBLOBVector", "delProperty"})
"""Elements that a peer still hears of a device whose BLOB mode is Only."""


class Subscription:
    """Interest (all, device, property) and BLOB modes (all, device, property; the narrower wins).

    Only `Subscribers` changes one, as it finds peers by what stands here; everybody may read it. It knows names and not
    devices: where one of them is deleted and defined again, what was asked for stays asked for.
    """

    __slots__ = (
        "all",
        "blob_all",
        "blob_devices",
        "blob_properties",
        "devices",
        "properties",
        "property_devices",
        "wants_blobs",
        "weight",
    )

    def __init__(self) -> None:
        self.all = False
        self.devices: set[str] = set()
        self.properties: set[tuple[str, str]] = set()
        self.property_devices: set[str] = set()
        self.wants_blobs = False  # it has enabled some at some time; False: it gets no BLOB, whatever is there
        self.weight = 0  # about how many bytes of memory the names take
        self.blob_all = NEVER
        self.blob_devices: dict[str, str] = {}
        self.blob_properties: dict[tuple[str, str], str] = {}

    @property
    def specific(self) -> bool:
        """True when the peer has named a device: a later getProperties without one does not widen that."""
        return bool(self.devices or self.properties)

    def add(self, device: str | None, name: str | None) -> bool:
        """Add what a getProperties names; True when the peer hears more from now on."""
        if device is None:
            if self.all or self.specific:
                return False
            self.all = True
            return True
        if name is None:
            if device in self.devices:
                return False
            self.devices.add(device)
            self.weight += NAME_WEIGHT + len(device)
            return True
        if (device, name) in self.properties:
            return False
        self.properties.add((device, name))
        self.property_devices.add(device)
        self.weight += 2 * NAME_WEIGHT + len(device) + len(name)
        return True

    def add_interest(self, device: str, name: str | None = None) -> bool:
        """Add a device or property that a new* or enableBLOB names; True when the peer hears more from now on."""
        return not self.all and device not in self.devices and self.add(device, name)

    def names(self, device: str, name: str | None) -> bool:
        """Was this device, or this property of it, asked for by name?"""
        if device in self.devices:
            return True
        return device in self.property_devices if name is None else (device, name) in self.properties

    def set_blob(self, mode: str, device: str | None, name: str | None) -> None:
        """Set the BLOB mode of everything, of a device, or of one property."""
        self.wants_blobs |= mode != NEVER
        if device is None:
            self.blob_all = mode
            return
        before = len(self.blob_devices) + len(self.blob_properties)
        if name is None:
            self.blob_devices[device] = mode
        else:
            self.blob_properties[device, name] = mode
        if len(self.blob_devices) + len(self.blob_properties) > before:
            self.weight += 2 * NAME_WEIGHT + len(device) + len(name or "")

    def blob_mode(self, device: str, name: str | None) -> str:
        """The mode that counts for a property (None: for the device as such)."""
        if name is not None:
            mode = self.blob_properties.get((device, name))
            if mode is not None:
                return mode
        return self.blob_devices.get(device, self.blob_all)

    def interested(self, device: str, name: str | None) -> bool:
        """Is this device, or this property of it, of interest?"""
        return self.all or self.names(device, name)

    def hears(self, tag: str, device: str, name: str | None) -> bool:
        """Does a control element of `device` go to this peer?"""
        if not self.interested(device, name):
            return False
        return tag in _PASS_ONLY or self.blob_devices.get(device, self.blob_all) != ONLY

    def hears_blob(self, device: str, name: str) -> bool:
        """Does a BLOB with data go to this peer?"""
        return self.interested(device, name) and self.blob_mode(device, name) != NEVER

    def named(self) -> Iterator[tuple[str, str]]:
        """(device, name or "") of every device and property that it named."""
        yield from ((device, "") for device in self.devices)
        yield from self.properties

    def blobs(self) -> Iterator[tuple[str, str | None, str]]:
        """(device or "", name, mode) of every BLOB mode that was set, for status and restoring."""
        if self.blob_all != NEVER:
            yield "", None, self.blob_all
        for device, mode in self.blob_devices.items():
            yield device, None, mode
        for (device, name), mode in self.blob_properties.items():
            yield device, name, mode
