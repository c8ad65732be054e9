"""The `Host` of a request, taken whole or not at all.

A URL's parser passes over what stands behind `#`, `/` or `?` and before `@`: `localhost#x` would be localhost.
"""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^\s\[\]:/?#@\\]+?)\.?)(?::([0-9]{0,5}))?")

_LAST_PORT = 65535


def name_in(host: str) -> str:
    """Give the name or address that a `Host` has, in lower case and without the dot at its end; "" where it is none."""
    found = _HOST.fullmatch(host)
    if found is None or int(found[3] or 0) > _LAST_PORT:
        return ""
    if found[1] is not None:
        return found[1].lower() if ":" in found[1] and is_address(found[1]) else ""
    return found[2].lower()


def is_address(name: str) -> bool:
    """Is it an IP address? IPv6 here without its brackets."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
