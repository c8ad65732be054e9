"""`inditree replay`: a driver on stdin and stdout that says what a record says."""

from __future__ import annotations

import heapq
import itertools
import os
import select
import sys
import time
import xml.etree.ElementTree as ET
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from inditree.cli.record import paths_of, times
from inditree.record.entries import Entry, Place
from inditree.record.store import Spoilt, read, read_at
from inditree.record.timeline import LIMIT, RecordedState, answer, commands_of
from inditree.view.fold import parse
from inditree.wire.elements import Element, alone
from inditree.wire.framer import Framer
from inditree.wire.trust import GUEST

READ = 1 << 16
LONGEST_WAIT = 3600.0
"""Seconds of one wait: no clock of the system takes a year that a damaged record may ask for."""


def run(chosen: Namespace) -> int:
    """Play a record until stdin ends. Exit status: 0, 1 where the record cannot be read."""
    chosen.dir = chosen.config = None
    begin, end = times(chosen)
    return Player(paths_of(chosen), begin, end, chosen.speed).run()


class Player:
    """Plays the entries of some files from `begin` to before `end` (microseconds), `speed` times as quick."""

    def __init__(self, paths: list[Path], begin: int | None, end: int | None, speed: float) -> None:
        self._paths = paths
        self._begin = begin
        self._end = end
        self._speed = speed
        self._state = RecordedState()
        self._commands = commands_of(self._entries(quiet=True))
        self._framer = Framer(alone, LIMIT, LIMIT, GUEST)
        self._queue: list[tuple[float, int, bytes | Place]] = []  # answers to commands, by when they are due
        self._number = itertools.count()
        self._asked = False
        self._at = 0  # the time of the record at which the play is

    def run(self) -> int:
        """Play, until stdin ends."""
        coming = self._played()
        due: tuple[float, bytes] | None = None
        began: float | None = None
        while True:
            now = time.monotonic()
            if began is not None and due is None:
                due = next(coming, None)
            waits = self._wait(began, due, now)
            if waits > 0 or (due is None and not self._queue):
                if not self._hear(None if waits == float("inf") else min(waits, LONGEST_WAIT)):
                    return 0
                if began is None and self._asked:
                    began, coming = time.monotonic(), self._played()
                continue
            if not self._hear(0):
                return 0
            due = self._say(began, due, time.monotonic())

    def _wait(self, began: float | None, due: tuple[float, bytes] | None, now: float) -> float:
        moments = [self._queue[0][0]] if self._queue else []
        if due is not None and began is not None:
            moments.append(began + due[0])
        return min(moments) - now if moments else float("inf")

    def _say(self, began: float | None, due: tuple[float, bytes] | None, now: float) -> tuple[float, bytes] | None:
        while self._queue and self._queue[0][0] <= now:
            self._write(heapq.heappop(self._queue)[2])
        if due is not None and began is not None and began + due[0] <= now:
            self._write(due[1])
            return None
        return due

    def _played(self) -> Iterator[tuple[float, bytes]]:
        """Each piece of the record, with its delay after the beginning in seconds; what was known before has none."""
        first: int | None = None
        for entry in self._entries():
            if entry.result or not entry.whole:
                continue
            if entry.known or (self._begin is not None and entry.time < self._begin):
                if first is None:
                    self._state.feed(entry.data)
                continue
            if first is None:
                first = entry.time
                yield 0.0, self._state.definitions(None, None)
            self._at = entry.time
            yield (entry.time - first) / 1e6 / self._speed, entry.data
        if first is None:
            yield 0.0, self._state.definitions(None, None)

    def _entries(self, quiet: bool = False) -> Iterator[Entry]:
        for each in read(self._paths):
            if isinstance(each, Spoilt):
                if not quiet:
                    print(f"inditree replay: {each}", file=sys.stderr, flush=True)
            elif self._end is None or each.time < self._end:
                yield each

    def _hear(self, seconds: float | None) -> bool:
        """Take what clients say, waiting so long for it; False where stdin has ended."""
        if not select.select([0], [], [], seconds)[0]:
            return True
        data = os.read(0, READ)
        if not data:
            return False
        self._framer.feed(data)
        while (item := self._framer.pull()) is not None:
            if isinstance(item, Element):
                self._understand(item)
        return True

    def _understand(self, item: Element) -> None:
        if item.tag == "getProperties":
            self._asked = True
            self._put(0.0, self._state.definitions(item.device, item.name))
        elif item.tag == "pingRequest":
            self._put(0.0, b'<pingReply uid="%s"/>\n' % item.attributes.get("uid", "").encode())
        elif item.tag.startswith("new") and item.device and item.name:
            self._command(item)

    def _command(self, item: Element) -> None:
        device, name = item.device or "", item.name or ""
        try:
            found = answer(self._commands.get((device, name), []), parse(item.data), self._at)
        except ET.ParseError:
            return
        if found is None:
            self._put(0.0, self._state.refusal(device, name, f"{name}: the record has no such command"))
            return
        for delay, data in found.answers:
            self._put(delay / 1e6 / self._speed, data)

    def _put(self, after: float, data: bytes | Place) -> None:
        if data:
            heapq.heappush(self._queue, (time.monotonic() + after, next(self._number), data))

    def _write(self, data: bytes | Place) -> None:
        if isinstance(data, Place):
            data = b"".join(each.data for each in read_at(data))
        self._state.feed(data)
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]
