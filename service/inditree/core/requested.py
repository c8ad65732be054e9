"""Remembers the last value asked for of each number: a page shows it beside the present value."""

from __future__ import annotations

from inditree.wire.elements import Element

KEPT = 4096
"""Properties of which the last request is remembered, those that were asked for last."""

REQUEST_LIMIT = 1024
"""Bytes of a request that is remembered: 4 MiB of all."""


class Requested:
    """The last `newNumberVector` that was sent on for each property, bounded in number and size."""

    __slots__ = ("_requests",)

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str], bytes] = {}

    def note(self, element: Element) -> None:
        """Take a request that goes to its owner."""
        if element.tag != "newNumberVector" or len(element.data) > REQUEST_LIMIT:
            return
        key = (element.device or "", element.name or "")
        self._requests.pop(key, None)
        self._requests[key] = element.data
        if len(self._requests) > KEPT:
            del self._requests[next(iter(self._requests))]

    def last(self, device: str, name: str) -> bytes:
        """Give the last request for a property, empty where none is known."""
        return self._requests.get((device, name), b"")
