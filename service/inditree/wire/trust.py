"""Says how strictly a peer is read: whether its bad XML is repaired or closes it."""

from __future__ import annotations

from msgspec import Struct


class Trust(Struct, frozen=True):
    """`skips_text`: text between elements is skipped and counted, else it closes the peer. `repairs`: what is no XML is
    repaired where that can be done, else dropped whole, and the peer is closed only after 64 KiB of it; without, the
    first of it closes the peer. `drops_long_names`: so is an element with a name that is too long, else it closes.
    `samples_images`: of an image's text only as much is proven as costs next to nothing, else each byte.
    """

    skips_text: bool = True
    repairs: bool = False
    drops_long_names: bool = False
    samples_images: bool = False


CLIENT = Trust(skips_text=False)
"""A client of `inditree serve`."""

GUEST = Trust()
"""A client under a face: what its peers (indiserver, IPyServer) skip is skipped."""

STRANGER = Trust(repairs=True)
"""Who connected to us and introduced itself as another server."""

LINK = Trust(repairs=True, samples_images=True)
"""A server to which we connected, as the configuration says."""

DRIVER = Trust(repairs=True, drops_long_names=True, samples_images=True)
"""A driver of ours, in a process of its own or in ours."""


def of(kind: str, *, skips_text: bool, came_to_us: bool) -> Trust:
    """Says how a peer of this kind (`client`, `driver`, `link`, `inprocess`) is taken; `skips_text`: of clients too."""
    if kind == "client":
        return GUEST if skips_text else CLIENT
    if kind == "link":
        return STRANGER if came_to_us else LINK
    return DRIVER
