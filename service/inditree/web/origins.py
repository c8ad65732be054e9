"""Decides which sites may talk to a listener; a page of another gets nothing. Rules: docs/web.md, "Other sites"."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from inditree.transport.hosts import is_address, name_in

_PORTS = {"http": 80, "https": 443}


def own_names(name: str, host: str) -> frozenset[str]:
    """Give the names of this machine and router: the router's name, the host's with and without domain, `.local`."""
    short = host.partition(".")[0]
    return frozenset(each.lower() for each in ("localhost", name, host, short, f"{short}.local") if each)


def refuses_host(host: str | None, names: frozenset[str], origins: Iterable[str], key: str = "listen[].origins") -> str:
    """Says why a request with this Host is not answered, "" where it is. `key` is where `origins` stand."""
    if host is None:
        return "the request has no Host"
    known = names | {_host_of(each) for each in origins}
    found = name_in(host)
    if found and (found in known or is_address(found)):
        return ""
    return f"the host {host!r} is neither an address, nor a name of this machine, nor in {key}"


def refuses_origin(
    origin: str | None, host: str, secure: bool, origins: Iterable[str], key: str = "listen[].origins"
) -> str:
    """Says why a page of this Origin gets nothing, "" where it may; without an Origin no page asks."""
    if origin is None:
        return ""
    site = _site(origin)
    if site is not None:
        if site == _site(f"{'https' if secure else 'http'}://{host}"):
            return ""
        if any(site == _site(each) if "://" in each else site[1] == each.lower() for each in origins):
            return ""
    return f"the origin {origin!r} is another site and not in {key}"


def _site(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, (parts.hostname or "").rstrip("."), port) if parts.hostname else None


def _host_of(entry: str) -> str:
    return (urlsplit(entry if "://" in entry else f"//{entry}").hostname or "").rstrip(".")
