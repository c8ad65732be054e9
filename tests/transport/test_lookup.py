"""Names that are looked up while name servers do not answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from inditree.tasks import Tasks
from inditree.transport import lookup
from inditree.transport.lookup import AT_ONCE, Lookups
from waiting import DEADLINE, until

REAL = socket.getaddrinfo


class Server:
    """A name server that answers when it is let; `asked` are the names."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()

    def __call__(self, host: str, port: int, **words: Any) -> Any:
        if words["flags"]:
            return REAL(host, port, **words)
        self.asked.append(host)
        self.answers.wait()
        return REAL("127.0.0.1", port, type=words["type"])


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    yield server
    server.answers.set()


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "lookup"]


def test_nobody_waits_for_a_name_server_but_who_asked(server: Server) -> None:
    """Those that are given up are never asked for, and no thread stays."""
    lookups = Lookups()

    async def main() -> None:
        tasks = Tasks()
        asked = [tasks.start(lookups.addresses(f"n{number}", 1), "ask") for number in range(AT_ONCE + 100)]
        await asyncio.to_thread(until, lambda: len(server.asked) == AT_ONCE)
        async with asyncio.timeout(DEADLINE):
            assert await lookups.addresses("127.0.0.1", 7) == [(socket.AF_INET, ("127.0.0.1", 7))]
        for each in asked[:-1]:
            each.cancel()
        await asyncio.sleep(0)
        server.answers.set()
        assert await asked[-1] == [(socket.AF_INET, ("127.0.0.1", 1))]

    asyncio.run(main())
    assert sorted(server.asked) == sorted([*(f"n{number}" for number in range(AT_ONCE)), f"n{AT_ONCE + 99}"])
    until(lambda: not threads(), what="the threads end")


def test_a_loop_is_closed_while_a_name_server_is_silent(server: Server) -> None:
    lookups = Lookups()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lookups.addresses("n", 1), 0.01)

    asyncio.run(main())
    assert threads()
    assert all(each.daemon for each in threads())
    server.answers.set()
    until(lambda: not threads(), what="it ends quietly")


def test_what_went_wrong_is_told_to_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(name: str) -> None:
        await lookup.addresses(name, 1)

    with pytest.raises(ValueError, match="label"):
        asyncio.run(asked("a..b"))

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(OSError, match="no thread can be started"):
        asyncio.run(asked("localhost"))
