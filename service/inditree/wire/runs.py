"""The fast path: neighbouring set* that are plain become one run. Rules: docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inditree.wire.elements import Head, Run
from inditree.wire.fast import DECLARATION, INDISERVER_SET, LIBINDI_SET
from inditree.wire.proof import MEMBERS_LIMIT
from inditree.wire.syntax import parse_start

HEADS_LIMIT = 4096
"""Start tags remembered for one source, up to 1 KiB each; a source that invents more starts over."""

ELEMENT_BYTES = 28 * MEMBERS_LIMIT
"""Bytes of one of them, and of a run: no more members than a property may have are in it, of 28 bytes at least."""

_NEWLINE = 0x0A
_DECLARED = len(DECLARATION)
_NO_GROUP = object()


def by_device(run: Run) -> Iterator[tuple[str, bytes]]:
    """The elements of a run in their order, neighbours of the same device together."""
    names = {head.device: head.device for head in run.heads}
    runs = Runs(lambda head: names[head.device], len(run.data))
    pos = 0
    while pos < len(run.data):
        part = runs.pull(run.data, pos)
        assert part is not None  # they were pulled so before
        yield part.heads[0].device, part.data
        pos = runs.end


class Runs:
    """The runs in one peer's stream, and the start tags that it has used.

    `route` gives the group of a head whose `group` is None; `limit` is bytes of one element.
    """

    def __init__(self, route: Callable[[Head], object], limit: int) -> None:
        self.end = 0
        self._route = route
        self._limit = min(limit, ELEMENT_BYTES)
        self.heads: dict[bytes, Head] = {}
        self._same: dict[tuple[str, str, str], Head] = {}
        self._start, self._other_start = INDISERVER_SET, LIBINDI_SET
        self._runs = 0

    def pull(self, data: bytes, begin: int) -> Run | None:
        """The run at `begin`, which ends at `end` then. None: the next element is no such set*, or not whole.

        libindi's XML declarations between them are taken out.
        """
        match = self._start
        found = match(data, begin)
        if found is None:
            match = self._other_start
            found = match(data, begin)
            if found is None:
                return None
            self._start, self._other_start = match, self._start  # a program keeps to its layout
        declared = match is LIBINDI_SET
        known = self.heads.get
        pos = base = begin  # `base` also counts the declarations: offsets in the run begin there
        size = len(data)
        bound = begin + self._limit  # so far no element is too large
        self._runs += 1
        run = self._runs
        group: object = _NO_GROUP
        heads: list[Head] = []
        newline = True
        while found is not None:
            head = known(found[1]) or self._new_head(found[1])
            stop = found.end()
            if stop > bound:
                break
            if head.group is not group:
                if head.group is None:
                    head.group = self._route(head)
                if group is _NO_GROUP:
                    group = head.group
                elif head.group is not group:
                    break
            if head.run != run:
                head.run = run
                head.first = pos - base
                head.count = 0
                heads.append(head)
            head.last = pos - base
            head.end = stop - base
            head.count += 1
            if stop == size or data[stop] != _NEWLINE:
                pos, newline = stop, False
                break
            pos = stop + 1
            if declared and data[pos : pos + _DECLARED] == DECLARATION:
                pos += _DECLARED
                base += _DECLARED
            found = match(data, pos)
        if group is _NO_GROUP:
            return None
        whole = data[begin:pos]
        if base != begin:
            whole = whole.replace(DECLARATION, b"")  # none stands inside an element: the pattern says so
        self.end = pos
        return Run(whole if newline else whole + b"\n", group, heads)

    def _new_head(self, key: bytes) -> Head:
        tag, attributes = parse_start(key + b">")
        if len(self.heads) >= HEADS_LIMIT:
            self.heads.clear()
            self._same.clear()
        device, name = attributes["device"], attributes["name"]
        head = self.heads[key] = self._same.setdefault((tag, device, name), Head(tag, device, name))
        return head
