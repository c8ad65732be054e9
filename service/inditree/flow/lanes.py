"""A lane for each device of which images wait for one peer; they take turns. Rules: docs/flow.md, "Lanes"."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from inditree.flow.image_queue import PATIENCE, ImageQueue
from inditree.flow.ticket import Ticket

_NEVER = float("inf")


class Lane:
    """The images of one device that wait, oldest first, each with what the device said behind it.

    `after`: how many elements of the row are to be written before its next image.
    """

    __slots__ = ("after", "tickets")

    def __init__(self, after: int) -> None:
        self.after = after
        self.tickets: deque[Ticket] = deque()


class Lanes(ImageQueue):
    """The lanes of one peer. What leaves a lane to be written at once is a control element for the `row`.

    `passed` counts the elements that the row has ever given away; `now` is the clock (seconds), asked only where images
    wait for an acknowledgement.
    """

    __slots__ = ("_lanes", "_now", "_stuck_until", "passed", "row")

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        super().__init__(limit)
        self.row: deque[bytes] = deque()
        self.passed = 0
        self._now = now
        self._lanes: dict[str, Lane] = {}  # the next turn is the first one's
        self._stuck_until = 0.0  # until then no image may be sent, unless something changes

    def __iter__(self) -> Iterator[Ticket]:
        """Gives all that wait, and what was said behind them."""
        for lane in self._lanes.values():
            yield from lane.tickets

    def __contains__(self, device: str) -> bool:
        return device in self._lanes

    def queue(self, ticket: Ticket) -> None:
        """An image comes last in its device's lane."""
        device = ticket.key[0]
        lane = self._lanes.get(device)
        if lane is None:
            lane = self._lanes[device] = Lane(self._said())
        lane.tickets.append(ticket)
        self.add(ticket)
        self._stuck_until = 0.0

    def say(self, device: str, data: bytes) -> None:
        """A control element of a device of which images wait stays behind the last of them."""
        lane = self._lanes[device]
        lane.tickets[-1].behind.append(data)
        if self.window is not None and self._waits(lane.tickets[0]):
            self._stuck_until = 0.0

    def cancel(self, ticket: Ticket, newcomer: Ticket | None = None) -> None:
        """An image is dropped, maybe for a newcomer, which takes over the turn. What was said behind it stays."""
        device = ticket.key[0]
        lane = self._lanes[device]
        tickets = lane.tickets
        index = tickets.index(ticket)
        del tickets[index]
        self.remove(ticket)
        self._stuck_until = 0.0
        if index:
            tickets[index - 1].behind += ticket.behind
        else:
            self._let(lane, ticket)
        if newcomer is not None and newcomer.key[0] == device:
            return  # or a camera whose only image is replaced again and again would never have its turn
        if not tickets:
            del self._lanes[device]

    def leave(self, device: str) -> None:
        """The newcomer does not come after all: its lane may be empty."""
        lane = self._lanes.get(device)
        if lane is not None and not lane.tickets:
            del self._lanes[device]

    def force(self, device: str, name: str | None) -> None:
        """A property (None: the whole device) goes: what waits of it for an acknowledgement is sent without one."""
        lane = self._lanes.get(device)
        for ticket in lane.tickets if lane is not None else ():
            if name is None or ticket.key[1] == name:
                ticket.forced = True
        self._stuck_until = 0.0

    def opened(self) -> None:
        """An acknowledgement has come."""
        self._stuck_until = 0.0

    @property
    def stuck(self) -> bool:
        """Does each image wait for an acknowledgement?"""
        return self._stuck_until > 0 and self._now() < self._stuck_until

    @property
    def stuck_until(self) -> float:
        """Says when what was said behind such an image may go ahead of it; 0 or a time that has passed: look now."""
        return self._stuck_until

    def next(self) -> Ticket | None:
        """The image whose turn it is, still in its lane; None where all wait for an acknowledgement.

        Also lets what was said behind images that waited for too long go to the row.
        """
        if self.window is None:
            return next(iter(self._lanes.values())).tickets[0]
        if self.stuck:
            return None
        until = _NEVER
        for lane in self._lanes.values():
            for ticket in lane.tickets:
                if not self._waits(ticket):
                    return ticket
                end = self._patience(ticket)
                if self._now() < end:
                    until = min(until, end)
                    break
                self._let(lane, ticket)
        self._stuck_until = until
        return None

    def after(self, ticket: Ticket) -> int:
        """Counts the elements of the row that are to be written before this image."""
        return self._lanes[ticket.key[0]].after

    def begin(self, ticket: Ticket) -> None:
        """The image is written now: what was said behind it follows, and the next turn is another lane's."""
        device = ticket.key[0]
        lane = self._lanes.pop(device)
        self.remove(ticket)
        self.properties[ticket.key].begin(ticket.size, self._now())
        lane.tickets.remove(ticket)  # the first, unless it passes those that wait for an acknowledgement
        self._let(lane, ticket)
        if lane.tickets:
            self._lanes[device] = lane

    def parked(self) -> int:
        """Bytes of images that wait for an acknowledgement, and of what waits behind them."""
        if self.window is None:
            return 0
        size = 0
        for lane in self._lanes.values():
            behind = False
            for ticket in lane.tickets:
                waits = self._waits(ticket)
                if waits or behind:
                    size += ticket.size + sum(map(len, ticket.behind))
                behind = behind or (waits and self._now() < self._patience(ticket))
        return size

    def clear(self) -> None:
        super().clear()
        self._lanes.clear()
        self.row.clear()

    def _said(self) -> int:
        return self.passed + len(self.row)

    def _let(self, lane: Lane, ticket: Ticket) -> None:
        if ticket.behind:
            self.row.extend(ticket.behind)
            ticket.behind = []
            lane.after = self._said()

    def _waits(self, ticket: Ticket) -> bool:
        return not (ticket.forced or self.window is None or self.window.may_send(ticket.key))

    def _patience(self, ticket: Ticket) -> float:
        """Says until when others stay behind an image that waits for an acknowledgement."""
        shut = self.window.shut_since(ticket.key) if self.window is not None else None
        return max(ticket.at, shut if shut is not None else ticket.at) + PATIENCE
