"""Acknowledgements of images between routers: a ping follows each, and two of a property at most are unanswered.

So a link is never paused, and the slow client of one camera holds back no other camera behind the same link.
"""

from __future__ import annotations

from collections import deque

from inditree.wire.elements import Key

PREFIX = "blob/"
"""The uid of such a ping begins so: only replies to these may wait."""

UNANSWERED = 2
"""Images of one property that may be on their way over a link."""


UNANSWERED_MAX = 4096
"""Images of all properties that may be on their way over a link: more are never sent by a router of ours."""


class Window:
    """The pings of one link that we wait for: of which property may another image be sent?"""

    __slots__ = ("_next", "_open", "_shut", "_uids")

    def __init__(self) -> None:
        self._next = 0
        self._uids: dict[str, Key] = {}
        self._open: dict[Key, int] = {}
        self._shut: dict[Key, float] = {}  # since when no further image may be sent

    def may_send(self, key: Key) -> bool:
        """May another image of this property be sent now?"""
        return self._open.get(key, 0) < UNANSWERED and len(self._uids) < UNANSWERED_MAX

    def shut_since(self, key: Key) -> float | None:
        """Since when (seconds) no image of this property may be sent; None where one may."""
        return self._shut.get(key)

    def sending(self, key: Key, now: float) -> str:
        """An image of this property is sent: the uid of the ping that follows it."""
        self._next += 1
        uid = f"{PREFIX}{self._next}"
        self._uids[uid] = key
        unanswered = self._open[key] = self._open.get(key, 0) + 1
        if unanswered >= UNANSWERED:
            self._shut.setdefault(key, now)
        return uid

    def answered(self, uid: str) -> Key | None:
        """A reply came: the property of which another image may be sent, None for a uid that is not ours."""
        key = self._uids.pop(uid, None)
        if key is not None:
            unanswered = self._open.pop(key) - 1
            if unanswered:
                self._open[key] = unanswered
            if unanswered < UNANSWERED:
                self._shut.pop(key, None)
        return key


class Owed:
    """The pings of one link that we owe an answer."""

    __slots__ = ("_number", "_owed", "_sizes")

    def __init__(self) -> None:
        self._owed: dict[Key, deque[str]] = {}
        self._number = 0
        self._sizes: dict[Key, int] = {}  # of the last image for which an answer is owed

    def owe(self, key: Key, uid: str, size: int) -> bool:
        """Answer this ping, behind an image of `size` bytes, when there is room for what may come then.

        False: the other end asks without waiting for answers, as no router does; it is to be closed.
        """
        self._owed.setdefault(key, deque()).append(uid)
        self._sizes[key] = size
        self._number += 1
        return self._number <= UNANSWERED_MAX

    def properties(self) -> list[Key]:
        """The properties for which an answer is owed."""
        return list(self._owed)

    def __contains__(self, key: Key) -> bool:
        return key in self._owed

    def __bool__(self) -> bool:
        return bool(self._owed)

    def size(self, key: Key) -> int:
        """Bytes of the last image of a property for which an answer is owed."""
        return self._sizes[key]

    def coming(self, key: Key) -> int:
        """Counts the images of the property that need not wait: so many may come before it is answered again."""
        return max(0, UNANSWERED - len(self._owed.get(key, ())))

    def pay(self, key: Key) -> str:
        """Gives the uid to answer next: there is room."""
        uids = self._owed[key]
        uid = uids.popleft()
        self._number -= 1
        if not uids:
            del self._owed[key], self._sizes[key]
        return uid
