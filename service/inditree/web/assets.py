"""The files of the page, read once."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its bytes, its type, and a tag that changes with it."""

    data: bytes
    type: str
    etag: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Give all files by the path under which they are served; `/` is the page."""
    found = {}
    for file in sorted(_FOLDER.rglob("*")):
        if file.suffix in _TYPES:
            data = file.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found[f"/assets/{file.relative_to(_FOLDER).as_posix()}"] = Asset(data, _TYPES[file.suffix], etag)
    found["/"] = found.pop("/assets/index.html")
    return found
