"""A ticket for an image that waits for one peer, and a record of one that was dropped."""

from __future__ import annotations

from typing import NamedTuple

from inditree.wire.elements import Attached, Blob, Key


class Ticket:
    """A BLOB that waits for one peer since `at` (seconds). `blob` is None once it no longer waits.

    `behind` are the control elements that its device said after it and before its next image. `forced`: it is sent
    without an acknowledgement, as its property is gone. `attached`: the form in which it is written, unless as base64.
    `unheld`: its source cannot be held. `about`, unless None: it is a request.
    """

    __slots__ = ("about", "at", "attached", "behind", "blob", "forced", "key", "size", "unheld")

    def __init__(
        self, blob: Blob, at: float, about: object = None, attached: Attached | None = None, *, unheld: bool = False
    ) -> None:
        self.blob: Blob | None = blob
        self.key: Key = blob.key
        self.size = blob.size
        self.at = at
        self.about = about
        self.attached = attached
        self.behind: list[bytes] = []
        self.forced = False
        self.unheld = unheld


class Lost(NamedTuple):
    """A BLOB that was dropped. `about`, unless None: it was a request."""

    blob: Blob
    about: object
