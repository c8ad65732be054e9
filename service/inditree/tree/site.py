"""A far end: the server at one address, however many links lead there and by whatever names."""

from __future__ import annotations


class Site:
    """One far end. `defined` is every device that it has defined over any link to it; `links` counts these."""

    __slots__ = ("address", "defined", "links")

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.defined: set[str] = set()
        self.links = 0


class Sites:
    """The far ends that links lead to now, by their resolved addresses. One without an address is by itself."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Site] = {}

    def enter(self, address: str) -> Site:
        """A link leads to this address (empty: nobody knows to which)."""
        site = self._known.setdefault(address, Site(address)) if address else Site()
        site.links += 1
        return site

    def leave(self, site: Site) -> None:
        """A link to it is gone; with the last one what was known of it is forgotten."""
        site.links -= 1
        if not site.links:
            self._known.pop(site.address, None)
