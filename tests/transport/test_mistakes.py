"""Mistakes of our own: each costs the peer that met it, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inditree.config import Driver, Limits
from inditree.core import Settings
from inditree.counters import Counters
from inditree.images.thread import ImageThread
from inditree.python.inprocess import PythonDriver
from inditree.transport import engine as module
from inditree.transport.channel import LocalChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from programs.processes import descriptors, until

SIZE = 2 << 20
ATTACHED = (
    f'<setBLOBVector device="C" name="I" state="Ok"><oneBLOB name="i" size="{SIZE}" len="{SIZE}" format=".x"'
    ' attached="true"/></setBLOBVector>\n'
)


def mistaken(*_: object) -> Any:
    raise RuntimeError("a mistake of ours")


class Camera:
    """A peer with one end of a UNIX socket, and the other end."""

    def __init__(self, engine: Engine) -> None:
        ours, self.far = socket.socketpair()
        self.closed: list[str] = []
        peer = engine.join("driver", "camera")
        self.stream = Stream(engine, peer, LocalChannel(ours), lambda reason, text: self.closed.append(reason))

    def send_attached(self) -> None:
        fd = os.memfd_create("image")
        os.ftruncate(fd, SIZE)
        socket.send_fds(self.far, [ATTACHED.encode()], [fd])
        os.close(fd)


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[tuple[Engine, Camera]]:
    engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
    camera = Camera(engine)
    try:
        yield engine, camera
    finally:
        engine.end(camera.stream.peer, "shutdown", "the end of the test")
        await engine.close()
        camera.far.close()


def test_the_clock_goes_on_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", 0.01)
    told: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(str(context["exception"])))
        async with started() as (engine, _):
            engine.checks.append(mistaken)
            await until(lambda: len(told) >= 3, "further ticks, and their exceptions")

    asyncio.run(main())
    assert set(told) == {"a mistake of ours"}


def test_an_image_that_cannot_be_encoded_closes_its_source(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with started() as (engine, camera):
            monkeypatch.setattr(engine, "encode", mistaken)
            monkeypatch.setattr(engine.core, "forms", lambda peer, blob: (True, True))
            camera.send_attached()
            await until(lambda: camera.closed, "its end")
            assert camera.closed == ["error"]

    asyncio.run(main())
    assert "a mistake of ours" in caplog.text


def test_an_image_that_cannot_be_read_closes_its_source(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ImageThread, "_read", mistaken)

    async def main() -> None:
        async with started() as (_, camera):
            one = f'<oneBLOB name="i" size="{SIZE}" enclen="{SIZE}" format=".x">QUJD'
            camera.far.sendall(f'<setBLOBVector device="C" name="I" state="Ok">{one}'.encode())
            await until(lambda: camera.closed, "its end")
            assert camera.closed == ["error"]

    asyncio.run(main())
    assert "a mistake of ours" in caplog.text


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_images_that_wait_to_be_encoded_leave_no_descriptor(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    async def main() -> None:
        gate = threading.Event()
        async with started() as (engine, camera):
            monkeypatch.setattr(engine.core, "forms", lambda peer, blob: (True, True))
            for _ in range(4):  # as many as there are threads
                engine.executor.submit(gate.wait)
            camera.send_attached()
            camera.stream.read()
            assert camera.stream._busy
            for _ in range(turns):
                await asyncio.sleep(0)
        gate.set()

    async def counted() -> None:
        before = descriptors()
        await main()
        assert descriptors() == before

    asyncio.run(counted())


def test_a_python_driver_that_is_killed_before_its_first_step_has_ended() -> None:
    """The end of a start that failed waited five seconds for it."""

    async def main() -> None:
        async with started() as (engine, _):
            unit = PythonDriver(engine, Driver(name="w", python="inditree_drivers.weather:Weather"))
            unit.supervisor.start()
            for _ in range(1000):
                if unit.peers:
                    break
                await asyncio.sleep(0)
            unit.kill()  # its task has been made and has not run
            await until(lambda: unit.supervisor.last_exit is not None, "its end is seen")
            assert unit.peers == []
            assert await unit.supervisor.stop()

    asyncio.run(main())
