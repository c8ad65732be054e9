"""A link survives names that cannot be looked up."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from inditree.config import ClientTls, Limits, Remote, ServerTls
from inditree.transport import lookup
from inditree.transport import remote as module
from inditree.transport.channel import Channel
from inditree.transport.remote import RemoteLink
from ports import free_port
from security.certificates import Authority
from server.inloop import config, listen, run, running, until
from waiting import DEADLINE


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_a_name_that_is_none_is_an_error_of_that_try(host: str) -> None:
    async def work() -> None:
        async with running(config()) as it:
            link = it.server.units.add_remote(Remote(host=host, name="r"))
            await until(lambda: link.attempts["error"] >= 2, "it tries again")
            assert "cannot connect" in link.last_error
            await it.server.control.restart_remote("r")
            await until(lambda: link.attempts["error"] >= 3, "it tries after a restart")

    run(work())


def test_a_loop_whose_name_cannot_be_looked_up_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SELF_CHECK", 0.05)

    async def work() -> None:
        port = free_port()
        async with running(config(listen(port))) as it:
            link = RemoteLink(it.server.engine, Remote(host="localhost", port=port, name="r"))
            known, looked = lookup.addresses, 0

            async def flaky(host: str, port: int) -> list[lookup.Address]:
                nonlocal looked
                looked += 1
                if looked in (2, 3):
                    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
                if looked == 4:
                    raise UnicodeError("label empty or too long")
                return await known(host, port)

            monkeypatch.setattr(lookup, "addresses", flaky)
            link.start()
            # The fifth shows that the name can be looked up, so it tries once more, and finds itself again.
            await until(lambda: link.attempts["ok"] >= 2, "it tries again")
            await until(lambda: looked > 8, "it goes on looking")
            assert link.attempts["ok"] == 2
            await link.stop()
            assert link.state == "stopped"

    run(work())


def test_what_a_certificate_lacks_is_not_hidden_by_the_next_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` is ::1 too, where IPv6 may be off."""
    (tmp_path / "strange").mkdir()
    pair, stranger = Authority(tmp_path).server(), Authority(tmp_path / "strange")

    async def work() -> None:
        port, closed = free_port(), free_port()
        entry = listen(port, tls=ServerTls(cert=str(pair.cert), key=str(pair.key)))
        async with running(config(entry)) as it:
            tls = ClientTls(ca=str(stranger.cert))
            link = RemoteLink(it.server.engine, Remote(host="localhost", port=port, name="r", tls=tls))

            async def two(host: str, port_asked: int) -> list[lookup.Address]:
                return [(socket.AF_INET, ("127.0.0.1", each)) for each in (port, closed)]

            monkeypatch.setattr(lookup, "addresses", two)
            link.start()
            await until(lambda: link.attempts.total() > 0, "it has tried")
            await link.stop()
            assert set(link.attempts) == {"tls"}
            assert "certificate verify failed" in (link.last_error or "")

    run(work())


def test_a_link_that_meets_a_mistake_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", 0.001)
    tries = []

    async def work() -> None:
        async with running(config()) as it:
            link = RemoteLink(it.server.engine, Remote(host="127.0.0.1", port=free_port(), name="r"))

            async def broken() -> str:
                tries.append(1)
                raise RuntimeError("internal error")

            with monkeypatch.context() as patch:
                patch.setattr(link, "_try", broken)
                link.start()
                await until(lambda: len(tries) > 2, "further tries")
                await link.stop()
                link.start()
                await until(lambda: len(tries) > 5, "further tries after a new start")
            await until(lambda: link.attempts["refused"] > 0, "it lives")
            await asyncio.wait_for(link.stop(), DEADLINE)

    run(work())


def test_a_host_that_does_not_answer_is_tried_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a try that came to nothing is none of a link."""
    monkeypatch.setattr(module, "HEALTHY_AFTER", 0.02)
    monkeypatch.setattr(module, "BACKOFF", 0.001)

    async def work() -> None:
        async with running(config()) as it:
            link = RemoteLink(it.server.engine, Remote(host="127.0.0.1", port=free_port(), name="r"))

            async def swallowed() -> Channel:
                await asyncio.sleep(0.03)
                raise TimeoutError

            monkeypatch.setattr(link, "_connect", swallowed)
            link.start()
            await until(lambda: link.attempts["timeout"] >= 4, "some tries")
            assert link._failures >= 3
            await link.stop()

    run(work())


def test_while_something_is_held_it_is_tried_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there again after a few seconds is not missed by a pause that has grown; after `link_hold` it grows."""
    monkeypatch.setattr(module, "BACKOFF", 0.001)
    monkeypatch.setattr(module, "BACKOFF_MAX", 3600.0)

    async def refused() -> Channel:
        raise ConnectionRefusedError

    async def work() -> None:
        port = free_port()
        async with running(config(limits=Limits(link_hold=3600.0))) as it, running(config(listen(port))) as other:
            engine = it.server.engine
            link = RemoteLink(engine, Remote(host="127.0.0.1", port=port, name="r"))
            link.start()
            await until(lambda: link.state == "up", "it is linked")
            monkeypatch.setattr(link, "_connect", refused)
            (far,) = other.server.engine.core.state.desk.links
            other.server.engine.end(far, "error", "a cable")
            await until(lambda: link.attempts["refused"] > 15, "it is tried again and again")
            assert link._failures <= module.HELD_FAILURES
            engine.core.ride_out(0.0)
            await until(lambda: link._failures > module.HELD_FAILURES, "more and more seldom")
            await link.stop()

    run(work())
