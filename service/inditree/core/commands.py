"""Commands that were sent and have not been answered yet, each followed to its end. Rules: docs/scripts.md.

Each `new*` is followed at the first router that it comes to. What a property says is looked at only while a command to
it is open, and after it was passed on, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from inditree.commands import PATIENCE, Asked, Following, Outcome, Result
from inditree.commands.reading import plainly_reached, said
from inditree.core.desk import AUDITED, Desk
from inditree.core.effects import Answered, Audit
from inditree.core.peer import Peer
from inditree.view.fold import member_values
from inditree.view.properties import Property
from inditree.wire.elements import Blob, Element

OPEN_LIMIT = 1024
"""Commands that are open at once; past it the oldest counts as never answered."""

OPEN_BYTES = 4 << 20
"""Bytes of memory that they may take, likewise."""

COMMAND_BYTES = 1500
"""Memory that a command takes beside its text."""

KEPT_ELEMENT = 16 << 10
"""Bytes of a `new*` that is kept; of a longer one the values are not compared with those of the answer."""

MESSAGE_LIMIT = 200
"""Characters of a message that are kept with a command."""

DONE = frozenset(("Idle", "Ok"))
"""States in which an answer that has the values asked for is a good one, whatever else it says."""

Key: TypeAlias = tuple[str, str]


class Command(Struct, eq=False):
    """An open command. `asker` is who wants to know how it ends, `before` the property as it was where that is audited.

    `weight` is the bytes of memory that it takes, roughly.
    """

    key: Key
    tag: str
    data: bytes
    who: tuple[str, str, str]
    asker: Peer | None
    element: Element | None
    sent: float
    before: tuple[bytes, ...]
    weight: int
    following: Following | None = None
    result: Result | None = None

    def follow(self) -> Following:
        """Tell how the command stands; its values are read only when the first answer comes."""
        if self.following is None:
            values = said(self.data).values if self.data else {}
            self.following = Following(Asked(*self.key, self.tag[3:-6], values), self.sent)
        return self.following

    def due(self) -> float:
        """The time at which it is to be looked at, at the latest."""
        return self.following.due() if self.following is not None else self.sent + PATIENCE


def _command(peer: Peer, element: Element, key: Key, sent: float, before: tuple[bytes, ...]) -> Command:
    data = element.data if len(element.data) <= KEPT_ELEMENT else b""
    weight = COMMAND_BYTES + len(data) + len(key[0]) + len(key[1])
    if before:
        weight += sum(len(each) for each in before)
    # Of others nothing is kept that they could make large, as they may be gone long before the answer comes.
    asks = peer.kind == "observer"
    who = peer.kind, peer.address, peer.policy.listener
    return Command(key, element.tag, data, who, peer if asks else None, element if asks else None, sent, before, weight)


class Commands:
    """The open commands by device and property: at most one each, as a later one supersedes it."""

    __slots__ = ("_asked_for", "_bytes", "_desk", "_due", "_names", "open")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.open: dict[Key, Command] = {}  # the oldest first
        self._names: dict[str, dict[str, None]] = {}  # device: the properties with an open command
        self._asked_for: set[Command] = set()  # those that somebody wants to know the end of
        self._bytes = 0
        self._due = float("inf")

    # It begins

    def sent(self, peer: Peer, item: Element | Blob, known: Property | None) -> Command | None:
        """A `new*` goes to the owner of its device. None where it is not followed here: another router does."""
        audited = self._desk.settings.audited
        if audited:
            self._desk.audit(peer, item, "sent")
        if peer.is_router:
            return None
        element = item.element if isinstance(item, Blob) else item
        key = element.device or "", element.name or ""
        older = self.open.get(key)
        if older is not None:
            self._end(older, "superseded")
        before = (known.definition, *known.pending) if known is not None and audited else ()
        command = self.open[key] = _command(peer, element, key, self._desk.now, before)
        names = self._names.get(key[0])
        if names is None:
            names = self._names[key[0]] = {}
        names[key[1]] = None
        if command.asker is not None:
            self._asked_for.add(command)
        self._bytes += command.weight
        while len(self.open) > OPEN_LIMIT or self._bytes > OPEN_BYTES:
            self._end(next(iter(self.open.values())), "timeout")
        if (due := self._desk.now + PATIENCE) < self._due:
            self._due = due
        return command

    def end_unsent(self, peer: Peer, item: Element | Blob, result: Result, why: str = "") -> None:
        """End a `new*` that goes to nobody with this result; `why` is for people."""
        self._desk.audit(peer, item, f"{result}: {why}" if why else result)
        if peer.is_router:
            return
        self._desk.counters.count_command(item.device or "", result)
        if peer.kind == "observer" and not peer.gone:
            element = item.element if isinstance(item, Blob) else item
            self._desk.answered(Answered(peer, element, Outcome(result, "", 0.0, (why,) if why else ())))

    # What comes meanwhile

    def to(self, known: Property) -> Command | None:
        """The open command for this property: no other property's run is taken apart for one."""
        return self.open.get((known.device, known.name))

    def heard(self, command: Command, known: Property, updates: Sequence[bytes]) -> None:
        """Look at the `set*` of the property of a command that have passed: they may answer it."""
        if self._answered_plainly(command, known, updates):
            return
        following, now = command.follow(), self._desk.now
        for each in updates:
            told = said(each)
            values = told.values
            if not following.asked.values.keys() <= values.keys():
                values = {**member_values(known.current()), **values}  # what it does not name stays as it is
            outcome = following.heard(told.state, values, told.message[:MESSAGE_LIMIT], now)
            if outcome is not None:
                self._ended(command, outcome)
                return
        if following.due() < self._due:
            self._due = following.due()
            self._desk.wake(max(0.0, self._due - now))

    def _answered_plainly(self, command: Command, known: Property, updates: Sequence[bytes]) -> bool:
        """End a command whose answer leaves nothing to find out: the first `set*`, done, with the values asked for.

        Not where somebody wants to hear what came meanwhile.
        """
        if command.asker is not None or command.following is not None or len(updates) != 1:
            return False
        if known.standing.state not in DONE or not plainly_reached(command.data, updates[0]):
            return False
        self._close(command, "ok", max(0.0, self._desk.now - command.sent))
        return True

    def said(self, device: str, text: str) -> None:
        """A device has said something to people."""
        for command in self._asked_for:
            if command.key[0] == device:
                command.follow().said(text[:MESSAGE_LIMIT])

    def expire(self) -> None:
        """Time has passed: what was not answered by now will not be."""
        now = self._desk.now
        if now < self._due:
            return
        for command in [each for each in self.open.values() if each.due() <= now]:
            outcome = command.follow().passed(now)
            if outcome is not None:
                self._ended(command, outcome)
        self._due = min((each.due() for each in self.open.values()), default=float("inf"))
        if self._due < float("inf"):
            self._desk.wake(max(0.0, self._due - now))

    # It ends

    def lost(self, device: str, name: str | None) -> None:
        """A device (one property, unless None) is gone: nobody is left to answer."""
        names = self._names.get(device, ())
        for each in list(names) if name is None else [name] if name in names else []:
            self._end(self.open[device, each], "undeliverable")

    def undelivered(self, command: Command) -> bool:
        """End a command that has not reached the owner. False: it was superseded by then, or given up."""
        if self.open.get(command.key) is command:
            self._end(command, "undeliverable")
        return command.result == "undeliverable"

    def _end(self, command: Command, result: Result) -> None:
        now = self._desk.now
        following = command.following
        self._ended(command, following.ended(result, now) if following else Outcome(result, "", now - command.sent))

    def _close(self, command: Command, result: Result, seconds: float) -> None:
        self._forget(command)
        command.result = result
        counters, (device, name) = self._desk.counters, command.key
        counters.count_command(device, result)
        if result != "superseded":
            counters.command_seconds.observe(seconds)
        if self._desk.settings.audited:
            place = command.tag, device[:AUDITED], name[:AUDITED]
            self._desk.answered(Audit(*command.who, *place, command.data, result, seconds, command.before))

    def _ended(self, command: Command, outcome: Outcome) -> None:
        self._close(command, outcome.result, outcome.seconds)
        if command.asker is not None and command.element is not None and not command.asker.gone:
            self._desk.answered(Answered(command.asker, command.element, outcome))

    def _forget(self, command: Command) -> None:
        device, name = command.key
        del self.open[command.key]
        names = self._names[device]
        del names[name]
        if not names:
            del self._names[device]
        if command.asker is not None:
            self._asked_for.discard(command)
        self._bytes -= command.weight
