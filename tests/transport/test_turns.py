"""Turns: however many have more to say, a step of the loop is about as long as one turn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from time import monotonic

import pytest

from inditree.config import Limits
from inditree.core import Settings
from inditree.counters import Counters
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import Stream
from inditree.transport.turns import TURN, Turns
from server.inloop import run, until


class Steps:
    """Counts the steps of the loop."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        self.number += 1
        self._loop.call_soon(self._next)


def spin() -> None:
    end = monotonic() + TURN
    while monotonic() < end:
        pass


def test_who_takes_a_whole_turn_has_a_step_of_its_own() -> None:
    async def work() -> None:
        steps, turns, seen = Steps(), Turns(asyncio.get_running_loop()), []

        def long(who: int) -> Callable[[], None]:
            def act() -> None:
                seen.append((who, steps.number))
                spin()

            return act

        for who in range(20):
            turns.wait(long(who))
        await until(lambda: len(seen) == 20, "all have had their turn")
        assert [who for who, _ in seen] == list(range(20))
        assert len({step for _, step in seen}) == 20

    asyncio.run(work())


def test_who_waits_again_has_its_turn_behind_all_others_and_in_another_step() -> None:
    async def work() -> None:
        steps, turns, seen = Steps(), Turns(asyncio.get_running_loop()), []

        def again() -> None:
            seen.append(("again", steps.number))
            if len(seen) < 4:
                turns.wait(again)

        turns.wait(again)
        turns.wait(lambda: seen.append(("other", steps.number)))
        await until(lambda: len(seen) == 4, "all have had their turns")
        assert [who for who, _ in seen] == ["again", "other", "again", "again"]
        numbers = [step for who, step in seen if who == "again"]
        assert len(set(numbers)) == 3

    asyncio.run(work())


def test_a_mistake_in_one_turn_takes_nobody_elses() -> None:
    async def work() -> None:
        turns, seen, told = Turns(asyncio.get_running_loop()), [], []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))

        def wrong() -> None:
            raise ZeroDivisionError

        turns.wait(wrong)
        turns.wait(lambda: seen.append(1))
        await until(lambda: seen, "the other has had its turn")
        assert [type(each) for each in told] == [ZeroDivisionError]

    asyncio.run(work())


@pytest.mark.parametrize("flood", [b"<pingRequest uid='x'/>" * 2000, b"<t/>" * 9000], ids=["answered", "dropped"])
def test_a_flood_goes_on_when_its_turn_comes_and_not_before(flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        waiting: list[Callable[[], None]] = []
        monkeypatch.setattr(engine.turns, "wait", waiting.append)
        ours, far = socket.socketpair()
        engine.begin()
        peer = engine.core.join("client", "flood")
        stream = Stream(engine, peer, SocketChannel(ours), lambda *why: None)
        far.sendall(flood)
        turns = 0
        await until(lambda: waiting, "it waits for its turn")
        while waiting:
            received = sum(peer.counters.received.values())
            for _ in range(10):
                await asyncio.sleep(0)
            assert sum(peer.counters.received.values()) == received
            waiting.pop()()
            turns += 1
        assert turns >= len(flood) // 65536
        engine.end(peer, "shutdown", "")
        assert stream.closed
        far.close()
        await engine.close()

    run(work())
