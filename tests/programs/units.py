"""What stands under supervision in the tests: a real child program, or one that is played."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable

from inditree.programs.process import Child, close_guardian, spawn
from inditree.programs.supervisor import Supervisor
from inditree.supervise import RestartPolicy, State
from inditree.tasks import Tasks
from programs.processes import alive, until

QUICK = RestartPolicy(backoff=0.02, backoff_max=0.1, reset_after=60, stop_grace=5, ready_timeout=60)


class Program:
    """A child program whose first line is "defined"; all that it wrote is read before its end is told."""

    def __init__(self, argv: list[str], tasks: Tasks) -> None:
        self.argv = argv
        self.output = b""
        self.pids: list[int] = []
        self.supervisor: Supervisor
        self._tasks = tasks
        self._child: Child | None = None

    async def start(self) -> int | None:
        self._child = child = await spawn(self.argv)
        self.pids.append(child.pid)
        asyncio.get_running_loop().add_reader(child.stdout, self._read, child)
        self._tasks.start(self._end(child), "end")
        return child.pid

    def _read(self, child: Child) -> None:
        data = os.read(child.stdout, 65536)
        self.output += data
        if data:
            self.supervisor.defined()
        else:
            asyncio.get_running_loop().remove_reader(child.stdout)

    async def _end(self, child: Child) -> None:
        code = await child.exited
        loop = asyncio.get_running_loop()
        loop.remove_reader(child.stdout)
        with contextlib.suppress(BlockingIOError):
            while data := os.read(child.stdout, 65536):
                self.output += data
        for descriptor in (child.stdin, child.stdout, child.stderr):
            os.close(descriptor)
        self.supervisor.exited(code)

    def terminate(self) -> None:
        assert self._child is not None
        self._child.terminate()

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()


class Played:
    """A unit without a process: notes what is asked of it."""

    def __init__(self, failure: Exception | None = None, pid: int | None = None) -> None:
        self.failure = failure
        self.pid = pid
        self.log: list[str] = []
        self.begin: Callable[[], None] = lambda: None
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self) -> int | None:
        self.log.append("start")
        await self.gate.wait()
        self.begin()
        if self.failure is not None:
            raise self.failure
        return self.pid

    def terminate(self) -> None:
        self.log.append("terminate")

    def kill(self) -> None:
        self.log.append("kill")


@contextlib.asynccontextmanager
async def supervised(
    argv: list[str], policy: RestartPolicy = QUICK, stall_timeout: float | None = None
) -> AsyncIterator[tuple[Supervisor, Program]]:
    """A supervised program that is gone afterwards, and every process that it ever was."""
    tasks = Tasks()
    program = Program(argv, tasks)
    supervisor = program.supervisor = Supervisor(
        "ccd", policy, program, tasks, stall_timeout=stall_timeout, jitter=lambda: 0.0
    )
    try:
        yield supervisor, program
    finally:
        supervisor.kill()
        await until(lambda: supervisor.state in (State.STOPPED, State.FAILED), "its end")
        await tasks.close()
        assert not any(map(alive, program.pids))
        await close_guardian()
