"""Frames that go out over a WebSocket: a server does not mask them, so one is made once and sent to many."""

from __future__ import annotations

import struct

TEXT, CLOSE, PONG = 0x1, 0x8, 0xA

NORMAL, GOING_AWAY, BAD_DATA, TOO_BIG = 1000, 1001, 1007, 1009
"""Codes of RFC 6455, 7.4.1."""

REASON_BYTES = 123
"""Bytes that the reason of a close frame may have."""


def head(kind: int, size: int) -> bytes:
    """Give the head of an unfragmented frame with `size` bytes behind it."""
    if size < 126:
        return bytes((0x80 | kind, size))
    if size < 1 << 16:
        return struct.pack("!BBH", 0x80 | kind, 126, size)
    return struct.pack("!BBQ", 0x80 | kind, 127, size)


def text(data: bytes) -> bytes:
    """Give a text message; `data` is UTF-8."""
    return head(TEXT, len(data)) + data


def close(code: int, reason: str = "") -> bytes:
    """Give a close frame with its reason, cut to what fits."""
    shown = reason.encode()[:REASON_BYTES].decode("utf-8", "ignore").encode()
    data = struct.pack("!H", code) + shown
    return head(CLOSE, len(data)) + data


def pong(data: bytes) -> bytes:
    """Give the answer to a ping."""
    return head(PONG, len(data)) + data


def is_pong(frame: bytes) -> bool:
    """Is it the answer to a ping?"""
    return frame[0] & 0x0F == PONG
