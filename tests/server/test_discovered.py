"""Remotes that discovery finds, beside those of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from inditree.config import Remote
from inditree.server.discovered import Discovered
from inditree.server.server import Server
from ports import free_port
from server.inloop import config, run, running, until


def found(*names: str) -> dict[str, Remote]:
    return {name: Remote(host="127.0.0.1", port=1, name=name) for name in names}


def discovering(work: Callable[[Server, Discovered], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running(config()) as it:
            await work(it.server, Discovered(it.server.engine, it.server.units))

    run(main())


def test_they_come_and_go_with_what_is_found() -> None:
    async def work(server: Server, discovered: Discovered) -> None:
        discovered.update("docker", found("a", "b"))
        discovered.update("dns", found("c"))
        await until(lambda: list(server.units.remotes) == ["a", "b", "c"], "all are linked")
        kept = server.units.remotes["b"]
        discovered.update("docker", found("b", "d"))
        await until(lambda: list(server.units.remotes) == ["b", "c", "d"], "a is gone")
        assert server.units.remotes["b"] is kept

    discovering(work)


def test_what_the_api_links_by_that_name_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def work(server: Server, discovered: Discovered) -> None:
        discovered.update("docker", found("cam"))
        await until(lambda: server.units.remotes, "it is linked")
        await server.control.remove_remote("cam")
        await server.control.add_remote({"host": "127.0.0.1", "port": free_port(), "name": "cam"})
        other = server.units.remotes["cam"]
        discovered.update("docker", found("next"))
        await until(lambda: "next" in server.units.remotes, "the list is taken")
        assert server.units.remotes.get("cam") is other
        assert "cam is gone" not in caplog.text

    discovering(work)


def test_what_an_operator_removed_comes_back_once_it_has_vanished() -> None:
    async def work(server: Server, discovered: Discovered) -> None:
        discovered.update("docker", found("cam"))
        await until(lambda: server.units.remotes, "it is linked")
        await server.control.remove_remote("cam")
        discovered.update("docker", found("cam", "next"))
        await until(lambda: "next" in server.units.remotes, "the list is taken")
        assert "cam" not in server.units.remotes
        discovered.update("docker", found("next"))
        discovered.update("docker", found("cam", "next"))
        await until(lambda: "cam" in server.units.remotes, "it is linked again")

    discovering(work)
