"""Reads the labels of containers into remotes, with where each container is reached. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inditree.config import Docker, Remote, units
from inditree.config.check import check_name, check_remote
from inditree.config.structs import INDI_PORT
from inditree.errors import ConfigError

_logger = logging.getLogger("inditree.discovery")

_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_OPTIONS = {"blobs", "name", "devices"}
_OWN_ID = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ")

Row = Mapping[str, Any]
"""A container as the engine lists it (GET /containers/json)."""


def own_id(mountinfo: str) -> str | None:
    """The id of the container that we are in, from /proc/self/mountinfo; None outside of one.

    The engine mounts /etc/hostname and its like from the container's own directory; the host name may have been set.
    """
    found = _OWN_ID.search(mountinfo)
    return found[1] if found else None


class Reader:
    """Makes remotes of a list of containers. What is wrong with one is logged once and leaves that one out."""

    def __init__(self, config: Docker, own: str | None) -> None:
        self._config = config
        self._own = own
        self._complained: set[tuple[str, str]] = set()

    def remotes(self, rows: Iterable[Row]) -> dict[str, Remote]:
        """Return the remotes by name."""
        listed = sorted(rows, key=_name)
        shared = self._shared(listed)
        result: dict[str, Remote] = {}
        complaints: set[tuple[str, str]] = set()
        for row in listed:
            if self._config.label not in (row.get("Labels") or {}) or row.get("Id") == self._own:
                continue
            try:
                entry = self._remote(row, shared)
                if entry is not None and result.setdefault(entry.name, entry) is not entry:
                    raise ValueError(f"another container has the name {entry.name!r} already")
            except (ValueError, ConfigError) as error:
                complaints.add((_name(row), str(error)))
        self._complain(complaints)
        return result

    def _shared(self, rows: Iterable[Row]) -> set[str] | None:
        """The networks that we share with others, by id; None: all, since we are in no container (of this engine)."""
        own = next((row for row in rows if self._own and row.get("Id") == self._own), None)
        return None if own is None else {each["NetworkID"] for each in _networks(own).values()}

    def _remote(self, row: Row, shared: set[str] | None) -> Remote | None:
        """Raises ValueError and ConfigError."""
        label, labels = self._config.label, row["Labels"]
        place = str(labels[label]).strip()
        if place.lower() in ("false", "off", "no"):
            return None
        options = {key[len(label) + 1 :]: text for key, text in labels.items() if key.startswith(label + ".")}
        if unknown := options.keys() - _OPTIONS:
            raise ValueError(f"label {label}.{min(unknown)} is not known ({', '.join(sorted(_OPTIONS))} are)")
        host, port = _place(label, place)
        entry = Remote(
            host=host or self._address(row, shared),
            port=port,
            name=options.get("name", "").strip() or _name(row),
            blobs=_switch(f"{label}.blobs", options.get("blobs", "on")),
            devices=tuple(each.strip() for each in options.get("devices", "*").split(",")),
        )
        check_name(entry.name, label)
        check_remote(entry, label)
        return entry

    def _address(self, row: Row, shared: set[str] | None) -> str:
        """Raises ValueError where there is none."""
        wanted = self._config.network
        for name, network in sorted(_networks(row).items()):
            address = network.get("IPAddress") or network.get("GlobalIPv6Address")
            fits = name == wanted if wanted else shared is None or network.get("NetworkID") in shared
            if address and fits:
                return str(address)
        raise ValueError(f"has no address in {f'the network {wanted!r}' if wanted else 'a network that we share'}")

    def _complain(self, complaints: set[tuple[str, str]]) -> None:
        for name, text in sorted(complaints - self._complained):
            _logger.warning("container %s is left out: %s", name, text, extra={"event": "discovery_wrong"})
        self._complained = complaints


def _name(row: Row) -> str:
    """A container's own name: of several, those with a second slash are links to it (the old --link)."""
    names = [name.lstrip("/") for name in row.get("Names") or ()]
    return next((name for name in names if "/" not in name), str(row.get("Id", ""))[:12])


def _networks(row: Row) -> dict[str, dict[str, Any]]:
    return (row.get("NetworkSettings") or {}).get("Networks") or {}


def _place(label: str, text: str) -> tuple[str, int]:
    """Host (empty: the container's own address) and port of `true`, a port, or host:port."""
    if text.lower() in ("", "true", "on", "yes"):
        return "", INDI_PORT
    if text.isascii() and text.isdigit():
        return "", units.port(text, lowest=1)
    host, port = units.split(text)
    if not port:
        raise ValueError(f"label {label}={text!r} is neither true, nor a port, nor host:port")
    return units.host(host), units.port(port, lowest=1)


def _switch(label: str, text: str) -> bool:
    found = _SWITCH.get(text.strip().lower())
    if found is None:
        raise ValueError(f"label {label}={text!r} is neither on nor off")
    return found
