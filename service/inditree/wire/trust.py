"""How what a peer writes is taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trust:
    """`skips_text`: text between elements is skipped and counted, else it closes the peer."""

    skips_text: bool = True


CLIENT = Trust(skips_text=False)
"""A client of `inditree serve`."""

GUEST = Trust()
"""A client under a face: what its peers (indiserver, IPyServer) skip is skipped."""

LINK = Trust()
DRIVER = Trust()
