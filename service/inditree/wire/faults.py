"""Faults: what was wrong in an element that was repaired or dropped, as the operator is told."""

from __future__ import annotations

import re
from typing import NamedTuple

SHOWN = 40
"""Bytes of the place that are shown."""

_NAME = re.compile(rb"\s(device|name)\s{0,8}=\s{0,8}[\"']([^\"'<>]{1,256}+)")


class Fault(NamedTuple):
    """One element that was repaired (`reasons` as in `mend`) or dropped (`reasons` is one parse error).

    `image`: it was one with data, to which `attached` of the descriptors that came belong.
    """

    dropped: bool
    reasons: tuple[str, ...]
    place: str
    text: str
    image: bool = False
    attached: int = 0


def repaired(raw: bytes, whole: bytes, reasons: set[str], attributes: dict[str, str]) -> Fault:
    """The element `raw` is passed on as `whole`."""
    at = next((at for at, (a, b) in enumerate(zip(raw, whole, strict=False)) if a != b), 0)
    place = ".".join(attributes[key] for key in ("device", "name") if key in attributes)
    return Fault(False, tuple(sorted(reasons)), place, f"at byte {at}: {_shown(raw, at)}")


def dropped(raw: bytes, text: str, reason: str = "malformed", attached: int | None = None) -> Fault:
    """The element `raw` goes nowhere; of an image, whose start tag it is, `attached` descriptors have come."""
    names: dict[bytes, bytes] = {}
    for key, value in _NAME.findall(raw[:2048]):
        names.setdefault(key, value)
    place = ".".join(names[key].decode("utf-8", "replace") for key in (b"device", b"name") if key in names)
    return Fault(True, (reason,), place, f"{text} ({_shown(raw, SHOWN // 2)})", attached is not None, attached or 0)


def _shown(raw: bytes, at: int) -> str:
    start = max(0, at - SHOWN // 2)
    return repr(raw[start : start + SHOWN])[1:]
