"""What the tests of processes share: a deadline instead of a sleep, and small programs to start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import uvloop

import waiting
from inditree.programs.process import Child, close_guardian, spawn
from waiting import DEADLINE

both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])

#: Forks twice, in a session of its own, and stays, deaf to SIGTERM. Prints the pid of what stays.
DAEMON = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
"""


def python(code: str) -> list[str]:
    """A driver in a few lines."""
    return [sys.executable, "-I", "-S", "-c", code]


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Wait without a loop."""
    waiting.until(condition, seconds, what)


until = waiting.becomes


@contextlib.asynccontextmanager
async def driver(argv: list[str], **options: object) -> AsyncIterator[Child]:
    """A driver that is gone afterwards, with its descriptors."""
    child = await spawn(argv, **options)  # type: ignore[arg-type]
    try:
        yield child
    finally:
        child.kill()
        await ended(child)
        for descriptor in (child.stdin, child.stdout, child.stderr):
            os.close(descriptor)
        await close_guardian()


async def ended(child: Child) -> int:
    """Its exit code."""
    return await asyncio.wait_for(asyncio.shield(child.exited), DEADLINE)


async def read_line(descriptor: int) -> str:
    """What comes up to a line's end, or the end."""
    data = b""
    end = time.monotonic() + DEADLINE
    while not data.endswith(b"\n"):
        try:
            more = os.read(descriptor, 65536)
        except BlockingIOError:
            assert time.monotonic() < end, f"no whole line: {data!r}"
            await asyncio.sleep(0.002)
            continue
        if not more:
            break
        data += more
    return data.decode().rstrip("\n")


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
