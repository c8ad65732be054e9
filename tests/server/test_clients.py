"""Who connected to us, seen and closed by an operator."""

from __future__ import annotations

import pytest

from inditree.config import Remote
from inditree.ops.control import ControlError
from ports import free_port
from server.inloop import GET, caller, config, listen, run, running, until


def test_one_client_is_closed_and_no_other() -> None:
    async def work() -> None:
        port = free_port()
        async with running(config(listen(port))) as it, caller(port) as first, caller(port) as second:
            for each in (first, second):
                each.writer.write(GET)
                await each.ping()
            one, _ = sorted(it.server.control.clients(), key=lambda row: row.id)
            await it.server.control.close_client(str(one.id))
            assert [row.id for row in it.server.control.clients()] != [one.id]
            assert len(it.server.control.clients()) == 1
            assert await first.closed()
            await second.ping()
            with pytest.raises(ControlError) as caught:
                await it.server.control.close_client(str(one.id))
            assert (caught.value.status, caught.value.text) == (404, f"there is no client '{one.id}'")

    run(work())


def test_a_link_of_ours_is_no_client() -> None:
    """It is a remote: `inditree remote stop`."""

    async def work() -> None:
        async with running(config()) as far, running(config()) as near:
            port = int(next(iter(far.server.listeners.values())).address.rpartition(":")[2])
            near.server.units.add_remote(Remote(host="127.0.0.1", port=port, name="far"))
            await until(lambda: any(row.link for row in far.server.control.clients()), "it is linked")
            for peer in near.server.engine.core.peers.values():
                with pytest.raises(ControlError):
                    await near.server.control.close_client(str(peer.id))
            (row,) = far.server.control.clients()
            await far.server.control.close_client(str(row.id))
            link = near.server.units.remotes["far"]
            await until(lambda: link.attempts["ok"] >= 2 and link.state == "up", "it is linked again")

    run(work())
