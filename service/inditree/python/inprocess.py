"""IPyDriver objects in our own loop: their place in the core, and the supervision of a factory of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from inditree.config import Driver
from inditree.core import Peer
from inditree.core.subscription import Subscription
from inditree.errors import PeerError
from inditree.flow.whole import WholeOutbox
from inditree.programs.supervisor import Supervisor, policy_of
from inditree.python.driver import InProcess
from inditree.python.ending import LEAVING
from inditree.python.factory import load_factory
from inditree.transport.engine import Engine
from inditree.tree.names import Names, names_of
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer
from inditree.wire.syntax import get_properties
from inditree.wire.trust import DRIVER

_logger = logging.getLogger("inditree.driver")


class InProcessPort:
    """One IPyDriver object as a peer."""

    def __init__(
        self,
        engine: Engine,
        driver: Any,
        name: str,
        on_closed: Callable[[str, str], None],
        on_defined: Callable[[], None],
        names: Names | None = None,
    ) -> None:
        self.blocked = False
        engine.begin()
        self.peer: Peer = engine.core.join("inprocess", name, names=names)
        self._engine = engine
        self._on_closed = on_closed
        self.defined = on_defined
        self._closed = False
        self.ended = False  # it has run to its end
        self._framer = Framer(engine.core.route(self.peer), engine.limits.element, engine.resources.limit, DRIVER)
        self.process = InProcess(driver, self._receive)
        self.process.on_room = self._room
        engine.ports[self.peer] = self

    def prime(self, subscription: Subscription | None) -> None:
        """Ask it for its properties; what an earlier run of it snooped on holds again."""
        self._engine.core.desk.send(self.peer, get_properties(), "getProperties")
        if subscription is not None:
            self._engine.core.restore(self.peer, subscription)
        self._engine.flush()

    def _receive(self, data: bytes | Blob) -> None:
        """Take complete elements from the driver, in their order."""
        if self._closed:
            return
        core = self._engine.core
        now = self._engine.begin()
        try:
            for piece in data.chunks if isinstance(data, Blob) else (data,):
                self._framer.feed(piece)  # type: ignore[arg-type] # `blob_of` gives bytes
                while (item := self._framer.pull()) is not None:
                    if isinstance(item, Blob):
                        item.began = now
                    core.receive(self.peer, item)
            self._say_faults()
        except PeerError as error:
            self._say_faults()
            self.peer.counters.parse_errors[error.reason] += 1
            core.desk.close(self.peer, "malformed", error.text)
        except Exception as error:
            self._engine.mistake(self.peer, error)
        self._engine.flush()

    def _say_faults(self) -> None:
        faults, self._framer.faults = self._framer.faults, []
        for fault in faults:
            self._engine.core.fault(self.peer, fault)

    def watched(self) -> tuple[int, int]:
        return -1, 0

    def broken(self) -> None:
        """Does nothing: there is no connection to break."""

    def write(self) -> None:
        """Give it what waits for it, as far as it has room."""
        outbox = self.peer.outbox
        assert isinstance(outbox, WholeOutbox)
        while self.process.room:
            item = outbox.pop()
            if item is None:
                self.blocked = False
                return
            self.process.feed(item)
            if isinstance(item, Blob):
                self._engine.core.moved(self.peer, (item,))
        self.blocked = True

    def _room(self) -> None:
        if not self._closed:
            self._engine.begin()
            self._engine.attempt(self.peer, self.write)
            self._engine.flush()

    def hold(self) -> None:
        self.process.hold()

    def read_on(self) -> None:
        self.process.read_on()

    def close(self, reason: str, text: str) -> None:
        if not self._closed:
            self._closed = True
            self._on_closed(reason, text)


class PythonDriver:
    """One entry of `drivers` with `python`: a factory whose objects are supervised as one.

    When one of its objects fails, all are ended and the factory is called anew, by its policy; one that ran its own
    `shutdown` is stopped, the others go on. `objects` are for the first run; with `once` there is no other.
    """

    def __init__(
        self,
        engine: Engine,
        config: Driver,
        on_change: Callable[[Supervisor], None] | None = None,
        objects: Sequence[Any] | None = None,
        *,
        once: bool = False,
    ) -> None:
        self.config = config
        self.supervisor = Supervisor(
            config.name, policy_of(config), self, engine.tasks, on_change=on_change, stall_timeout=None
        )
        self._engine = engine
        self._objects = objects
        self._once = once
        self._ports: list[InProcessPort] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._subscription: dict[str, Subscription] = {}
        self._running = 0
        self._failed = False

    @property
    def kind(self) -> str:
        return "python"

    @property
    def stderr_lines(self) -> int:
        return 0

    @property
    def peers(self) -> list[Peer]:
        """The objects' places in the core."""
        return [port.peer for port in self._ports]

    @property
    def processes(self) -> list[InProcess]:
        """The objects that run."""
        return [port.process for port in self._ports]

    async def start(self) -> int | None:
        drivers = self._objects if self._objects is not None else self._load()
        if not self._once:
            self._objects = None
        self._failed = False
        for number, driver in enumerate(drivers):
            self._start_one(f"{self.config.name}/{number}" if len(drivers) > 1 else self.config.name, driver)
        return None

    def _load(self) -> list[Any]:
        assert self.config.python is not None
        return load_factory(self.config.python)

    def _start_one(self, name: str, driver: Any) -> None:
        def closed(reason: str, text: str) -> None:
            self._subscription[name] = port.peer.subscription
            if port.ended or reason == "shutdown":
                return
            if reason == "malformed":
                self.supervisor.garbage(f"sent what is not INDI: {text}")
            elif reason in ("stalled", "overflow"):
                self.supervisor.hung(f"does not take what is sent to it: {text}")
            else:  # nobody hears it any more, so it is not left running
                self.supervisor.garbage(f"was closed ({reason}): {text}")

        port = InProcessPort(self._engine, driver, name, closed, self.supervisor.defined, names_of(self.config.rename))
        self._ports.append(port)
        self._running += 1
        task = self._engine.tasks.start(self._run(port), f"driver {name}")
        task.add_done_callback(lambda _: self._gone(port, "shutdown", "stopped"))  # killed before its first step
        self._tasks.append(task)
        port.prime(self._subscription.get(name))

    async def _run(self, port: InProcessPort) -> None:
        reason, text = "eof", "ended"
        try:
            await port.process.run()
        except asyncio.CancelledError:
            reason, text = "shutdown", "stopped"
        except Exception as error:
            _logger.exception("%s failed", port.process.name, extra={"driver": self.config.name, "event": "failed"})
            reason, text = "error", f"{type(error).__name__}: {error}"
            self._failed = True
        self._gone(port, reason, text)

    def _gone(self, port: InProcessPort, reason: str, text: str) -> None:
        if port not in self._ports:
            return
        port.ended = True
        self._engine.end(port.peer, reason, text)
        self._ports.remove(port)
        self._running -= 1
        if self._failed and self._running:
            self.terminate()
        if self._running == 0:
            self._tasks.clear()
            self.supervisor.exited(1 if self._failed else 0)

    def terminate(self) -> None:
        for port in self._ports:
            try:
                port.process.stop()
            except (Exception, *LEAVING):  # its own `shutdown`: the others are asked all the same
                extra = {"driver": self.config.name, "event": "failed"}
                _logger.exception("%s failed while it was ending", port.process.name, extra=extra)

    def kill(self) -> None:
        for task in self._tasks:
            task.cancel()


def culprit(
    units: Iterable[object], task: asyncio.Task[Any] | None, files: Sequence[str]
) -> tuple[str, frozenset[str]] | None:
    """Says whose object blocks the loop and where its code is, by the loop's current task, else by what is being run.

    By the latter there may be several, of one module: "A or B".
    `files` are those of the frames, the innermost first. Any thread may call it while the loop stands still.
    """
    pairs = [(unit.config.name, each) for unit in units if isinstance(unit, PythonDriver) for each in unit.processes]
    for name, process in pairs:
        if process.owns(task):
            return name, process.files
    for file in files:
        fitting = [(name, process) for name, process in pairs if file in process.files]
        if fitting:
            return " or ".join(dict(fitting)), fitting[0][1].files
    return None
