"""Values that are not kept: those of members whose name has one of a few words between underscores. Pure."""

from __future__ import annotations

import re

WORDS = frozenset({"PASSWORD", "TOKEN", "SECRET", "KEY"})

_ANY = re.compile(rb"PASSWORD|TOKEN|SECRET|KEY", re.IGNORECASE)
_ATTRIBUTES = rb"(?:\s++[\w:.-]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))*+\s*+"
_TEXT = rb"(?:[^<]++|<!\[CDATA\[.*?\]\]>)*+"
_MEMBER = re.compile(rb"(<(?:one|def)\w++" + _ATTRIBUTES + rb">)" + _TEXT + rb"(?=<)", re.DOTALL)
_NAME = re.compile(rb"\sname\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")


def without_secrets(data: bytes) -> bytes:
    """Elements without the values of members that are called `..._PASSWORD`, `API_KEY_...` and the like."""
    return _MEMBER.sub(_emptied, data) if _ANY.search(data) else data


def _emptied(match: re.Match[bytes]) -> bytes:
    found = _NAME.search(match[1])
    name = (found[1] or found[2] or b"") if found else b""
    words = name.decode(errors="replace").upper().split("_")
    return match[1] if WORDS.intersection(words) else match[0]
