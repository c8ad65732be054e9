"""Uploads that wait for memory: who is not read is not closed for sending nothing, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from inditree.config import Limits
from inditree.core import Policy, Settings
from inditree.counters import Counters
from inditree.transport import engine as module
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from programs.processes import until

STALL = 2.0
MEMORY = 16 << 20
DEF = b"<defBLOBVector device='C' name='I' state='Ok' perm='rw'><defBLOB name='i'/></defBLOBVector>\n"
HEAD = "<newBLOBVector device='C' name='I'><oneBLOB name='i' size='{}' format='.x'>"
TAIL = b"</oneBLOB></newBLOBVector>\n"


class Uploader:
    """A client of which a part of `limits.memory` is all that it may take."""

    def __init__(self, engine: Engine, name: str, kind: str = "client") -> None:
        ours, self.far = socket.socketpair()
        self.far.setblocking(False)
        self.closed: list[str] = []
        policy = Policy(listener="main") if kind == "client" else None
        self.peer = engine.core.join(kind, name, policy)
        self.stream = Stream(
            engine, self.peer, SocketChannel(ours), lambda reason, text: self.closed.append(f"{reason}: {text}")
        )
        self.sent = 0

    def say(self, data: bytes) -> None:
        """As much of it as there is room for."""
        with contextlib.suppress(OSError):
            self.sent += self.far.send(data)


@contextlib.asynccontextmanager
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Engine, Uploader, Uploader]]:
    monkeypatch.setattr(module, "TICK", 0.02)
    settings = Settings(identity="me", timestamp=lambda: "", memory=MEMORY, stall_timeout=STALL)
    engine = Engine(settings, Limits(), Counters())
    camera, one, two = Uploader(engine, "camera", "driver"), Uploader(engine, "one"), Uploader(engine, "two")
    camera.say(DEF)
    await until(lambda: camera.peer.owns, "the device")
    try:
        yield engine, one, two
    finally:
        for each in (camera, one, two):
            engine.end(each.peer, "shutdown", "the end of the test")
            each.far.close()
            await until(lambda each=each: not each.stream.images.threaded, "the end of its thread")  # type: ignore[misc]
        await engine.close()


async def fill(uploader: Uploader, engine: Engine, other: Uploader) -> None:
    """Go on until it is not read any more for want of memory; the other goes on as well."""

    def starved() -> bool:
        other.say(b"QUJD")
        uploader.say(b"QUJD" * 16384)
        return engine.core.intake.waits(uploader.peer)

    await until(starved, f"{uploader.peer.name} waits for memory")


def test_an_uploader_that_waits_for_memory_is_not_closed_for_sending_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with world(monkeypatch) as (engine, one, two):
            one.say(HEAD.format(2_900_000).encode())  # nearly all of the part: 4 MiB
            two.say(HEAD.format(1_000).encode())
            await until(lambda: len(engine.resources.uploads) == 2, "both are let in")
            await fill(two, engine, one)
            loop = asyncio.get_running_loop()
            end = loop.time() + 2 * STALL
            while loop.time() < end:  # the one goes on, slowly; the other is not read
                one.say(b"QUJD")
                await asyncio.sleep(0.02)
            assert (one.closed, two.closed) == ([], [])
            one.say(TAIL)
            two.far.setblocking(True)
            await loop.run_in_executor(None, two.far.sendall, TAIL)
            await until(
                lambda: engine.core.counters.peers["client"].received["newBLOBVector"] == 2,
                "both images",
            )

    asyncio.run(main())


def test_uploads_that_wait_for_each_other_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with world(monkeypatch) as (engine, one, two):
            one.say(HEAD.format(1_600_000).encode())
            two.say(HEAD.format(1_000).encode())
            await until(lambda: len(engine.resources.uploads) == 2, "both are let in")
            await fill(two, engine, one)
            await fill(one, engine, two)
            await until(lambda: one.closed or two.closed, "one of them goes")
            (left,) = (each for each in (one, two) if not each.closed)
            (gone,) = (each for each in (one, two) if each.closed)
            assert gone.closed == ["limit: no memory is left for its image beside what others upload"]
            await until(lambda: not engine.core.intake.waits(left.peer), "the other goes on")

    asyncio.run(main())


def test_an_image_that_was_no_xml_keeps_no_memory_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another camera once waited until the first one said something again."""

    async def main() -> None:
        async with world(monkeypatch) as (engine, _, _):
            broken, other = Uploader(engine, "broken", "driver"), Uploader(engine, "other", "driver")
            begin = HEAD.format(9 << 20).replace("new", "set").encode()
            broken.say(begin + b"QUJD")
            await until(lambda: broken.peer in engine.core.intake.reserved, "memory is kept for its image")
            other.say(begin + b"QUJD")
            await until(lambda: engine.core.intake.waits(other.peer), "the other one waits")
            broken.say(b"<x/></oneBLOB></setBLOBVector>\n")
            await until(lambda: other.peer in engine.core.intake.reserved, "the other one has its turn")
            for each in (broken, other):
                engine.end(each.peer, "shutdown", "the end of the test")
                each.far.close()
                await until(lambda each=each: not each.stream.images.threaded, "the end of its thread")  # type: ignore[misc]

    asyncio.run(main())


def test_a_source_that_is_held_and_read_on_at_once_is_not_read_before_its_last_read_was_acted_on() -> None:
    """Once the next read took the place of what was left of the last one: images were lost, and nobody counted them."""

    async def main() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        camera = Uploader(engine, "camera", "driver")
        intake = engine.core.intake
        engine.begin()
        intake.hold(camera.peer, "held")
        intake.read_on(camera.peer)
        engine.flush()
        assert camera.stream.stands_still
        await until(lambda: not camera.stream.stands_still, "it is read on")
        engine.end(camera.peer, "shutdown", "the end of the test")
        camera.far.close()
        await engine.close()

    asyncio.run(main())
