"""An executable driver: a process under supervision and its place in the core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from inditree.config import Driver
from inditree.core import Peer
from inditree.core.subscription import Subscription
from inditree.programs.process import Child, spawn
from inditree.programs.stderr import StderrLog
from inditree.programs.supervisor import Supervisor, policy_of
from inditree.transport.channel import DriverChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from inditree.tree.names import names_of
from inditree.wire.syntax import get_properties

_logger = logging.getLogger("inditree.driver")

CLOSED_STDOUT = 2.0
"""Seconds that a driver that closed its stdout has to end; after that it is ended."""

HUNG = frozenset({"stalled", "overflow"})
"""Reasons of the core that mean: it does not read its stdin."""


class ExecDriver:
    """One entry of `drivers` with `exec`. It is the unit that its supervisor starts and ends."""

    def __init__(self, engine: Engine, config: Driver, on_change: Callable[[Supervisor], None] | None = None) -> None:
        self.config = config
        self.peer: Peer | None = None
        self.stderr = StderrLog(config.name, logging.getLevelNamesMapping()[config.stderr_level.upper()])
        self.supervisor = Supervisor(
            config.name,
            policy_of(config),
            self,
            engine.tasks,
            on_change=on_change,
            stall_timeout=engine.core.settings.stall_timeout,
        )
        self._engine = engine
        self._child: Child | None = None
        self._stream: Stream | None = None
        self._subscription: Subscription | None = None

    @property
    def kind(self) -> str:
        return "exec"

    @property
    def stderr_lines(self) -> int:
        return self.stderr.lines

    @property
    def peers(self) -> list[Peer]:
        """The driver's place in the core, while it runs."""
        return [self.peer] if self.peer is not None else []

    # The unit

    async def start(self) -> int | None:
        assert self.config.exec is not None
        child = await spawn(self.config.exec, env=self.config.env, cwd=self.config.cwd, blob_socket=True)
        engine, core = self._engine, self._engine.core
        self._child = child
        self.stderr.attach(child.stderr)
        engine.begin()
        self.peer = core.join("driver", self.config.name, names=names_of(self.config.rename))
        self._stream = Stream(
            engine,
            self.peer,
            DriverChannel(child.stdin, child.stdout),
            self._closed,
            log=self.config.name in engine.traffic,
            on_defined=self.supervisor.defined,
            gathers=True,
        )
        core.desk.send(self.peer, get_properties(), "getProperties")
        if self._subscription is not None:
            core.restore(self.peer, self._subscription)
        engine.flush()
        child.exited.add_done_callback(self._exited)
        return child.pid

    def terminate(self) -> None:
        if self._child is not None:
            self._child.terminate()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _closed(self, reason: str, text: str) -> None:
        """Act on the end of the driver's stream: it ended, or the core closed it."""
        assert self.peer is not None
        self._subscription = self.peer.subscription
        self.peer = self._stream = None
        child = self._child
        if child is None or child.exited.done():
            return
        if reason in HUNG:
            self.supervisor.hung(f"does not read its stdin: {text}")
        elif reason in ("malformed", "limit"):
            self.supervisor.garbage(f"wrote what is not INDI: {text}")
        elif (
            reason == "error"
        ):  # ours, or the machine's: its stdin is closed, so it will end, and nobody would know why
            self.supervisor.garbage(f"was closed: {text}")
        else:
            why = "closed its stdout" if reason == "eof" else f"was closed ({reason}: {text})"
            self._engine.loop.call_later(CLOSED_STDOUT, self._still_there, child, why)

    def _still_there(self, child: Child, why: str) -> None:
        if child is self._child and not child.exited.done():
            self.supervisor.garbage(f"{why} and did not end")

    def _exited(self, future: asyncio.Future[int]) -> None:
        """Read the rest of a driver that is gone with all that it started, then say so."""
        code = future.result()

        def done() -> None:
            self._child = None
            self.stderr.detach()
            self.supervisor.exited(code, self.stderr.last)

        if self._stream is not None:
            self._stream.finish(done)
        else:
            done()
