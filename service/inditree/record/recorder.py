"""The part of the router that records: an observer that hears what owners say, and what becomes of each command."""

from __future__ import annotations

import html
import logging
import re
import time
from collections.abc import Callable
from functools import partial

from inditree.config.structs import Record as RecordConfig
from inditree.core import Audit, Peer, Policy
from inditree.flow.outbox import Outbox
from inditree.flow.whole import HeardOutbox, WholeOutbox
from inditree.record.backlog import Backlog, Item
from inditree.record.writer import Figures, Plan, Writer
from inditree.transport.engine import Engine
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import enable_blob, get_properties

SOURCES = 4096
"""Devices whose provider is remembered for the elements that follow; names can be made up without end."""
IMAGES_SHARE = 8
"""The images that wait for the disk may have this part of `limits.memory`, so that no camera waits for it."""

_DEVICE = re.compile(rb"\sdevice\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_logger = logging.getLogger("inditree.record")


def plan_of(config: RecordConfig) -> Plan:
    """The settings of a record, from the configuration. `config.dir` is set."""
    assert config.dir is not None
    return Plan(config.folder, config.keep, config.max_size, config.images)


class Recorder:
    """Records what one engine does, from `start` to `stop`. Raises StartError where the folder cannot be had."""

    def __init__(self, engine: Engine, config: RecordConfig) -> None:
        self.config = config
        self._engine = engine
        self._backlog = Backlog(engine.core.settings.memory // IMAGES_SHARE)
        self._sources: dict[bytes, str] = {}  # "" for a device that is not to be recorded
        self._kind = "said"  # "known" while definitions are said again
        self._last, self._last_source = b"\0", ""  # how the last set* began, up to its device, and who said it
        self._now = self._stamp = 0.0  # the loop's time, and what the clock said then
        self._writer = Writer(
            plan_of(config), self._backlog, partial(self._soon, self._begin_segment), self._release_soon
        )
        self.peer = self._join()
        engine.audits.append(self._audited)

    def _join(self) -> Peer:
        self._engine.begin()
        policy = Policy(devices=self.config.devices)
        peer = self._engine.core.join("observer", "record", policy, make=self._outbox)
        self._engine.ports[peer] = self
        return peer

    def _outbox(self, limit: int, now: Callable[[], float]) -> Outbox:
        return HeardOutbox(limit, now, self._heard)

    @property
    def figures(self) -> Figures:
        """Gives the numbers for the metrics."""
        return self._writer.figures

    def start(self) -> None:
        """Hear everything from now on; what is there already is written at the beginning of each segment."""
        self._know()

    def stop(self) -> None:
        """End the record before the router ends: what it says as it stops is none of an owner's."""
        if self.peer.gone:
            return
        self.write()
        self._engine.audits.remove(self._audited)
        self._engine.end(self.peer, "shutdown", "the router stops")

    def close(self, reason: str = "", text: str = "") -> None:
        """Nothing is left to be closed when its peer is."""

    def finish(self) -> None:
        """Write what is left, after `stop`; to be called in a thread."""
        self._writer.close()

    def apply(self, config: RecordConfig) -> None:
        """Take other bounds and patterns; the folder stays."""
        self.config = config
        self._writer.replan(plan_of(config))
        self.write()
        self._engine.end(self.peer, "shutdown", "the record is planned anew")
        self.peer = self._join()
        self._forget_sources()
        self.start()

    def _heard(self, data: bytes) -> None:
        """Put elements into the backlog: all that the loop does for most of what is said."""
        source = self._last_source if data.startswith(self._last) else self._source(data)
        if source:
            self._backlog.say(self._time(), self._kind, source, data)

    def _time(self) -> float:
        """Ask the clock once for what came in one read."""
        now = self._engine.core.now
        if now != self._now:
            self._now, self._stamp = now, time.time()
        return self._stamp

    # As the port of its peer

    @property
    def blocked(self) -> bool:
        """Without images nothing waits in its outbox."""
        return self.peer.outbox.empty

    def write(self) -> None:
        """Put images, and what was said behind them, into the backlog."""
        outbox = self.peer.outbox
        assert isinstance(outbox, WholeOutbox)
        while (item := outbox.pop()) is not None:
            if isinstance(item, Blob):
                self._image(item, self._time())
            else:
                self._heard(item)

    def watched(self) -> tuple[int, int]:
        return -1, 0

    def broken(self) -> None:
        """Does nothing: there is no connection to break."""

    def hold(self) -> None:
        """Do nothing: a recorder is never read."""

    read_on = defined = hold

    # Inside

    def _image(self, blob: Blob, now: float) -> None:
        source = self._source(blob.element.data)
        if source:
            blob.retain()  # until it is written, or has found no room
            if not self._backlog.append(Item(now, "pictured", source, b"", blob=blob)):
                blob.release()
        self._engine.core.moved(self.peer, (blob,))

    def _source(self, data: bytes) -> str:
        """Names who says this; "" where it is not to be recorded."""
        found = _DEVICE.search(data, 0, data.find(b">") + 1)
        if found is None:
            return "router"
        raw = found[1] or found[2] or b""
        if raw not in self._sources or data.startswith(b"<def"):
            if raw not in self._sources and len(self._sources) >= SOURCES:
                self._forget_sources()
            self._last = b"\0"
            self._sources[raw] = self._place(html.unescape(raw.decode(errors="replace")))
        elif data.startswith(b"<set"):
            self._last, self._last_source = data[: found.end()], self._sources[raw]
        return self._sources[raw]

    def _forget_sources(self) -> None:
        self._sources.clear()
        self._last = b"\0"

    def _place(self, device: str) -> str:
        owner = self._engine.core.ownership.owners.get(device)
        if owner is None or (owner.is_router and not self.config.links):
            return ""
        if self.config.images != "none":
            self._soon(partial(self._wish, "Also", device))
        return owner.place

    def _wish(self, mode: str, device: str) -> None:
        """Have the images of one device, so that none is fetched over a link for a record that leaves links out."""
        if not self.peer.gone:
            self._say(Element("enableBLOB", {"device": device}, enable_blob(mode, device)))

    def _begin_segment(self) -> None:
        """A segment has begun: what is defined now stands at its beginning."""
        if self.peer.gone:
            return
        self.write()
        self._know()

    def _know(self) -> None:
        """Hear the definitions of this moment, marked as said again."""
        self._kind = "known"
        try:
            self._say(Element("getProperties", {}, get_properties()))
            self.write()
        finally:
            self._kind = "said"

    def _say(self, element: Element) -> None:
        self._engine.begin()
        self._engine.core.receive(self.peer, element)
        self._engine.flush()

    def _audited(self, each: Audit) -> None:
        device = each.device
        if self.peer.sees(device) and (each.kind != "link" or self.config.links) and each.seconds is None:
            source = f"{each.kind} {each.client}"
            self._backlog.append(Item(self._time(), "commanded", source, each.data, each.result))

    def _soon(self, act: Callable[[], object]) -> None:
        """Have something done in the loop, from whichever thread."""
        try:
            self._engine.loop.call_soon_threadsafe(self._engine.attempt, None, act)
        except RuntimeError:  # the loop has ended
            _logger.debug("the loop has ended", extra={"event": "record_late"})

    def _release_soon(self, blobs: list[Blob]) -> None:
        """The writer is done with these images."""
        self._soon(partial(self._release, blobs))

    def _release(self, blobs: list[Blob]) -> None:
        self._engine.begin()
        for blob in blobs:
            blob.release()
        self._engine.core.intake.moved()
        self._engine.flush()
