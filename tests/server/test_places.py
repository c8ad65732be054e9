"""Where a router listens, as DNS discovery asks for it at each look."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inditree.config import Discovery, Dns, Listen
from inditree.discovery.dns import DnsDiscovery
from inditree.discovery.own import Place
from ports import free_port
from server.inloop import config, listen, run, running


def test_it_is_where_the_listeners_are_now(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[DnsDiscovery] = []
    monkeypatch.setattr(DnsDiscovery, "start", lambda self, tasks: made.append(self))

    def own() -> list[Place]:
        (discovery,) = made
        return sorted(discovery._own())

    async def work() -> None:
        dns = Discovery(dns=(Dns(name="routers.invalid"),))
        chosen = Listen(tcp="127.0.0.1:0", name="chosen")
        async with running(replace(config(chosen), discovery=dns)) as it:
            assert own() == [("127.0.0.1", it.server.listeners["chosen"].port)]
            moved = listen(free_port(), "moved")
            assert await it.reload(replace(config(moved), discovery=dns))
            assert own() == [("127.0.0.1", it.server.listeners["moved"].port)]

    run(work())
