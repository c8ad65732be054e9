"""Makes records of what was taped: what one source said in a while shares one. Pure. Format: docs/record.md."""

from __future__ import annotations

import hashlib
import re
from binascii import Error as Base64Error
from collections.abc import Iterator

import pybase64

from inditree.record.backlog import Taped
from inditree.record.format import Commanded, Pictured, Record, Said
from inditree.record.secrets import named_secret, suspicious, without_secrets

RUN_BYTES = 64 << 10
"""Bytes of elements in one record at most, so that damage costs little."""
_ONE = re.compile(rb"(<oneBLOB\b((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>)([^<]*+)(?=</oneBLOB)")


class _Gathered:
    """Elements of one source that share a record."""

    __slots__ = ("known", "parts", "size", "source", "times")

    def __init__(self, source: str, known: bool) -> None:
        self.source = source
        self.known = known
        self.times: list[float] = []
        self.parts: list[bytes] = []  # what came at each of the times
        self.size = 0

    def add(self, time: float, data: bytes) -> None:
        self.times.append(time)
        self.parts.append(data)
        self.size += len(data)

    def record(self) -> Said:
        parts, data = self.parts, b"".join(self.parts)
        if suspicious(data):
            parts = [without_secrets(each) for each in parts]
            data = b"".join(parts)
        return Said(int(self.times[0] * 1e6), self.source, _cuts(self.times, parts), data, self.known)


def _cuts(times: list[float], parts: list[bytes]) -> list[tuple[int, int]]:
    """The delay after the first (microseconds) and the bytes together of what came at once."""
    cuts: list[tuple[int, int]] = []
    first = last = times[0]
    size = 0
    for at, data in zip(times, parts, strict=True):
        if at != last:
            cuts.append((round((last - first) * 1e6), size))
            last, size = at, 0
        size += len(data)
    cuts.append((round((last - first) * 1e6), size))
    return cuts


def records(items: list[Taped], images: str) -> Iterator[Record]:
    """The items as records: neighbours of one source share one, in the order of their beginnings."""
    found: list[_Gathered | Commanded | Pictured] = []
    gathered: dict[tuple[str, str], _Gathered] = {}
    into: _Gathered | None = None
    before = ""
    for at, kind, source, data, result, blob in items:
        if kind == "commanded":
            found.append(Commanded(int(at * 1e6), source, result, without_secrets(data)))
            gathered.clear()  # what is said after it stands behind it
            into = None
        elif kind == "pictured":
            whole = blob.join() if blob is not None else data
            found.append(pictured(int(at * 1e6), source, whole, images))
            gathered.clear()
            into = None
        else:
            if into is None or into.source != source or kind != before or into.size + len(data) > RUN_BYTES:
                into = gathered.get((source, kind))
                if into is None or into.size + len(data) > RUN_BYTES:
                    into = gathered[source, kind] = _Gathered(source, kind == "known")
                    found.append(into)
                before = kind
            into.add(at, data)
    return (each.record() if isinstance(each, _Gathered) else each for each in found)


def pictured(stamp: int, source: str, data: bytes, images: str) -> Pictured:
    """A `setBLOBVector` as it is kept: whole, or with the hashes of its images in their place."""
    hashes, sizes, secret = [], [], False
    for match in _ONE.finditer(data):
        try:
            raw = pybase64.b64decode(match[3]) if not named_secret(match[2]) else b""
        except (Base64Error, ValueError):
            raw = b""
        secret |= named_secret(match[2])
        hashes.append(hashlib.sha256(raw).hexdigest())
        sizes.append(len(raw))
    whole = images == "all" and not secret
    return Pictured(stamp, source, hashes, sizes, data if whole else _ONE.sub(rb"\1", data), whole)
