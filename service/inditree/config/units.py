"""Durations, sizes and addresses as people write them. Each function raises ValueError with what is wrong."""

from __future__ import annotations

import re

#: Seconds in each unit of a duration, largest first: the order in which `duration_text` tries them.
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]+)", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
#: What stands for all addresses, IPv4 and IPv6.
_ALL = ("", "*")
_LOOPBACK = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def duration(text: str) -> float:
    """Seconds of `500ms`, `10s`, `5m`, `1h` or `14d`. Without a unit it is refused: nobody knows what it means."""
    found = _QUANTITY.fullmatch(text.strip())
    if not found or found[2] not in _SECONDS:
        raise ValueError(f"{text!r} is not a duration (500ms, 10s, 5m, 1h, 14d)")
    # Divided, not multiplied by 0.001: 3ms is 0.003 then.
    return float(found[1]) / 1000.0 if found[2] == "ms" else float(found[1]) * _SECONDS[found[2]]


def duration_text(seconds: float) -> str:
    """The duration in the largest unit that divides it."""
    for unit, factor in _SECONDS.items():
        if unit != "ms" and seconds and seconds % factor == 0:
            return f"{int(seconds / factor)}{unit}"
    if seconds == 0:
        return "0s"
    if (milliseconds := round(seconds * 1000)) and milliseconds / 1000.0 == seconds:
        return f"{milliseconds}ms"
    return f"{seconds:.9f}".rstrip("0") + "s"


def size(text: str) -> int:
    """Bytes of `512B`, `64KiB`, `1.5MiB` or `1GiB`."""
    found = _QUANTITY.fullmatch(text.strip())
    if not found or found[2] not in _BYTES:
        raise ValueError(f"{text!r} is not a size (512B, 64KiB, 1MiB, 1GiB)")
    return int(float(found[1]) * _BYTES[found[2]])


def size_text(size: int) -> str:
    """The size in the largest unit that divides it."""
    for unit, factor in _BYTES.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"


def port(text: str, lowest: int = 0) -> int:
    """A TCP port; 0, where it is allowed, is one that the system chooses."""
    if not _PORT.fullmatch(text) or not lowest <= int(text) <= 65535:
        raise ValueError(f"{text!r} is not a port ({lowest} to 65535)")
    return int(text)


def split(text: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[v6]`, `[v6]:port` or `v6`; the port is empty where none is given."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or rest == ":" or host.count(":") < 2:
            raise ValueError(f"{text!r} is not an address (host:port, [::1]:port)")
        return host, rest[1:]
    if text.count(":") > 1:
        return text, ""
    host, colon, rest = text.partition(":")
    if colon and not rest:
        raise ValueError(f"{text!r} is not an address (host:port, [::1]:port)")
    return host, rest


def host(text: str) -> str:
    """A host name or IP address."""
    if not text or re.search(r"[\s/@\[\]?,;\x00-\x1f\x7f]", text):
        raise ValueError(f"{text!r} is not a host")
    try:
        text.encode("idna")  # as the look-up does
    except UnicodeError:
        raise ValueError(f"{text!r} is not a host: its parts have 1 to 63 characters") from None
    return text


def address(text: str) -> tuple[str, int]:
    """Host and port to listen on; the host is `*` for all addresses (`*:7624`, `:7624`)."""
    if _PORT.fullmatch(text):
        raise ValueError(f"{text!r} has no host (localhost:{text}, or *:{text} for all addresses)")
    name, number = split(text)
    if not number:
        raise ValueError(f"{text!r} has no port (host:port, [::1]:port)")
    return "*" if name in _ALL else host(name), port(number)


def bound(text: str) -> tuple[str | None, int]:
    """Split a place into what `bind` takes: the host (None: all addresses) and the port."""
    name, number = address(text)
    return (None if name == "*" else name), number


def join(name: str, number: int) -> str:
    """The reverse of `address`."""
    return f"[{name}]:{number}" if ":" in name else f"{name}:{number}"


def reachable(name: str) -> str:
    """Says where something that listens on this host is reached from this machine: a wildcard means loopback."""
    return _LOOPBACK.get(name, name)
