"""The view: for each property its definition and what was published since.

On the hot path `store` only keeps the last element where that says everything; folding happens when somebody
asks. Rules: docs/wire.md, "The view". BLOB data is never kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from inditree.view.fold import fold, member_names
from inditree.view.plain import (
    LIMITS,
    LOOKED_AT,
    MESSAGE,
    TIMEOUT,
    TIMESTAMP,
    Passage,
    carried,
    named,
    says,
    says_in_run,
)
from inditree.view.standing import SAID, Standing, message_in

PENDING_LIMIT = 64 * 1024
"""Bytes of updates kept for a property before they are folded: bounds what a property can hold."""

PROPERTY_BYTES = 600
"""Memory that a property takes beside its text."""

MEMBER_BYTES = 90
"""Memory that the remembered name of a member takes beside its text."""

WHOLE_EVERY = 1.0
"""Seconds. So often all members of a run are looked at, not those of its first bytes alone: what a driver says at once
when it connects, after it was silent."""


class Weight:
    """Bytes of memory that somebody's properties take, roughly. Kept as they change, so that nobody adds them up."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0


class Recent:
    """The run that passed last, so that all its properties share what is found out about it."""

    __slots__ = ("_passage", "_whole_at")

    def __init__(self) -> None:
        self._passage = Passage(b"")
        self._whole_at = 0.0

    def names(self, data: bytes, first: int, now: float) -> set[bytes]:
        """The members of the property of the element at `first`: in the first bytes of `data`, or in all of it."""
        passage = self.passage(data)
        if not passage.looked:
            whole = now >= self._whole_at
            if whole:
                self._whole_at = now + WHOLE_EVERY
            passage.look(len(data) if whole else LOOKED_AT)
        return passage.names(first)

    def passage(self, data: bytes) -> Passage:
        """The passage for `data`, looked through once."""
        if self._passage.data is not data:
            self._passage = Passage(data)
        return self._passage


class Property:
    """One property: `definition` as it came, and what passed since."""

    __slots__ = (
        "_account",
        "_carried",
        "_names",
        "_names_bytes",
        "_odd",
        "_odd_names",
        "_pending",
        "_readable",
        "_recent",
        "_size",
        "definition",
        "device",
        "name",
        "stale",
        "standing",
        "tag",
        "via",
    )

    def __init__(
        self, tag: str, device: str, name: str, definition: bytes, via: str, recent: Recent, account: Weight
    ) -> None:
        self.tag = tag
        self.device = device
        self.name = name
        self.definition = definition
        self.via = via  # the path of IDs that it came by, "" for our own drivers
        self.stale = False  # whoever provided it is gone for the moment, and may come back
        self.standing = Standing()
        self._recent = recent
        self._names: frozenset[bytes] | None = None
        self._readable = True
        self._odd_names: frozenset[bytes] = frozenset()  # those of the last update that named others than these
        self._odd = False  # and not only in another spelling
        self._pending: list[bytes] = []
        self._carried = 0  # what some of them perhaps say and a later one need not
        self._size = 0  # bytes of what is pending
        self._names_bytes = 0  # that the remembered names of its members take
        self._account = account
        account.bytes += self.weight

    def store(self, data: bytes, first: int, last: int, end: int, said: int | None = None, now: float = 0.0) -> bool:
        """Remember the elements of one tag for this property in `data`, all that there are of them.

        The first one is at `first`, the last one from `last` to `end`; `said`, unless None, is what the last one says
        beside its state and all members. True: one of them names a member that the definition has not, so that this is
        an old one. Where the last one says everything, of those before it only the first of a run are looked at; once
        in a while (`now`, seconds) all are.
        """
        newest = data[last:end]
        if said is None:
            said = says(self.tag, newest, self.members)
        if said is not None:
            unsaid = (LIMITS | TIMEOUT | TIMESTAMP) ^ said
            if not self._carried & unsaid and (first == last or not self._recent.passage(data).carried & unsaid):
                self._pending = [newest]  # it makes all before it unnecessary
                self._carried = said
                self._weigh(len(newest))
                return first != last and self._some_are_odd(data, first, last, end, now)
        stale = False
        for each in self.passed(data, first, last, end):
            self._pending.append(each)
            self._carried |= carried(each)
            self._weigh(self._size + len(each))
            stale |= self._is_older_than(each)
        if self._size > PENDING_LIMIT:
            self.current()
        return stale

    def store_image(self, change: bytes, attributes: Mapping[str, str]) -> None:
        """Remember what an image says of its property: its start tag alone, as an element, with these attributes."""
        said = None
        if self.tag == "defBLOBVector" and "state" in attributes:
            said = (TIMEOUT if "timeout" in attributes else 0) | (TIMESTAMP if "timestamp" in attributes else 0)
        self.store(change, 0, 0, len(change), said)

    def passed(self, data: bytes, first: int, last: int, end: int) -> list[bytes]:
        """The elements of one tag for this property in `data`, where `note` says what the numbers are."""
        newest = data[last:end]
        return [newest] if first == last else self._recent.passage(data).elements(first, newest)

    def _some_are_odd(self, data: bytes, first: int, last: int, end: int, now: float) -> bool:
        if self._recent.names(data, first, now) <= self.members:
            return False
        return any(self._is_older_than(each) for each in self.passed(data, first, last, end))

    def _is_older_than(self, update: bytes) -> bool:
        """Does a set* of its kind name a member that the definition has not? Parsed once for each set of names."""
        names, members = named(update), self._names
        if members is None or names <= members or not update.startswith(b"<set" + self.tag[3:].encode()):
            return False
        if names != self._odd_names:
            self._odd_names = names
            told = member_names(update) if self._readable else None
            self._odd = told is not None and not told <= members
        return self._odd

    @property
    def members(self) -> frozenset[bytes]:
        """The names of its members, in UTF-8; none where the definition cannot be parsed."""
        return self._names if self._names is not None else self._learn_names()

    def lacks(self, names: Iterable[str]) -> bool:
        """Is one of these no member of the definition?"""
        members = self.members
        return self._readable and any(name.encode() not in members for name in names)

    def _learn_names(self) -> frozenset[bytes]:
        known = member_names(self.definition)
        names = self._names = known or frozenset()
        self._readable = known is not None
        self._names_bytes = sum(MEMBER_BYTES + len(name) for name in names)
        self._account.bytes += self._names_bytes
        return names

    def _weigh(self, pending: int) -> None:
        """Weigh the pending updates of the property."""
        self._account.bytes += pending - self._size
        self._size = pending

    def hold(self, account: Weight) -> None:
        """Hold it, as its provider is gone for now: it weighs on this account from now on, and its path counts no
        more."""
        self._account.bytes -= self.weight
        self._account = account
        self.stale, self.via = True, ""
        account.bytes += self.weight

    def forget(self) -> None:
        """Forget a property that is gone: it weighs nothing any more."""
        self._account.bytes -= self.weight

    @property
    def pending(self) -> tuple[bytes, ...]:
        """The updates that are not folded into the definition yet."""
        return tuple(self._pending)

    @property
    def weight(self) -> int:
        """Bytes that it takes, roughly: its text, and what Python needs to keep it."""
        text = len(self.name) + len(self.via) + len(self.definition)
        return PROPERTY_BYTES + text + self._names_bytes + self._size

    def current(self) -> bytes:
        """The definition as the driver would send it now; untouched, byte for byte, where nothing was set since."""
        if self._pending:
            before = len(self.definition)
            self.definition = fold(self.definition, self._pending)
            self._account.bytes += len(self.definition) - before
            self._pending = []
            self._carried = 0
            self._weigh(0)
        return self.definition


