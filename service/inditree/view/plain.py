"""Looking at set* elements without parsing them, where their layout proves what they say. Pure.

Everything here may say "perhaps" for what it cannot prove: then elements are kept and parsed later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from inditree.wire.fast import INDISERVER, LIBINDI, TEXT, Layout

LIMITS, TIMEOUT, TIMESTAMP = 1, 2, 4
"""Flags: attributes of an update that outlive later updates without them."""

MESSAGE = 8
"""Flag: an element of a run has a message, beside these."""

_SAID = {b"timeout=": TIMEOUT, b"timestamp=": TIMESTAMP, b"message=": MESSAGE}

_LIMITS = re.compile(rb"[\s\"'](?:min|max|step)\s*+=")
_TIMEOUT = re.compile(rb"[\s\"']timeout\s*+=")
_TIMESTAMP = re.compile(rb"[\s\"']timestamp\s*+=")
_START = re.compile(rb"<(set[A-Z][a-z]+Vector)\s+device=(\"[^\"]*\"|'[^']*')\s+name=(\"[^\"]*\"|'[^']*')")
_ONE_NAME = re.compile(rb"<one[A-Z][a-z]+\s+name=(?:\"([^\"]*)|'([^']*))")
_START_OR_NAME = re.compile(b"%s|%s" % (_START.pattern, rb"<one[A-Z][a-z]+\s+name=(?:\"([^\"]*)\"|'([^']*)')"))

LOOKED_AT = 2048
"""Bytes of a run in which all members are looked at, not the last ones alone. Of a flood of numbers it is a part that
costs next to nothing."""


def _whole(layout: Layout, kind: bytes) -> re.Pattern[bytes]:
    """A set* with a state, of members that say nothing but their value; its timeout and timestamp are captured."""
    before = layout.before
    name = before + b"name=" + layout.value(1, 128)
    timeout, timestamp = layout.attribute(b"timeout"), layout.attribute(b"timestamp")
    one = rb"\s*+<one%s[ \n]++name=%s[ \n]*+>%s</one%s>" % (kind, layout.value(1, 128), TEXT, kind)
    return re.compile(
        b"<set%sVector%sdevice=%s%s" % (kind, before, layout.value(1, 128), name)
        + layout.attribute(b"state")
        + b"(%s)?(%s)?(%s)?(?:%s)?+%s>" % (timeout, timestamp, timeout, layout.attribute(b"message"), layout.after)
        + rb"(?:%s)*+\s*+</set%sVector>\s*+" % (one, kind)
    )


_KINDS = {f"def{kind}Vector": kind.encode() for kind in ("Number", "Text", "Switch", "Light")}
_SETS = {tag: b"<set%sVector" % kind for tag, kind in _KINDS.items()}


@cache
def _matches(tag: str) -> tuple[Callable[[bytes], re.Match[bytes] | None], ...]:
    """Match a whole set* of a property defined by `tag`, in each layout. Compiled when the first of its kind comes."""
    kind = _KINDS.get(tag)
    return tuple(_whole(layout, kind).fullmatch for layout in (INDISERVER, LIBINDI)) if kind else ()


def says(tag: str, data: bytes, members: frozenset[bytes]) -> int | None:
    """The flags of a set* of a property defined by `tag`: what it says beside its state and all members' values.

    TIMEOUT and TIMESTAMP together; None: it does not give all of them, or that is not proven.
    """
    for match in _matches(tag):
        if found := match(data):
            if {double or single for double, single in _ONE_NAME.findall(data)} != members:
                return None
            return (TIMEOUT if found[1] or found[3] else 0) | (TIMESTAMP if found[2] else 0)
    return None


def says_in_run(tag: str, data: bytes, behind: int, members: frozenset[bytes]) -> int | None:
    """The flags of an element of a run, which says its state just before `behind`: as `says`, and MESSAGE.

    That it was in a run proves its layout: one sort of quote, which stands in no value, and members with a name only.
    Split and sliced as bytes it costs a third; `find` and `startswith` are no quicker than a pattern.
    """
    prefix = _SETS.get(tag)
    if prefix is None or data[: len(prefix)] != prefix:
        return None
    quote = data[behind - 1 : behind]
    if {member.split(quote, 2)[1] for member in data.split(b"<one")[1:]} != members:
        return None
    said = 0
    for name in data[behind:].partition(b"<")[0].split(quote)[::2]:
        said |= _SAID.get(name.strip(), 0)
    return said


def carried(data: bytes) -> int:
    """The flags LIMITS, TIMEOUT and TIMESTAMP that some element in `data` perhaps has."""
    # A `find` is several times quicker than a search for a pattern, and than `in`, which tries a number first.
    find = data.find
    limits = (find(b"min") >= 0 or find(b"max") >= 0 or find(b"step") >= 0) and _LIMITS.search(data)
    timeout = find(b"timeout") >= 0 and _TIMEOUT.search(data)
    timestamp = find(b"timestamp") >= 0 and _TIMESTAMP.search(data)
    return (LIMITS if limits else 0) | (TIMEOUT if timeout else 0) | (TIMESTAMP if timestamp else 0)


def named(data: bytes) -> frozenset[bytes]:
    """The names of the members that a set* perhaps has, as they are written there."""
    return frozenset(double or single for double, single in _ONE_NAME.findall(data))


class Passage:
    """A run of elements that passed: looked at once, however many properties ask."""

    __slots__ = ("_carried", "_elements", "_names", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._carried: int | None = None
        self._elements: dict[tuple[bytes, ...], list[bytes]] | None = None
        self._names: dict[tuple[bytes, ...], set[bytes]] | None = None

    @property
    def carried(self) -> int:
        """The flags LIMITS, TIMEOUT and TIMESTAMP that some element in it perhaps has."""
        if self._carried is None:
            self._carried = carried(self.data)
        return self._carried

    @property
    def looked(self) -> bool:
        """Have its members been looked for?"""
        return self._names is not None

    def look(self, stop: int) -> None:
        """Look for its members, as far as `stop`."""
        self._names = self._find_names(stop)

    def names(self, first: int) -> set[bytes]:
        """The members of the property of the element at `first` as they are written there, as far as it was looked."""
        assert self._names is not None
        mine = _START.match(self.data, first)
        return self._names.get(_key(mine), set()) if mine is not None else set()

    def _find_names(self, stop: int) -> dict[tuple[bytes, ...], set[bytes]]:
        found: dict[tuple[bytes, ...], set[bytes]] = {}
        names: set[bytes] = set()
        for match in _START_OR_NAME.finditer(self.data, 0, stop):
            if match[1] is not None:
                names = found.setdefault(_key(match), set())
            else:
                names.add(match[4] or match[5] or b"")
        return found

    def elements(self, first: int, newest: bytes) -> list[bytes]:
        """The elements of the tag and property of the one at `first`, `newest` the last of them.

        Only that one where a body holds what looks like a start tag, as it may have swallowed others.
        """
        if self._elements is None:
            self._elements = self._split()
        mine = _START.match(self.data, first)
        found = [] if mine is None else self._elements.get(_key(mine), [])
        return found if found and found[-1].startswith(newest) else [newest]

    def _split(self) -> dict[tuple[bytes, ...], list[bytes]]:
        found: dict[tuple[bytes, ...], list[bytes]] = {}
        starts = list(_START.finditer(self.data))
        stops = [start.start() for start in starts[1:]] + [len(self.data)]
        for start, stop in zip(starts, stops, strict=True):
            found.setdefault(_key(start), []).append(self.data[start.start() : stop])
        return found


def _key(found: re.Match[bytes]) -> tuple[bytes, ...]:
    return found[1], found[2][1:-1], found[3][1:-1]
