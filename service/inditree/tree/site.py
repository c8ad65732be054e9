"""A far end: the server at one address, however many links lead there and by whatever names."""

from __future__ import annotations


class Site:
    """One far end. `links` lead to it, the oldest first; `defined` are all devices that it has defined over these."""

    __slots__ = ("address", "defined", "links")

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.defined: set[str] = set()
        self.links: dict[object, None] = {}

    def speaks_over(self, link: object) -> bool:
        """Is this the one link that is heard about what no device says? A plain server says it over all of them."""
        return next(iter(self.links), link) is link


class Sites:
    """The far ends that links lead to now, by their resolved addresses. One without an address is by itself."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Site] = {}

    def enter(self, link: object, address: str) -> Site:
        """A link leads to this address (empty: nobody knows to which)."""
        site = self._known.setdefault(address, Site(address)) if address else Site()
        site.links[link] = None
        return site

    def leave(self, link: object, site: Site) -> None:
        """A link to it is gone; with the last one what was known of it is forgotten."""
        site.links.pop(link, None)
        if not site.links:
            self._known.pop(site.address, None)
