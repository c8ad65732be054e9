"""Other names of devices here than in their driver or at the far end of a link. Rules: docs/tree.md, "Other names"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate

from inditree.wire.elements import Blob, Element, OneBlob
from inditree.wire.proof import NAME_LIMIT
from inditree.wire.syntax import attribute, attributes_in

REMEMBERED = 1 << 16
"""Names remembered of one peer; what it names beyond that has no name of its own at its end."""

_STARTS = re.compile(rb"(<set\w++\s++device=)(\"[^\"]*+\"|'[^']*+')")
_NAME = re.compile(rb"\s++name=(\"[^\"]*+\"|'[^']*+')")
"""Where an element of a run begins: there the device comes first, and no value has a raw `<`."""


class Rename:
    """The entries of one `rename`: the first pattern that fits a device gives its name here."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self._entries = [(pattern, re.compile(_grouped(pattern)), name) for pattern, name in entries]

    def here(self, far: str) -> str:
        """The name here of a device that is called `far` there; where it would be too long, it stays as it is."""
        for _, pattern, name in self._entries:
            found = pattern.match(far)
            if found is not None:
                here = name.replace("*", found[1]) if "*" in name else name
                return here if len(here) <= NAME_LIMIT else far
        return far

    def far(self, here: str) -> str:
        """The name there of a device that would be called `here`; the same where no entry gives that name."""
        for pattern, _, name in self._entries:
            found = re.fullmatch("(.*)".join(map(re.escape, name.split("*", 1))), here, re.DOTALL)
            if found is not None:
                far = pattern.replace("*", found[1]) if "*" in name else pattern
                if self.here(far) == here:
                    return far
        return here


def _grouped(pattern: str) -> str:
    """The regular expression of a glob, what its `*` stands for in a group."""
    before, star, after = pattern.partition("*")
    if not star:
        return translate(pattern)
    parts = [translate(part).removeprefix("(?s:").removesuffix(r")\Z") for part in (before, after)]
    return f"(?s:{parts[0]}(.*){parts[1]})\\Z"


class Names:
    """The names of one peer's devices, there and here.

    `defined` are those (as they are called there) that it has defined itself.
    """

    __slots__ = ("_far", "_rename", "defined")

    def __init__(self, rename: Rename) -> None:
        self._rename = rename
        self._far: dict[str, str] = {}  # by the name here, for what it has named
        self.defined: set[str] = set()

    def here(self, far: str) -> str:
        """The name here of what it calls `far`; from now on it is told of it by that name."""
        here = self._rename.here(far)
        if here != far and len(self._far) < REMEMBERED:
            self._far[here] = far
        return here

    def far(self, here: str) -> str:
        """The name that a device has at the far end, whether or not that end has named it as yet."""
        return self._far.get(here) or self._rename.far(here)

    def named(self, here: str) -> str:
        """The name that a device has at the far end; one that it has not named has the name that it has here."""
        return self._far.get(here, here)

    def comes_home(self, here: str) -> bool:
        """Is this a device that the far end has by the name that we have given it? It would get a longer one each time.

        Two names that are swapped come to an end.
        """
        far = self.far(here)
        return far in self._far and len(self._rename.here(here)) > len(here) > len(far)

    # Elements

    def renamed(self, element: Element, here: str) -> Element:
        """An element about a device that has another name."""
        attributes = {**element.attributes, "device": here}
        return Element(element.tag, attributes, with_device(element.data, here), element.latin)

    def elements(self, data: bytes) -> Iterator[Element]:
        """The elements of a run of set* as they are here."""
        starts = [*_STARTS.finditer(data), None]
        for found, behind in itertools.pairwise(starts):
            assert found is not None
            device, end = self.here(_text(found[2])), len(data) if behind is None else behind.start()
            name = _NAME.match(data, found.end())
            assert name is not None  # it is of a run
            tag = found[1][1:].split(None, 1)[0].decode()
            whole = found[1] + attribute(device) + data[found.end() : end]
            yield Element(tag, {"device": device, "name": _text(name[1])}, whole)

    def outward(self, data: bytes) -> bytes:
        """A run of set* elements as it goes there."""
        return _STARTS.sub(self._outward, data) if self._far else data

    def _outward(self, found: re.Match[bytes]) -> bytes:
        here = _text(found[2])
        far = self.named(here)
        return found[0] if far == here else found[1] + attribute(far)

    def element_outward(self, data: bytes, tag: str) -> bytes:
        """One control element as it goes there; a question may be about what it has not named yet."""
        for found in attributes_in(data):
            if found[1] == b"device":
                here = _text(found[2])
                far = self.far(here) if tag == "getProperties" else self.named(here)
                return data if far == here else data[: found.start(2)] + attribute(far) + data[found.end(2) :]
        return data

    def blob_outward(self, blob: Blob) -> Blob:
        """An image as it goes there: a copy where its device has another name there, which only its own have."""
        far = self.named(blob.device)
        if far == blob.device:
            return blob
        copy = Blob(blob.element, [blob.join()], blob.size, [_copied(one) for one in blob.ones])
        rename_blob(copy, far)
        return copy


def _copied(one: OneBlob) -> OneBlob:
    copy = OneBlob(one.attributes, one.tag_start, one.tag_stop)
    copy.payload = one.payload
    return copy


def _text(quoted: bytes) -> str:
    """The name in a quoted attribute."""
    text = quoted[1:-1].decode("utf-8", "replace")
    if "&" not in text:
        return text
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def with_device(data: bytes, device: str) -> bytes:
    """An element with another device in its start tag; all other bytes stay."""
    for found in attributes_in(data):
        if found[1] == b"device":
            return data[: found.start(2)] + attribute(device) + data[found.end(2) :]
    return data


def rename_blob(blob: Blob, device: str) -> None:
    """Give an image that nobody holds yet another device; its data is not copied."""
    old = blob.element.data
    new = with_device(old, device)
    more = len(new) - len(old)
    if blob.chunks:
        left = len(old)
        while left and len(blob.chunks[0]) <= left:
            left -= len(blob.chunks.pop(0))
        if left:
            blob.chunks[0] = memoryview(blob.chunks[0])[left:]
        blob.chunks.insert(0, new)
        blob.size += more
    for one in blob.ones:
        one.tag_start += more
        one.tag_stop += more
    if blob.attached is not None:
        blob.attached.data = with_device(blob.attached.data, device)
    blob.element = Element(blob.tag, {**blob.element.attributes, "device": device}, new, blob.element.latin)
    blob.device = device
    blob.key = (device, *blob.key[1:])


def names_of(rename: Mapping[str, str]) -> Names | None:
    """The names of a new peer; None where its devices keep theirs."""
    return Names(Rename(rename.items())) if rename else None
