"""Decides who may connect to a listener, and by what rules. No socket comes into it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

from inditree.config import Listen, Rule
from inditree.core import Policy


class Admission:
    """The rules of one listener, and from which hosts connections are there."""

    def __init__(self, config: Listen, per_address: int | None = None) -> None:
        self._config = config
        self._per_address = per_address
        self._networks = [ipaddress.ip_network(each, strict=False) for each in config.allow]
        self._hosts: Counter[str] = Counter()

    def refuses(self, address: Any, count: int) -> tuple[str, str] | None:
        """Says why one from there may not come, as the metric names it and in words; so many are there already."""
        most = self._config.max_connections
        if most is not None and count >= most:
            return "limit", f"{most} connections are open (max_connections)"
        if not isinstance(address, tuple):
            return None
        if self._networks and not self._allows(address[0]):
            return "access", "the address is not in `allow`"
        if self._per_address is not None and self._hosts[_site(address[0])] >= self._per_address:
            return "limit", f"{self._per_address} connections from this address (limits.connections_per_address)"
        return None

    def _allows(self, address: str) -> bool:
        host = ipaddress.ip_address(address.split("%")[0])
        host = getattr(host, "ipv4_mapped", None) or host
        return any(host in network for network in self._networks)

    def came(self, host: str) -> None:
        """A connection from there was admitted; `left` is to be called for each."""
        self._hosts[_site(host)] += 1

    def left(self, host: str) -> None:
        """A connection from there is gone."""
        site = _site(host)
        self._hosts[site] -= 1
        if self._hosts[site] <= 0:
            del self._hosts[site]

    def policy(self, subject: str | None) -> Policy:
        """The rights of one client; `subject` is its certificate's, None where it showed none."""
        config = self._config
        access, devices = config.access, config.devices
        rule = self._rule(subject)
        if rule is not None:
            access, devices = rule.access, rule.devices
        return Policy(
            listener=config.name,
            read_only=access == "read-only",
            devices=devices,
            lossless=config.delivery == "lossless",
            peers=config.peers,
            subject=subject or "",
        )

    def _rule(self, subject: str | None) -> Rule | None:
        if subject is None:
            return None
        return next((rule for rule in self._config.rules if fnmatchcase(subject, rule.subject)), None)


def _site(host: str) -> str:
    """The address that a client counts by: of IPv6 the /64, as any machine has all of it. `host` is empty for UNIX."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.split("%")[0])
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
