"""No more processes, descriptors or threads: the driver concerned waits and says why, everything else lives on."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import subprocess
import sys
import threading
from typing import Any

import pytest

from inditree.config import Driver, Limits, Restart
from inditree.core import Settings
from inditree.counters import Counters
from inditree.programs import process
from inditree.programs.driver import ExecDriver
from inditree.programs.process import spawn
from inditree.supervise import State
from inditree.transport.engine import Engine
from programs.processes import descriptors, python, until

#: Runs the guardian with forks that fail: those whose number is in FAIL, of all that it and its watchers ask for.
FAILING = """
import errno, mmap, os, runpy, sys
fork, count = os.fork, mmap.mmap(-1, 1)
fail = {int(each) for each in sys.argv[1].split(",")}
def failing():
    count[0] += 1
    if count[0] in fail:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()
os.fork = failing
script = sys.argv[2]
sys.argv = sys.argv[2:]
runpy.run_path(script, run_name="__main__")
"""


def guardian_that_fails(patch: pytest.MonkeyPatch, numbers: str) -> list[subprocess.Popen[bytes]]:
    """From now on; the guardians that were started."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def replaced(words: list[str], **keys: Any) -> subprocess.Popen[bytes]:
        flags, script = words[:3], words[3:]
        made: subprocess.Popen[bytes] = popen([*flags, "-c", FAILING, numbers, *script], **keys)
        started.append(made)
        return made

    patch.setattr(subprocess, "Popen", replaced)
    return started


@pytest.mark.parametrize("numbers", ["1", "2"], ids=["the guardian's", "the watcher's"])
def test_a_fork_that_fails_is_told_and_the_guardian_lives_on(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started = guardian_that_fails(monkeypatch, numbers)

    async def main() -> None:
        await process.close_guardian()
        before = descriptors()
        with pytest.raises(OSError) as error:
            await spawn(["cat"])
        assert str(error.value.strerror).startswith(
            "no process can be started (pids.max, ulimit -u): Resource temporarily"
        )
        await until(lambda: descriptors() <= before + 1, "nothing is left open but the guardian's socket")
        child = await spawn(["cat"])
        child.kill()
        await child.exited
        for fd in (child.stdin, child.stdout, child.stderr):
            os.close(fd)
        assert len(started) == 1  # it is the same one
        await process.close_guardian()

    asyncio.run(main())


def open_in(pid: int) -> set[int]:
    """The descriptors of a process."""
    return {int(each) for each in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208


def limit_for(taken: set[int], free: int) -> int:
    """The RLIMIT_NOFILE with which a process may open so many more."""
    limit = 0
    while free or limit in taken:
        free -= limit not in taken
        limit += 1
    return limit


@pytest.mark.parametrize("free", range(5))
def test_a_guardian_without_descriptors_lives_on(free: int) -> None:
    """It is sent four: of some the kernel drops the rest, of none it cannot even tell."""
    number, text = (errno.EMFILE, "no file descriptor is left") if free else (errno.ECHILD, "was not answered")

    async def main() -> None:
        await process.close_guardian()
        first = await spawn(["cat"])
        guardian = process._guardian._process
        assert guardian is not None
        taken, limit = open_in(guardian.pid), resource.prlimit(guardian.pid, resource.RLIMIT_NOFILE)
        ours = descriptors()
        resource.prlimit(guardian.pid, resource.RLIMIT_NOFILE, (limit_for(taken, free), limit[1]))
        for _ in range(3):
            with pytest.raises(OSError) as error:
                await spawn(["cat"])
            assert error.value.errno == number
            assert text in str(error.value.strerror)
        resource.prlimit(guardian.pid, resource.RLIMIT_NOFILE, limit)
        await until(lambda: open_in(guardian.pid) == taken, "it has closed what it was sent")
        assert descriptors() == ours
        second = await spawn(["cat"])
        assert process._guardian._process is guardian
        for child in (first, second):
            child.kill()
            await child.exited
            for fd in (child.stdin, child.stdout, child.stderr):
                os.close(fd)
        await process.close_guardian()

    asyncio.run(main())


CAMERA = """
import os, sys
sys.stdin.readline()
out = sys.stdout.buffer
out.write(b"<defBLOBVector device='C' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>")
out.write(b"<setBLOBVector device='C' name='I' state='Ok'><oneBLOB name='i' size='3000000' format='.x'>")
out.write(b"QUJD" * 1000000)
out.write(b"</oneBLOB></setBLOBVector>")
out.flush()
sys.stdin.read()
"""


def no_thread(patch: pytest.MonkeyPatch, name: str) -> None:
    start = threading.Thread.start

    def failing(self: threading.Thread) -> None:
        if self.name.startswith(name):
            raise RuntimeError("can't start new thread")
        start(self)

    patch.setattr(threading.Thread, "start", failing)


async def waits(engine: Engine, entry: Driver) -> str:
    """Run it until it is in backoff, and back: why it was."""
    unit = ExecDriver(engine, entry)
    unit.supervisor.start()
    try:
        await until(lambda: unit.supervisor.state is State.BACKOFF, "it waits")
        return unit.supervisor.last_error
    finally:
        await unit.supervisor.stop()


def test_a_driver_whose_image_gets_no_thread_waits_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    no_thread(monkeypatch, "image")

    async def main() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        entry = Driver(name="camera", exec=tuple(python(CAMERA)), restart=Restart(backoff=30))
        assert "no thread can be had to read its image: can't start new thread" in await waits(engine, entry)
        await engine.close()
        await process.close_guardian()

    asyncio.run(main())


def test_a_driver_for_which_there_is_no_process_waits_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    guardian_that_fails(monkeypatch, "1,2,3")

    async def main() -> None:
        await process.close_guardian()
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        entry = Driver(name="camera", exec=("cat",), restart=Restart(backoff=30))
        assert "no process can be started" in await waits(engine, entry)
        await engine.close()
        await process.close_guardian()

    asyncio.run(main())


def test_a_guardian_that_cannot_be_started_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*words: Any, **keys: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    async def main() -> None:
        await process.close_guardian()
        before = descriptors()
        monkeypatch.setattr(subprocess, "Popen", failing)
        with pytest.raises(OSError):
            await spawn(["cat"])
        assert descriptors() == before
        monkeypatch.undo()
        no_thread(monkeypatch, "guardian")
        child = await spawn([sys.executable, "-c", ""])
        await child.exited
        for fd in (child.stdin, child.stdout, child.stderr):
            os.close(fd)
        await process.close_guardian()

    asyncio.run(main())
