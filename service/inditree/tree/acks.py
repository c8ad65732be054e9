"""BLOBs between routers: each is followed by a ping, at most two of a property are unanswered.

So a link is never paused, and one camera's slow client holds back no other device behind the same link.
"""

from __future__ import annotations

from collections import deque

PREFIX = "blob/"
"""How the uid of such a ping begins: only replies to these may wait."""

UNANSWERED = 2
"""BLOBs of one property that may be on their way over a link."""

Key = tuple[str, str]


class Acks:
    """The pings of one link, both ways: those that we wait for, and those that we owe."""

    __slots__ = ("_next", "_open", "_owed", "_uids")

    def __init__(self) -> None:
        self._next = 0
        self._uids: dict[str, Key] = {}
        self._open: dict[Key, int] = {}
        self._owed: dict[Key, deque[str]] = {}

    def may_send(self, key: Key) -> bool:
        """May another BLOB of this property be sent now?"""
        return self._open.get(key, 0) < UNANSWERED

    def sending(self, key: Key) -> str:
        """A BLOB of this property is sent: the uid of the ping that follows it."""
        self._next += 1
        uid = f"{PREFIX}{self._next}"
        self._uids[uid] = key
        self._open[key] = self._open.get(key, 0) + 1
        return uid

    def answered(self, uid: str) -> Key | None:
        """A reply came: the property of which another BLOB may be sent, None for a uid that is not ours."""
        key = self._uids.pop(uid, None)
        if key is not None:
            self._open[key] -= 1
        return key

    def owe(self, key: Key, uid: str) -> None:
        """Answer this ping when there is room for the next BLOB of the property."""
        self._owed.setdefault(key, deque()).append(uid)

    def owed(self) -> list[Key]:
        """The properties for which an answer is owed."""
        return [key for key, uids in self._owed.items() if uids]

    def pay(self, key: Key) -> list[str]:
        """There is room: the uids to answer, in order."""
        return list(self._owed.pop(key, ()))
