"""Run one instrument as an executable driver: INDI on stdin and stdout, log on stderr."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable

from inditree_drivers.base import Instrument
from inditree_drivers.stdio import Stdio


def device_name(default: str) -> str:
    """INDIDEV, which indiserver and inditree set for a driver that is to have another name."""
    return os.environ.get("INDIDEV", "").strip() or default


def main(make: Callable[[str], Instrument], default: str) -> None:
    """Make the instrument by its name and run it until its server hangs up."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    driver = make(device_name(default))
    driver._commsobj = Stdio(driver)
    try:
        asyncio.run(_run(driver))
    except* ConnectionError:
        # The server is gone; what Python flushes at exit must not fail on the closed pipe once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except* KeyboardInterrupt:
        pass


async def _run(driver: Instrument) -> None:
    """indipydriver's own tasks look up to a second apart whether they are to stop; a server waits for its drivers."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(driver.asyncrun())
        await driver.shutdownrequested.wait()
        running.cancel()
