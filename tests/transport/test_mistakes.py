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
from inditree.core import Hold, Settings
from inditree.counters import Counters
from inditree.flow.outbox import Outbox
from inditree.flow.pacing import Pace
from inditree.flow.pauses import Pause
from inditree.images.thread import ImageThread
from inditree.python.inprocess import PythonDriver
from inditree.transport import engine as module
from inditree.transport.channel import DriverChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from inditree.view.properties import Property
from programs.processes import descriptors, until

SIZE = 2 << 20
ATTACHED = (
    f'<setBLOBVector device="C" name="I" state="Ok"><oneBLOB name="i" size="{SIZE}" len="{SIZE}" format=".x"'
    ' attached="true"/></setBLOBVector>\n'
)


def mistaken(*_: object) -> Any:
    raise RuntimeError("internal error")


class Camera:
    """A peer with one end of a UNIX socket, and the other end."""

    def __init__(self, engine: Engine, kind: str = "driver", name: str = "camera") -> None:
        ours, self.far = socket.socketpair()
        self.closed: list[str] = []
        peer = engine.core.join(kind, name)
        stdin = os.open(os.devnull, os.O_WRONLY) if kind == "driver" else os.dup(ours.fileno())
        channel = DriverChannel(stdin, ours.detach())
        self.stream = Stream(engine, peer, channel, lambda reason, text: self.closed.append(reason))

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


def test_the_clock_goes_on_after_an_exception(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TICK", 0.01)
    seen: list[float] = []

    async def main() -> None:
        async with started() as (engine, _):
            engine.checks += [mistaken, seen.append]
            await until(lambda: len(seen) >= 3, "what is looked at behind it, at further ticks")

    asyncio.run(main())
    assert "internal error" in caplog.text


def newest(camera: Camera) -> bytes:
    camera.far.setblocking(False)
    try:
        return camera.far.recv(1 << 16)
    except BlockingIOError:
        return b""


async def run_with(spoil: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Camera, Camera]:
    """Two clients hear a driver's number: `spoil` makes the mistake; the one at fault, and the other."""
    engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
    cameras = [Camera(engine, *who) for who in (("driver", "source"), ("client", "one"), ("client", "two"))]
    source, one, two = cameras
    for client in (one, two):
        client.far.sendall(b"<getProperties version='1.7'/>\n")
    source.far.sendall(DEFINED)
    await until(lambda: b"defNumberVector" in newest(one) and b"def" in newest(two), "the definition")
    guilty = spoil(engine, source, one, monkeypatch)
    source.far.sendall(SET.replace(b">1<", b">2<"))
    try:
        await until(lambda: guilty.closed == ["error"], "the end of the one at fault")
        await until(lambda: b">2<" in newest(two), "what the other is owed")
        assert [camera.closed for camera in cameras if camera is not guilty] == [[], []]
    finally:
        for camera in cameras:
            engine.end(camera.stream.peer, "shutdown", "the end of the test")
            camera.far.close()
        await engine.close()
    return guilty, two


DEFINED = (
    b'<defNumberVector device="D" name="N" state="Ok" perm="rw"><defNumber name="a" format="%g" min="0" max="9"'
    b' step="1">0</defNumber></defNumberVector>\n'
)
SET = b'<setNumberVector device="D" name="N" state="Ok"><oneNumber name="a">1</oneNumber></setNumberVector>\n'


def while_writing(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    patch.setattr(one.stream, "write", mistaken)
    return one


def while_folding(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    patch.setattr(Property, "store", mistaken)
    return source


def in_an_effect(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    patch.setattr(one.stream, "hold", mistaken)
    engine.core.desk.effects.append(Hold(one.stream.peer))
    return one


def in_a_timer(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    patch.setattr(one.stream.images, "check", mistaken)
    engine.resources.uploads.add(one.stream.images)
    return one


def at_a_look_at_its_pace(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    class Spoilt(Pace):
        def stalled(self, outbox: Outbox, now: float, timeout: float) -> bool:
            raise RuntimeError("internal error")

    one.stream.peer.pace = Spoilt(0.0)
    return one


def while_reading(engine: Engine, source: Camera, one: Camera, patch: pytest.MonkeyPatch) -> Camera:
    patch.setattr(one.stream._framer, "feed", mistaken)
    one.far.sendall(b"<getProperties version='1.7'/>")
    return one


@pytest.mark.parametrize(
    "spoil", [while_writing, while_folding, in_an_effect, in_a_timer, at_a_look_at_its_pace, while_reading]
)
def test_a_mistake_costs_the_peer_at_fault_and_the_others_get_theirs(
    spoil: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TICK", 0.01)
    guilty, _ = asyncio.run(run_with(spoil, monkeypatch))
    assert f"{guilty.stream.peer.name}: internal error" in caplog.text


def test_devices_go_though_the_end_of_their_driver_meets_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with started() as (engine, camera):
            camera.far.sendall(DEFINED)
            await until(lambda: "D" in engine.core.ownership.owners, "the device")
            monkeypatch.setattr(Outbox, "abandon", mistaken)
            engine.end(camera.stream.peer, "eof", "hung up")
            assert camera.closed == ["eof"]
            assert not engine.core.ownership.owners

    asyncio.run(main())


def test_an_image_that_cannot_be_encoded_closes_its_source(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with started() as (engine, camera):
            monkeypatch.setattr(engine.resources, "encode", mistaken)
            monkeypatch.setattr(engine.core, "forms", lambda peer, blob: (True, True))
            camera.send_attached()
            await until(lambda: camera.closed, "its end")
            assert camera.closed == ["error"]

    asyncio.run(main())
    assert "internal error" in caplog.text


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
    assert "internal error" in caplog.text


@pytest.mark.parametrize("number", [0, 1])
def test_an_image_that_meets_a_mistake_on_its_way_leaves_no_memory(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Also where another receiver holds it still."""
    offered: list[Outbox] = []
    put_blob = Outbox.put_blob

    def spoilt(self: Outbox, *args: Any, **keys: Any) -> Any:
        offered.append(self)
        return mistaken() if len(offered) > number else put_blob(self, *args, **keys)

    monkeypatch.setattr(Outbox, "put_blob", spoilt)

    async def main() -> None:
        async with started() as (engine, camera):
            clients = [Camera(engine, "client", name) for name in ("one", "two")]
            for client in clients:
                client.far.sendall(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")
            await until(lambda: all(client.stream.peer.subscription.wants_blobs for client in clients), "their wishes")
            one = '<oneBLOB name="i" size="3" format=".x">QUJD</oneBLOB>'
            camera.far.sendall(f'<setBLOBVector device="C" name="I" state="Ok">{one}</setBLOBVector>'.encode())
            await until(lambda: camera.closed, "the end of its source")
            await until(lambda: engine.core.intake.memory == 0, "the memory is free")
            for client in clients:
                engine.end(client.stream.peer, "shutdown", "the end of the test")
                client.far.close()

    asyncio.run(main())
    assert len(offered) == number + 1


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_images_that_wait_to_be_encoded_leave_no_descriptor(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    async def main() -> None:
        gate = threading.Event()
        async with started() as (engine, camera):
            monkeypatch.setattr(engine.core, "forms", lambda peer, blob: (True, True))
            for _ in range(4):  # as many as there are threads
                engine.resources.executor.submit(gate.wait)
            camera.send_attached()
            camera.stream.read()
            assert camera.stream.pauses & Pause.ENCODE
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
