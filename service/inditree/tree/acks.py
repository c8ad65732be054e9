"""BLOBs between routers: each is followed by a ping, at most two of a property are unanswered.

So a link is never paused, and one camera's slow client holds back no other device behind the same link.
"""

from __future__ import annotations

from collections import deque

PREFIX = "blob/"
"""How the uid of such a ping begins: only replies to these may wait."""

UNANSWERED = 2
"""BLOBs of one property that may be on their way over a link."""

UNANSWERED_MAX = 4096
"""BLOBs of all properties that may be on their way over a link: more are never sent by a router of ours."""

Key = tuple[str, str]


class Acks:
    """The pings of one link, both ways: those that we wait for, and those that we owe."""

    __slots__ = ("_next", "_open", "_owed", "_owed_number", "_sizes", "_uids")

    def __init__(self) -> None:
        self._next = 0
        self._uids: dict[str, Key] = {}
        self._open: dict[Key, int] = {}
        self._owed: dict[Key, deque[str]] = {}
        self._owed_number = 0
        self._sizes: dict[Key, int] = {}  # of the last BLOB for which an answer is owed

    def may_send(self, key: Key) -> bool:
        """May another BLOB of this property be sent now?"""
        return self._open.get(key, 0) < UNANSWERED and len(self._uids) < UNANSWERED_MAX

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
            if not self._open[key]:
                del self._open[key]
        return key

    def owe(self, key: Key, uid: str, size: int) -> bool:
        """Answer this ping, behind a BLOB of `size` bytes, when there is room for what may come then.

        False: the other end asks without waiting for answers, as no router does; it is to be closed.
        """
        self._owed.setdefault(key, deque()).append(uid)
        self._sizes[key] = size
        self._owed_number += 1
        return self._owed_number <= UNANSWERED_MAX

    def owed(self) -> list[Key]:
        """The properties for which an answer is owed."""
        return list(self._owed)

    def coming(self, key: Key) -> tuple[int, int]:
        """What may come of the property once one more is answered: the size of one, and of those beside it.

        The other end may have one under way already, as it need not wait for an answer to send two.
        """
        size = self._sizes[key]
        return size, size * max(0, UNANSWERED - len(self._owed[key]))

    def pay(self, key: Key) -> str:
        """There is room: the uid to answer next."""
        uids = self._owed[key]
        uid = uids.popleft()
        self._owed_number -= 1
        if not uids:
            del self._owed[key], self._sizes[key]
        return uid