class Device:
    """The properties of one device, in the order in which they were first defined.

    `said` is its last message, cut, and when it came (seconds of the caller's clock).
    """

    __slots__ = ("name", "properties", "said")

    def __init__(self, name: str) -> None:
        self.name = name
        self.said: tuple[float, str] | None = None
        self.properties: dict[str, Property] = {}


class View:
    """Holds all devices that have an owner. `images` are the BLOB properties: device and name."""

    __slots__ = ("_recent", "devices", "images")

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.images: set[tuple[str, str]] = set()
        self._recent = Recent()

    def find(self, device: str, name: str) -> Property | None:
        """The property, where it is defined and somebody answers for it."""
        known = self.devices.get(device)
        found = known.properties.get(name) if known else None
        return None if found is None or found.stale else found

    def stale(self, device: str, name: str) -> Property | None:
        """The property of a device that is held, as it was when whoever provided it was lost."""
        known = self.devices.get(device)
        found = known.properties.get(name) if known else None
        return found if found is not None and found.stale else None

    def define(
        self, tag: str, device: str, name: str, definition: bytes, via: str = "", weight: Weight | None = None
    ) -> None:
        """Take a definition; a repeated one replaces the property whole. `weight` is that of whoever it comes from."""
        known = self.devices.get(device)
        if known is None:
            known = self.devices[device] = Device(device)
        made = Property(tag, device, name, definition, via, self._recent, weight or Weight())
        if (old := known.properties.get(name)) is not None:
            old.forget()
            made.standing = old.standing
        known.properties[name] = made
        if tag == "defBLOBVector":
            self.images.add((device, name))
        else:
            self.images.discard((device, name))

    def appear_anew(self, device: str) -> None:
        """Begin a device anew, as its driver is another or has restarted: who keeps the old one sees it."""
        known = self.devices.get(device)
        if known is not None:
            made = self.devices[device] = Device(device)
            made.said, made.properties = known.said, known.properties

    def hear(self, known: Property, data: bytes, start: int, end: int, now: float) -> None:
        """Take from the element that stands there its property's state, and a message."""
        standing = known.standing
        if not data.startswith(standing.head, start, end):
            standing.hear(data, start, end, now)
        self.note_message(known.device, message_in(data, start, end), now)

    def hear_run(self, known: Property, data: bytes, first: int, last: int, end: int, now: float) -> bool:
        """Take the elements of a property in a run: state, message, values. It returns what `Property.store` does."""
        newest, standing = data[last:end], known.standing
        said = None
        if newest[: len(standing.head)] == standing.head or standing.hear(data, last, end, now):
            said = says_in_run(known.tag, newest, len(standing.head), known.members)
        if said is None or said & MESSAGE:
            self.note_message(known.device, message_in(data, last, end), now)
        return known.store(data, first, last, end, None if said is None else said & ~MESSAGE, now)

    def note_message(self, device: str, text: str, now: float) -> None:
        """Keep the last message of a device that has a property; an empty one is none."""
        known = self.devices.get(device)
        if known is not None and text:
            known.said = now, text[:SAID]

    def delete(self, device: str, name: str | None) -> None:
        """Take a delProperty: of one property, or of the device."""
        known = self.devices.get(device)
        if known is None:
            return
        if name is None:
            del self.devices[device]
            for each in known.properties.values():
                each.forget()
                self.images.discard((device, each.name))
        elif name in known.properties:
            known.properties.pop(name).forget()
            self.images.discard((device, name))

    def via(self, device: str) -> str:
        """The path of IDs that a device came by; "" for our own drivers, and for one without a property."""
        known = self.devices.get(device)
        return next((each.via for each in known.properties.values() if not each.stale), "") if known else ""

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
