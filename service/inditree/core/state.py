"""The state of one core: its parts, each of which owns what is its own."""

from __future__ import annotations

from inditree.core.commands import Commands
from inditree.core.demand import Demand
from inditree.core.desk import Desk, Settings
from inditree.core.doubled import Doubled
from inditree.core.holding import Holding
from inditree.core.intake import Intake
from inditree.core.notices import Notices
from inditree.core.ownership import Ownership
from inditree.core.peer import Peer
from inditree.core.refreshing import Refreshing
from inditree.core.requested import Requested
from inditree.core.routes import Routes
from inditree.core.subscribers import Subscribers
from inditree.core.waking import Waking
from inditree.counters import Counters
from inditree.tree.circulation import Circulation
from inditree.tree.paths import Once
from inditree.tree.site import Sites
from inditree.view.properties import Property, View


class State:
    """The parts of the core that handlers of elements work on.

    `introducing` are links that we opened and that have not answered yet.
    """

    __slots__ = (
        "circulation",
        "commands",
        "demand",
        "desk",
        "doubled",
        "holding",
        "intake",
        "introducing",
        "notices",
        "once",
        "ownership",
        "refreshing",
        "requested",
        "routes",
        "sites",
        "subscribers",
        "unnoted",
        "view",
        "waking",
    )

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.desk = Desk(settings, counters)
        self.view = View()
        self.notices = Notices(self.desk)
        self.doubled = Doubled(self.desk, self.notices)
        self.ownership = Ownership(self.desk)
        self.holding = Holding(self.desk)
        self.subscribers = Subscribers()
        self.routes = Routes(self.desk, self.ownership, self.view, self.subscribers)
        self.demand = Demand(self.desk, self.subscribers)
        self.intake = Intake(self.desk)
        self.refreshing = Refreshing(self.desk)
        self.requested = Requested()
        self.waking = Waking(self.desk)
        self.commands = Commands(self.desk)
        self.once = Once()
        self.circulation = Circulation()
        self.sites = Sites()
        self.unnoted: list[tuple[Peer, Property, bytes, int, int, int]] = []  # what the view has not taken in yet
        self.introducing: set[Peer] = set()

    def catch_up(self) -> None:
        """Take into the view what the last run said.

        To be called when the outboxes have been written, so that nobody waits for it, and before anything else.
        """
        unnoted, self.unnoted = self.unnoted, []
        for peer, known, data, first, last, end in unnoted:
            try:
                if self.view.hear_run(known, data, first, last, end, self.desk.now):
                    self.refreshing.notice(peer, known)
                if self.commands.open and (command := self.commands.to(known)) is not None:
                    self.commands.heard(command, known, known.passed(data, first, last, end))
            except Exception as error:
                self.desk.mistake(peer, error)
