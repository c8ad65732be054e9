"""The view: for each property its definition and what was published since.

On the hot path `note` only keeps the last element where that says everything; folding happens when somebody
asks. Rules: docs/wire.md, "The view". BLOB data is never kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from inditree.view.fold import fold, member_names
from inditree.view.plain import LIMITS, TIMEOUT, TIMESTAMP, Passage, carried, says

PENDING_LIMIT = 64 * 1024
"""Bytes of updates kept for a property before they are folded: bounds what a property can hold."""

PROPERTY_BYTES = 320
"""Memory that a property takes beside its text."""


class Recent:
    """The run that passed last, so that all its properties share what is found out about it."""

    __slots__ = ("_passage",)

    def __init__(self) -> None:
        self._passage = Passage(b"")

    def passage(self, data: bytes) -> Passage:
        """What is known of `data`."""
        if self._passage.data is not data:
            self._passage = Passage(data)
        return self._passage


class Property:
    """One property: `definition` as it came, and what passed since."""

    __slots__ = ("_carried", "_names", "_pending", "_recent", "_size", "definition", "name", "tag", "via")

    def __init__(self, tag: str, name: str, definition: bytes, via: str, recent: Recent) -> None:
        self.tag = tag
        self.name = name
        self.definition = definition
        self.via = via  # the path of IDs that it came by, "" for our own drivers
        self._recent = recent
        self._names: frozenset[bytes] | None = None
        self._pending: list[bytes] = []
        self._carried = 0  # what some of them perhaps say and a later one need not
        self._size = 0

    def note(self, data: bytes, first: int, last: int, end: int) -> None:
        """Remember the elements of one tag for this property in `data`, all that there are of them.

        The first one is at `first`, the last one from `last` to `end`.
        """
        newest = data[last:end]
        if self._names is None:
            self._names = member_names(self.definition)
        said = says(self.tag, newest, self._names)
        if said is not None:
            unsaid = (LIMITS | TIMEOUT | TIMESTAMP) ^ said
            if not self._carried & unsaid and (first == last or not self._recent.passage(data).carried & unsaid):
                self._pending = [newest]  # it makes all before it unnecessary
                self._carried = said
                self._size = len(newest)
                return
        for each in [newest] if first == last else self._recent.passage(data).elements(first):
            self._pending.append(each)
            self._carried |= carried(each)
            self._size += len(each)
        if self._size > PENDING_LIMIT:
            self.current()

    @property
    def pending(self) -> tuple[bytes, ...]:
        """What is not folded into the definition yet."""
        return tuple(self._pending)

    @property
    def weight(self) -> int:
        """Bytes that it takes, roughly: its text, and what Python needs to keep it."""
        return PROPERTY_BYTES + len(self.name) + len(self.definition) + self._size

    def current(self) -> bytes:
        """The definition as the driver would send it now; untouched, byte for byte, where nothing was set since."""
        if self._pending:
            self.definition = fold(self.definition, self._pending)
            self._pending = []
            self._carried = self._size = 0
        return self.definition


class Device:
    """The properties of one device, in the order in which they were first defined."""

    __slots__ = ("name", "properties")

    def __init__(self, name: str) -> None:
        self.name = name
        self.properties: dict[str, Property] = {}


class View:
    """All devices that have an owner."""

    __slots__ = ("_recent", "devices")

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self._recent = Recent()

    def find(self, device: str, name: str) -> Property | None:
        """The property, where it is defined."""
        known = self.devices.get(device)
        return known.properties.get(name) if known else None

    def define(self, tag: str, device: str, name: str, definition: bytes, via: str = "") -> None:
        """Take a definition; a repeated one replaces the property whole."""
        known = self.devices.get(device)
        if known is None:
            known = self.devices[device] = Device(device)
        known.properties[name] = Property(tag, name, definition, via, self._recent)

    def delete(self, device: str, name: str | None) -> None:
        """Take a delProperty: of one property, or of the device."""
        if name is None:
            self.devices.pop(device, None)
        elif device in self.devices:
            self.devices[device].properties.pop(name, None)

    def weight(self, device: str) -> int:
        """Bytes that are kept of a device, roughly; 0 for one that is not defined."""
        known = self.devices.get(device)
        return sum(each.weight for each in known.properties.values()) if known else 0

    def matching(self, device: str | None, name: str | None) -> Iterator[tuple[str, Property]]:
        """(device, property) of all that a getProperties with these attributes asks for."""
        if device is None:
            names = list(self.devices)
        else:
            names = [device] if device in self.devices else []
        for known in names:
            properties = self.devices[known].properties
            if name is None:
                for each in list(properties.values()):
                    yield known, each
            elif name in properties:
                yield known, properties[name]
