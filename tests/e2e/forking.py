"""A driver that leaves things behind by forking twice: one that stays and takes no SIGTERM, and one that soon ends."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

DEFINITION = (
    "<defTextVector device='Forking' name='T' label='T' group='Main' state='Idle' perm='ro' timeout='0' "
    "timestamp='2026-01-01T00:00:00'><defText name='A' label='A'>a</defText></defTextVector>"
)


def named(name: str) -> None:
    """What /proc shows."""
    Path("/proc/self/comm").write_text(name)


def detached(work: Callable[[], None]) -> None:
    """Run it in a process whose parent is gone."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            work()
        os._exit(0)
    os.waitpid(child, 0)


def stay() -> None:
    """Until killed."""
    named("forked")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def main() -> None:
    """Define one device and wait for the end of the input."""
    named("forking")
    detached(stay)
    detached(lambda: time.sleep(0.2))
    print(DEFINITION, flush=True)
    sys.stdin.read()


main()
