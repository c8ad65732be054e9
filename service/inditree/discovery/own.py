"""Finds which addresses are our own, so that no router links to itself."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from inditree.transport import lookup

Place = tuple[str | None, int]
"""Host and port of a listener; the host is None for all addresses."""


def local_addresses() -> frozenset[str]:
    """Return the addresses of all interfaces."""
    import psutil  # only discovery needs it before HTTP is asked for: 15 ms of a start

    found = {
        each.address.split("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family in (socket.AF_INET, socket.AF_INET6)
    }
    return frozenset(str(ipaddress.ip_address(address)) for address in found)


class Own:
    """The addresses that we listen on, and all that this machine has."""

    def __init__(self, listening: frozenset[tuple[str, int]], local: frozenset[str]) -> None:
        self._listening = listening
        self._local = local
        self._ports = frozenset(port for _, port in listening)

    def may_be(self, port: int) -> bool:
        """Says whether we listen on this port at all."""
        return port in self._ports

    def is_own(self, address: str, port: int) -> bool:
        """Says whether a connection there comes back to us."""
        host = ipaddress.ip_address(address)
        wild = "0.0.0.0" if host.version == 4 else "::"
        if (wild, port) in self._listening:
            return host.is_loopback or host.is_unspecified or str(host) in self._local
        return (str(host), port) in self._listening

    def others(self, addresses: Iterable[str], port: int) -> tuple[str, ...]:
        """Return the addresses of one name that lead elsewhere, without those that are this machine's own."""
        return tuple(each for each in addresses if not self.is_own(each, port) and each not in self._local)


async def own_places(places: Iterable[Place]) -> Own:
    """The addresses of the listeners' hosts: a name is looked up, None stands for all."""
    listening: set[tuple[str, int]] = set()
    for host, port in places:
        if host is None:
            listening |= {("0.0.0.0", port), ("::", port)}
            continue
        try:
            found = await lookup.addresses(host, port)
        except OSError:
            continue  # it could be bound once: what it meant then is not known, and the link's own check is left
        listening |= {(str(ipaddress.ip_address(address[0].split("%")[0])), port) for _, address in found}
    return Own(frozenset(listening), local_addresses())
