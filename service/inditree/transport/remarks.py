"""Reports on the bytes that one peer sends: to the log, to the core, to who counts."""

from __future__ import annotations

from inditree.core import Peer
from inditree.images.intake import ImageIntake
from inditree.transport import traffic
from inditree.transport.engine import Engine
from inditree.wire.elements import Blob, Element, Run
from inditree.wire.framer import Framer


class Remarks:
    """Remarks on one stream. `looks`: each element is to be shown to `look_at`, for the log or for `Engine.tap`.

    `text` are the bytes between elements that were spoken of, `garbled` is set once something was dropped.
    """

    def __init__(self, engine: Engine, peer: Peer, framer: Framer, images: ImageIntake, *, log: bool) -> None:
        self.text = 0
        self._core = engine.core
        self._peer = peer
        self._framer = framer
        self._images = images
        self._log = log
        self._tap = engine.tap if peer.kind == "driver" else None
        self.garbled = False
        self.looks = log or self._tap is not None

    def look_at(self, item: Run | Element | Blob) -> None:
        """Show one item to the log and the tap: most peers have neither."""
        data = item.element.data if isinstance(item, Blob) else item.data
        if self._log:
            traffic.log("RX", data, self._peer.name)
        if self._tap is not None:
            self._tap(self._peer, data)

    def faults(self) -> None:
        """Report what was repaired or dropped; an image that was dropped leaves its buffers and descriptors behind."""
        faults, self._framer.faults = self._framer.faults, []
        for fault in faults:
            self._core.fault(self._peer, fault)
            self.garbled |= fault.dropped
            if fault.image:
                self._images.abandon(fault.attached)

    def pumped(self) -> None:
        """Speaks of text between elements, and lets go of what no element will claim, once all else was acted on."""
        if self._framer.text != self.text:
            self.text = self._framer.text
            text = "writes text between its elements (a library that prints?): skipped"
            self._core.notices.once(self._peer, "warning", "text", text)
        if self.garbled and self._framer.idle:
            self.garbled = False
            self._images.disown()
