"""Listeners that come in place of those that go: all of them, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from inditree.config import Difference, Listen
from inditree.transport.early import Place
from inditree.transport.listener import Listener


def _place(entry: Listen) -> Place:
    return entry.unix or entry.address


class Exchange:
    """A change of `listeners` by a reload. Once made, everything new listens; nothing has changed before `commit`.

    A listener that comes to the address of one that goes has its sockets: so one is renamed, two exchange their ports,
    and who waits to be accepted stays. Raises ConfigError, StartError: then nothing is left of it.
    """

    def __init__(
        self, listeners: dict[str, Listener], difference: Difference[Listen], make: Callable[[Listen], Listener]
    ) -> None:
        self._listeners = listeners
        names = [*difference.removed, *(entry.name for entry in difference.changed)]
        self._going = {name: listeners[name] for name in names if name in listeners}
        self._coming = [make(entry) for entry in (*difference.changed, *difference.added)]
        places = {_place(old.config): old for old in self._going.values()}
        self._adopted: list[tuple[Listener, Listener]] = []
        self._bound: list[Listener] = []
        with contextlib.ExitStack() as undo:
            undo.callback(self.cancel)
            for new in self._coming:
                old = places.get(_place(new.config))
                if old is None:
                    new.bind(list(self._going.values()))
                    self._bound.append(new)
                else:
                    new.adopt(old)
                    self._adopted.append((new, old))
            undo.pop_all()

    def cancel(self) -> None:
        """Leave everything as it was."""
        for new in self._bound:
            new.stop()
        for new, old in self._adopted:
            new.give_back(old)

    def commit(self) -> Sequence[Listener]:
        """Have the new ones take connections; gives those that do no more, whose clients are left."""
        for _, old in self._adopted:
            old.pass_on()
        for name, old in self._going.items():
            self._listeners.pop(name, None)
            old.stop()
        for new in self._coming:
            self._listeners[new.config.name] = new
            new.start()
        return list(self._going.values())
