"""A reload moves, renames and changes listeners, or leaves them all as they are."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from inditree.config import Limits, Listen, ServerTls
from ports import free_port
from server.inloop import GET, caller, config, listen, run, running


def test_a_reload_that_fails_changes_no_listener() -> None:
    async def work() -> None:
        port = free_port()
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            async with running(config(listen(port))) as it, caller(port) as client:
                changed = listen(port, access="read-only")
                began = it.server.control.sample().reload_timestamp
                assert it.server.control.sample().reload_success
                assert not await it.reload(config(changed, listen(taken, "new")))
                assert not it.server.control.sample().reload_success
                assert it.server.control.sample().reload_timestamp > began
                assert f":{taken}: Address already in use" in (it.server.control.snapshot().reload_refused or "")
                await client.ping()
                async with caller(port) as second:
                    await second.ping()
                assert list(it.server.listeners) == ["main"]
                assert it.server.listeners["main"].config == listen(port)
                # And it is still to be done.
                assert await it.reload(config(changed))
                assert it.server.control.sample().reload_success
                assert it.server.control.snapshot().reload_refused is None
                assert it.server.listeners["main"].config == changed
                async with caller(port) as third:
                    await third.ping()

    run(work())


def test_a_listener_that_cannot_be_moved_stays_where_it_is() -> None:
    async def work() -> None:
        port = free_port()
        with socket.create_server(("127.0.0.1", 0)) as other:
            async with running(config(listen(port))) as it, caller(port) as client:
                assert not await it.reload(config(listen(other.getsockname()[1])))
                await client.ping()
                async with caller(port) as second:
                    await second.ping()
                assert await it.reload(config(listen(port)))
                await client.ping()

    run(work())


def test_a_certificate_that_cannot_be_read_changes_no_listener(tmp_path: Path) -> None:
    async def work() -> None:
        port, second = free_port(), free_port()
        async with running(config(listen(port), listen(second, "second"))) as it, caller(port) as client:
            tls = ServerTls(cert=str(tmp_path / "none"), key=str(tmp_path / "none"))
            assert not await it.reload(config(listen(port, tls=tls), listen(second, "second", access="read-only")))
            await client.ping()
            assert it.server.listeners["second"].config.access == "control"
            assert not await it.reload(config(listen(port), listen(name="third", tls=tls)))
            await client.ping()
            assert list(it.server.listeners) == ["main", "second"]

    run(work())


def test_a_changed_listener_keeps_its_port_and_who_waits_there() -> None:
    async def work() -> None:
        port = free_port()
        async with running(config(listen(port))) as it, caller(port) as old:
            await old.ping()
            with socket.socket() as waiting:
                waiting.connect(("127.0.0.1", port))  # in the backlog: the loop has not run since
                before = it.server.listeners["main"]
                assert await it.reload(config(listen(port, peers="none")))
                assert it.server.listeners["main"] is not before
                assert await old.closed()
                await it.server.engine.loop.sock_sendall(_plain(waiting), GET + b"<pingRequest uid='q'/>")
                assert b"q" in await it.server.engine.loop.sock_recv(waiting, 4096)

    run(work())


def _plain(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


@pytest.mark.parametrize(("old", "new"), [("127.0.0.1", "*"), ("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
@pytest.mark.parametrize("name", ["main", ""])
def test_a_listener_moves_to_an_address_that_overlaps(old: str, new: str, name: str) -> None:
    async def work() -> None:
        port = free_port()
        async with running(config(Listen(tcp=f"{old}:{port}", name=name))) as it, caller(port) as first:
            await first.ping()
            assert await it.reload(config(Listen(tcp=f"{new}:{port}", name=name)))
            assert await first.closed()
            assert [each.config.tcp for each in it.server.listeners.values()] == [f"{new}:{port}"]
            async with caller(port) as second:
                await second.ping()
            with socket.socket() as other:  # the port is not open to others
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind(("127.0.0.1", port))

    run(work())


def test_an_overlapping_address_is_given_back_where_the_reload_fails() -> None:
    async def work() -> None:
        port = free_port()
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            async with running(config(listen(port))) as it, caller(port) as first:
                assert not await it.reload(config(Listen(tcp=f"*:{port}", name="main"), listen(taken, "new")))
                await first.ping()
                async with caller(port) as second:
                    await second.ping()
                assert it.server.listeners["main"].config.tcp == f"127.0.0.1:{port}"

    run(work())


@pytest.mark.parametrize(("before", "after"), [("main", "other"), ("", "main"), ("main", "")])
def test_a_listener_is_renamed(before: str, after: str) -> None:
    async def work() -> None:
        port = free_port()
        async with running(config(listen(port, before))) as it:
            assert await it.reload(config(listen(port, after)))
            assert list(it.server.listeners) == [after or f"127.0.0.1:{port}"]
            async with caller(port) as client:
                await client.ping()
            assert [each.listener for each in it.server.control.clients()] == [after or f"127.0.0.1:{port}"]

    run(work())


def test_two_listeners_exchange_their_ports() -> None:
    async def work() -> None:
        one, two = free_port(), free_port()
        async with running(config(listen(one, "a"), listen(two, "b"))) as it:
            assert await it.reload(config(listen(two, "a"), listen(one, "b")))
            assert (it.server.listeners["a"].port, it.server.listeners["b"].port) == (two, one)
            for port in (one, two):
                async with caller(port) as client:
                    await client.ping()

    run(work())


def test_a_listener_that_is_gone_is_closed() -> None:
    async def work() -> None:
        port, other = free_port(), free_port()
        async with running(config(listen(port), listen(other, "other"))) as it, caller(other) as client:
            await client.ping()
            assert await it.reload(config(listen(port)))
            assert await client.closed()
            with pytest.raises(OSError):
                async with caller(other):
                    pass

    run(work())


def test_a_unix_path_changes_its_mode_and_its_name(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    def entry(name: str = "u", mode: int | None = None, owner: str | None = None) -> Listen:
        return Listen(unix=str(path), name=name, mode=mode, owner=owner)

    def mode() -> int:
        return stat.S_IMODE(path.stat().st_mode)

    async def work() -> None:
        async with running(config(entry())) as it:
            bare = mode()
            assert bare != 0o600
            assert await it.reload(config(entry(mode=0o600)))
            assert mode() == 0o600
            assert not await it.reload(config(entry(mode=0o666, owner="no-such-user-here")))
            assert mode() == 0o600
            async with caller(path) as client:
                await client.ping()
            assert await it.reload(config(entry(name="v", mode=0o660, owner=f"{os.getuid()}:{os.getgid()}")))
            assert mode() == 0o660
            assert await it.reload(config(entry(name="v")))
            assert mode() == bare
            async with caller(path) as client:
                await client.ping()
            assert await it.reload(config(listen()))
            assert not path.exists()

    run(work())


def test_a_path_of_another_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    async def work() -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            port = free_port()
            async with running(config(listen(port))) as it:
                assert not await it.reload(config(listen(port), Listen(unix=str(path), name="u")))
            assert path.exists()

    run(work())


def test_checks_end_with_their_listener() -> None:
    async def work() -> None:
        port, limits = free_port(), Limits(first_element=0.3)
        async with running(config(listen(port), limits=limits)) as it:
            for access in ("read-only", "control"):
                assert await it.reload(config(listen(port, access=access), limits=limits))
            assert len(it.server.engine.checks) == 1
            async with caller(port) as idle:  # and the one that is left is at work
                assert await idle.closed()
            assert not await it.reload(config(listen(port), Listen(tcp="192.0.2.1:1", name="x"), limits=limits))
            assert len(it.server.engine.checks) == 1

    run(work())
