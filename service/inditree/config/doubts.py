"""Warnings about a configuration that is accepted, and that somebody may not have meant."""

from __future__ import annotations

from inditree.config.structs import Config, Listen, Webmanager


def doubts(config: Config, decided: Listen | None = None) -> list[str]:
    """The warnings about a configuration, each with the path of its key; none of a listener that is `decided`."""
    found = [*_doubts_of_webmanager(config.webmanager), *_open_listeners(config, decided)]
    if config.interlocks or config.reactions:
        from inditree.config import observatory

        found += observatory.doubts(config)
    return found


def _doubts_of_webmanager(entry: Webmanager | None) -> list[str]:
    if entry is None or entry.address is None:
        return []
    found = []
    if entry.allow is None and entry.address[0] in (None, "0.0.0.0", "::"):
        text = "lets all private networks start programs without a token; restrict it with allow"
        found.append(f"webmanager: {entry.listen} {text}")
    if entry.data is None:
        found.append("webmanager: profiles are lost when the router ends; set data to keep them")
    return found


def _open_listeners(config: Config, decided: Listen | None) -> list[str]:
    return [
        f"listen[{index}]: {entry.tcp} is open to every network; restrict it with allow or tls.client_ca"
        for index, entry in enumerate(config.listen)
        if entry is not decided and entry.tcp is not None and entry.address[0] in (None, "0.0.0.0", "::")
        if not entry.allow and not (entry.tls and entry.tls.client_ca)
    ]
