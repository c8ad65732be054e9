"""Nothing that a driver started outlives it, nor the router."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import psutil
import pytest

import waiting
from inditree.programs import process
from inditree.programs.process import spawn
from programs.processes import DAEMON, alive, both_loops, driver, ended, python, read_line, until

Run = Callable[[Coroutine[Any, Any, None]], None]


@both_loops
def test_it_ignores_sigterm(run: Run) -> None:
    async def main() -> None:
        code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
        async with driver(python(code + "print('up', flush=True)\nwhile True: time.sleep(1)")) as child:
            assert await read_line(child.stdout) == "up"
            child.terminate()
            assert await read_line(child.stdout) == "no"
            assert alive(child.pid)
            child.kill()
            assert await ended(child) == -signal.SIGKILL
            assert not alive(child.pid)

    run(main())


@both_loops
def test_what_detached_itself_is_killed_with_it(run: Run) -> None:
    async def main() -> None:
        async with driver(python(DAEMON + "time.sleep(1000)")) as child:
            daemon = int(await read_line(child.stdout))
            assert os.getsid(daemon) != os.getsid(child.pid)
            child.kill()
            assert await ended(child) == -signal.SIGKILL
            assert not alive(daemon)

    run(main())


def test_what_it_leaves_behind_is_gone_when_its_end_is_told() -> None:
    async def main() -> None:
        async with driver(python(DAEMON)) as child:
            daemon = int(await read_line(child.stdout))
            assert await ended(child) == 0
            assert not alive(daemon)

    asyncio.run(main())


def test_a_helper_may_end_in_good_order() -> None:
    """The driver ends on SIGTERM at once, its helper needs a moment: it has it."""
    code = """
import os, signal, sys, time
if os.fork() == 0:
    def end(*_):
        time.sleep(0.05)
        print("parked", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    print("up", flush=True)
time.sleep(1000)
"""

    async def main() -> None:
        async with driver(python(code)) as child:
            assert await read_line(child.stdout) == "up"
            child.terminate()
            assert await ended(child) == -signal.SIGTERM
            assert await read_line(child.stdout) == "parked"

    asyncio.run(main())


def test_many_helpers_are_all_killed() -> None:
    code = DAEMON.replace("if os.fork() == 0:\n    os.setsid()", "for _ in range(4): os.fork()\nif True:", 1)

    async def main() -> None:
        async with driver(python(code + "time.sleep(1000)")) as child:
            watcher = psutil.Process(child.pid).parent()
            assert watcher is not None
            await until(lambda: len(watcher.children(recursive=True)) > 15, "the forks")
            family = [each.pid for each in watcher.children(recursive=True)]
            child.kill()
            await ended(child)
            assert not any(alive(pid) for pid in family)

    asyncio.run(main())


@both_loops
def test_its_watcher_is_killed(run: Run) -> None:
    async def main() -> None:
        async with driver(python(DAEMON + "time.sleep(1000)")) as child:
            daemon = int(await read_line(child.stdout))
            watcher = psutil.Process(child.pid).parent()
            assert watcher is not None
            watcher.kill()
            assert await ended(child) == -signal.SIGKILL
            await until(lambda: not alive(child.pid) and not alive(daemon), "the guardian's work")

    run(main())


@both_loops
def test_the_guardian_is_killed(run: Run) -> None:
    """Drivers go on, and the next one is started by a new guardian."""

    async def main() -> None:
        async with driver(["cat"]) as child:
            watcher = psutil.Process(child.pid).parent()
            guardian = watcher and watcher.parent()
            assert guardian is not None
            guardian.kill()
            await until(lambda: not psutil.pid_exists(guardian.pid), "its end, and no zombie")
            os.write(child.stdin, b"still here\n")
            assert await read_line(child.stdout) == "still here"
            async with driver(["cat"]) as other:
                assert alive(other.pid)
            child.terminate()
            assert await ended(child) == -signal.SIGTERM

    run(main())


@both_loops
@pytest.mark.parametrize("who", ["the guardian", "a program"])
def test_a_start_that_nobody_answers(run: Run, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guardian that hangs is replaced; one that had nothing to do with it stays, as it guards those that run."""

    async def hangs(control: socket.socket, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        await asyncio.sleep(1000)
        return {}, b""

    async def main() -> None:
        async with driver(["cat"]) as child:
            watcher = psutil.Process(child.pid).parent()
            guardian = watcher and watcher.parent()
            assert guardian is not None
            with monkeypatch.context() as patch:
                patch.setattr(process, "SPAWN_TIMEOUT", 0.2)
                if who == "a program":
                    patch.setattr(process, "_ask", hangs)
                else:
                    guardian.suspend()
                with pytest.raises(TimeoutError, match="did not start in time"):
                    await spawn(["cat"])
            async with driver(["cat"]) as other:
                watcher = psutil.Process(other.pid).parent()
                assert watcher is not None
                assert (watcher.ppid() == guardian.pid) == (who == "a program")

    run(main())


ROUTER = """
import asyncio, os, sys, time
import uvloop
from inditree.programs.process import spawn

async def main():
    for argv in {argvs!r}:
        child = await spawn(argv)
        pids = [child.pid]
        if {daemon!r} in argv[-1]:
            os.set_blocking(child.stdout, True)
            pids.append(int(os.read(child.stdout, 100)))
        print(*pids, flush=True)
    if {forks!r} and os.fork() == 0:  # a copy of all our sockets lives on
        os.close(1)
        time.sleep(30)
    print("up", flush=True)
    {end}
    await asyncio.sleep(1000)

{run}(main())
"""


@pytest.mark.parametrize("run", ["asyncio.run", "uvloop.run"])
@pytest.mark.parametrize("end", ["pass", "os._exit(0)", "os.abort()", "raise SystemExit(3)"])
@pytest.mark.parametrize("forks", [False, True])
def test_no_driver_outlives_the_router(run: str, end: str, forks: bool) -> None:
    """SIGKILL, or the end by itself: a second later no driver is there, detached or deaf."""
    deaf = python("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)")
    argvs = [["sleep", "1000"], deaf, python(DAEMON), python(DAEMON + "time.sleep(1000)")]
    # The third leaves a daemon and ends: that is gone long before the router is.
    code = ROUTER.format(argvs=argvs[:2] + argvs[3:], daemon="os.setsid", forks=forks, end=end, run=run)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as router:
        assert router.stdout is not None
        try:
            pids: list[int] = []
            while (line := router.stdout.readline()) and line != b"up\n":
                pids += map(int, line.split())
            assert len(pids) == 4
            family = [child.pid for child in psutil.Process(router.pid).children() if "guardian" in child.name()]
            if end == "pass":
                router.kill()
            router.wait(10)
            waiting.until(lambda: not any(map(alive, pids)), what="the drivers' end")
            waiting.until(lambda: not any(map(alive, family)), what="the guardian's end")
        finally:
            if forks:
                os.killpg(router.pid, signal.SIGKILL)
            else:
                router.kill()
