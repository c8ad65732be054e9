"""The observatory of one router: desired state, interlocks at the gate of the core, reactions."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

from inditree.commands import Outcome
from inditree.commands.names import literal
from inditree.config import Config
from inditree.config import Reaction as ReactionConfig
from inditree.config.observatory import desire, interlock, reaction
from inditree.core import Peer
from inditree.observatory.desired import CONNECT, Desire, Step, Target
from inditree.observatory.interlocks import Gate, Interlock
from inditree.observatory.keeping import Keeper
from inditree.observatory.reactions import Action, State, Watch
from inditree.observatory.values import Values
from inditree.ops.control import ControlError
from inditree.ops.model import InterlockRow, ReactionRow, RunRow
from inditree.server.acting import Actor
from inditree.transport.engine import Engine

LOOK = 0.25
"""Seconds between two looks at devices and conditions: what is shorter may be missed."""

_logger = logging.getLogger("inditree.observatory")


class Observatory:
    """The desired states, interlocks and reactions of the configuration, applied to one router."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._core = engine.core
        self.values = Values(self._core.view, self._silent, self._clients)
        self.keeper = Keeper(self._core.view, self.values, self._further)
        self.watches: dict[str, tuple[ReactionConfig, Watch]] = {}
        self._gate: Gate | None = None
        self._actor: Actor | None = None
        self._looking: asyncio.Task[None] | None = None
        self._configured = False
        self._connects: Callable[[Peer], bool] | None = None

    def apply(self, config: Config) -> None:
        """Take over the configuration; what is as it was keeps its state, and what was counted stays."""
        interlocks = [interlock(each) for each in config.interlocks]
        self._gate = Gate(interlocks, self.values, self._gate) if interlocks else None
        self._core.use_gate(self._gate)
        self.keeper.apply(tuple(desire(each) for each in config.devices))
        old, now = self.watches, self._engine.begin()
        self.watches = {
            each.name: known
            if (known := old.get(each.name)) is not None and known[0] == each
            else (each, Watch(reaction(each), now))
            for each in config.reactions
        }
        for name, (_, watch) in old.items():
            if self._actor is not None and (name not in self.watches or self.watches[name][1] is not watch):
                self._actor.forget(watch.reaction.name)
        self._configured = bool(config.devices or config.reactions)
        self._begin()

    def connect(self, owners: Callable[[Peer], bool] | None) -> None:
        """Have the devices of these owners connected when they appear; what the configuration desires comes first."""
        self._connects = owners
        self.keeper.renew()
        self._begin()

    def _further(self, device: str) -> Desire | None:
        owner = self._core.ownership.owners.get(device)
        if self._connects is None or owner is None or not self._connects(owner):
            return None
        return Desire(device, (CONNECT,))

    def _begin(self) -> None:
        wanted = self._configured or self._connects is not None
        if wanted and self._actor is None:
            self._actor = Actor(self._engine, self.values, "observatory")
            self._looking = self._engine.tasks.start(self._look_again(), "observatory")
        elif not wanted:
            self.stop()

    def stop(self) -> None:
        """Command nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self._actor is not None:
            self._actor.close()
            self._actor = None

    async def _look_again(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                _logger.exception("internal error", extra={"event": "bug"})
            await asyncio.sleep(LOOK)

    def look(self) -> None:
        """Look once at all devices and conditions, and act."""
        now = self._engine.begin()
        self._core.state.catch_up()
        for target, step in list(self.keeper.look(now)):
            self._bring(target, step)
        for _, watch in list(self.watches.values()):
            self._engine.attempt(None, self._judge, watch, now)

    def _judge(self, watch: Watch, now: float) -> None:
        before = watch.state
        self._step(watch, watch.judge(watch.reaction.when.holds(self.values), now))
        if watch.state is not before:
            self._say_state(watch)

    # Desired state

    def _bring(self, target: Target, step: Step) -> None:
        if self._actor is None:
            return

        def told(outcome: Outcome) -> None:
            self.keeper.answered(target, outcome, self._engine.begin())
            said = target.reason or "ready"
            level = logging.INFO if outcome.result in ("ok", "superseded") else logging.WARNING
            extra = {"event": "desired", "device": target.device}
            _logger.log(level, "%s: %s: %s; %s", target.device, step.property, outcome.result, said, extra=extra)

        self._actor.send(("device", target.device), (target.device, step.property), step.values, told)

    # Reactions

    def _step(self, watch: Watch, action: Action | None) -> None:
        """Carry out a step, or see that there is none."""
        if action is None or self._actor is None:
            return
        place = f"{action.device}.{action.property}"
        values = ", ".join(f"{member}={value}" for member, value in action.values.items())
        extra = {"event": "reaction", "reaction": watch.reaction.name, "device": action.device}
        _logger.warning("reaction %s: sets %s.%s", watch.reaction.name, place, values, extra=extra)
        told = partial(self._ended, watch, action)
        self._actor.send(watch.reaction.name, (action.device, action.property), action.values, told)

    def _ended(self, watch: Watch, action: Action, outcome: Outcome) -> None:
        said = f"{outcome.result}{': ' + outcome.messages[-1] if outcome.messages else ''}"
        extra = {"event": "reaction", "reaction": watch.reaction.name, "device": action.device}
        level = logging.INFO if outcome.result == "ok" else logging.WARNING
        name = watch.reaction.name
        _logger.log(level, "reaction %s: %s.%s: %s", name, action.device, action.property, said, extra=extra)
        self._step(watch, watch.ended(outcome, self._engine.begin()))
        if watch.state is not State.RUNNING:
            self._say_state(watch)

    def _say_state(self, watch: Watch) -> None:
        extra = {"event": "reaction", "reaction": watch.reaction.name}
        last = watch.last
        more = f" (it ran: {last.result})" if watch.state is State.DONE and last is not None else ""
        _logger.info("reaction %s: %s%s", watch.reaction.name, watch.state, more, extra=extra)

    def _watch(self, name: str) -> Watch:
        if name not in self.watches:
            raise ControlError(404, f"there is no reaction {name!r}")
        return self.watches[name][1]

    def run(self, name: str) -> None:
        """Carry out the steps of a reaction now. Raises ControlError."""
        watch = self._watch(name)
        if watch.state is State.RUNNING:
            raise ControlError(409, f"reaction {name!r} is running already")
        self._step(watch, watch.run(self._engine.begin()))

    def reset(self, name: str) -> None:
        """Arm a reaction again. Raises ControlError."""
        if not self._watch(name).reset():
            raise ControlError(409, f"reaction {name!r} is running: its steps run to their end")

    def reactions(self) -> tuple[ReactionRow, ...]:
        """Each with its state and what it waits for."""
        now = self._engine.begin()
        self._core.state.catch_up()
        return tuple(self._reaction_row(watch, now) for _, watch in self.watches.values())

    def _reaction_row(self, watch: Watch, now: float) -> ReactionRow:
        each, last = watch.reaction, watch.last
        running = watch.state is State.RUNNING
        due = watch.due()
        unknown = [".".join(operand) for operand in each.when.unknown(self.values)]
        steps = tuple(
            f"{step.device}.{step.property}.{member}={value}"
            for step in each.steps
            for member, value in step.values.items()
        )
        run = None
        if last is not None:
            at = round(time.time() - (now - last.began), 3)
            run = RunRow(result=last.result, at=at, seconds=round(last.seconds, 3), failures=last.failures)
        return ReactionRow(
            name=each.name,
            when=each.when.text,
            hold=each.hold,
            unknown_holds=each.unknown,
            state=watch.state.value,
            holds=each.when.holds(self.values),
            unknown=tuple(sorted(unknown)),
            steps=steps,
            step=watch.index if running else None,
            due_seconds=None if due is None else round(max(0.0, due - now), 3),
            runs={str(result): count for result, count in watch.runs.items()},
            last=run,
            devices=tuple(sorted({step.device for step in each.steps} | {o.device for o in each.when.operands})),
        )

    # Interlocks

    def interlocks(self) -> tuple[InterlockRow, ...]:
        """Each with what it comes to now."""
        if self._gate is None:
            return ()
        self._engine.begin()
        self._core.state.catch_up()
        return tuple(self._row(each, self._gate.refusals[each.name]) for each in self._gate.interlocks)

    def _row(self, each: Interlock, refusals: int) -> InterlockRow:
        return InterlockRow(
            name=each.name,
            refuse=tuple(pattern.text for pattern in each.refuse),
            unless=each.unless.text,
            max_age=each.max_age,
            holds=each.holds(self.values),
            unknown=tuple(sorted(".".join(operand) for operand in each.unknown(self.values))),
            enforced="partial" if self._elsewhere(each) else "full",
            refusals=refusals,
            devices=tuple(sorted(each.names())),
        )

    def _elsewhere(self, each: Interlock) -> bool:
        """Says whether a device that it guards is at another server: commands may reach that one by other ways."""
        owners = self._core.ownership.owners | self._core.state.holding.stale()
        for pattern in each.refuse:
            if (name := literal(pattern.device)) is not None:
                found = [owners[name]] if name in owners else []
            else:
                found = [peer for device, peer in owners.items() if fnmatchcase(device, pattern.device)]
            if any(peer.link is not None for peer in found):
                return True
        return False

    # What conditions read beside the view

    def _silent(self, device: str) -> float:
        owner = self._core.ownership.owners.get(device)
        known = self._core.counters.devices.get(device)
        if owner is None or owner.gone or known is None:
            return math.inf
        return self._core.now - known.last_message

    def _clients(self, pattern: str) -> int:
        return sum(_fits(peer, pattern) for peer in self._core.peers.values() if peer.kind == "client")


def _fits(peer: Peer, pattern: str) -> bool:
    """A connection's listener, address (with and without its port) or certificate's subject."""
    names = (peer.policy.listener, peer.address, peer.address.rpartition(":")[0], peer.policy.subject)
    return any(fnmatchcase(name, pattern) for name in names if name)
