"""The web endpoint behind TLS: who is let in by certificate, and by which rules."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Origin

from inditree.config import Rule, ServerTls
from inditree.transport import waiting
from security.certificates import Authority
from security.parts import context
from server.inloop import caller, run, until
from waiting import DEADLINE
from web.world import CAMERA, MOUNT, Json, site

GUEST = (Rule(subject="CN=guest*", access="read-only", devices=("Mount",)),)
NEW = {"newNumberVector": {"device": "Mount", "name": "COORD", "items": [{"name": "RA", "value": 1}]}}


def trusted(folder: Path) -> tuple[ServerTls, ssl.SSLContext]:
    """A server's certificate, and a client that trusts it."""
    authority = Authority(folder)
    server = authority.server()
    return ServerTls(cert=str(server.cert), key=str(server.key)), context(authority.cert, None)


def test_certificates_and_their_rules_hold_for_web_clients(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.server()
    keys = ServerTls(cert=str(server.cert), key=str(server.key), client_ca=str(authority.cert))

    async def work() -> None:
        async with site(MOUNT, CAMERA, tls=keys, rules=GUEST) as it:
            url = f"wss://127.0.0.1:{it.port}/"

            def let_in(subject: str | None) -> ssl.SSLContext:
                return context(authority.cert, authority.sign("client", subject) if subject else None)

            async with connect(url, ssl=let_in("/CN=guest1"), compression=None) as socket:
                found = await Json(socket).count({"getProperties": {}}, NEW)
                assert [each["defNumberVector"]["device"] for each in found if "defNumberVector" in each] == ["Mount"]
                assert not [each for each in found if "defBLOBVector" in each]
                assert any("read-only" in str(each.get("message")) for each in found)
            async with connect(
                url, ssl=let_in("/CN=anna"), compression=None, origin=Origin(f"https://127.0.0.1:{it.port}")
            ) as socket:
                found = await Json(socket).count({"getProperties": {}}, NEW)
                assert [each for each in found if "defBLOBVector" in each]
            with pytest.raises(InvalidStatus, match="403"):
                await connect(url, ssl=let_in("/CN=anna"), origin=Origin(f"http://127.0.0.1:{it.port}")).__aenter__()
            with pytest.raises((OSError, InvalidMessage)):
                async with connect(url, ssl=let_in(None)) as socket:
                    await socket.recv()
            with pytest.raises((OSError, InvalidMessage)):
                async with connect(f"ws://127.0.0.1:{it.port}/", open_timeout=3):
                    pass

    run(work())


def test_past_a_full_listener_a_page_is_answered_and_nothing_else(tmp_path: Path) -> None:
    keys, trust = trusted(tmp_path)

    async def asked(port: int, data: bytes) -> bytes:
        """What is answered until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(), DEADLINE)
        except OSError:
            return b""
        finally:
            writer.transport.abort()

    async def work() -> None:
        async with site(MOUNT, tls=keys, max_connections=1) as it:
            rejected = it.running.server.engine.core.counters.rejected
            listener = it.running.server.listeners["main"]
            request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\nConnection: close\r\n\r\n".encode()
            async with connect(f"wss://127.0.0.1:{it.port}/", ssl=trust, compression=None) as socket:
                assert await Json(socket).count({"getProperties": {}})
                assert (await asked(it.port, request)).startswith(b"HTTP/1.1 200 ")
                assert (await asked(it.port, b"\r\n" + request)).startswith(b"HTTP/1.1 200 ")
                with pytest.raises(InvalidStatus, match="503"):
                    await connect(f"wss://127.0.0.1:{it.port}/", ssl=trust).__aenter__()
                assert rejected["limit"] == 0
                assert await asked(it.port, b"<getProperties version='1.7'/>") == b""
                assert await asked(it.port, b"") == b""  # who says nothing
                assert rejected["limit"] == 2
                assert listener.count == 1
                async with caller(it.port) as there:  # no TLS at all
                    there.writer.write(request)
                    assert await there.closed()
            await until(lambda: listener.count == 0, "it has gone")
            assert b"defNumberVector" in await asked_until(it.port, b"</defNumberVector>")

    async def asked_until(port: int, end: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        writer.write(b"<getProperties version='1.7'/>")
        found = await asyncio.wait_for(reader.readuntil(end), DEADLINE)
        writer.transport.abort()
        return found

    run(work())


def test_no_more_than_64_are_looked_at_past_a_full_listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAIT", 30.0)
    keys, trust = trusted(tmp_path)

    async def work() -> None:
        async with site(MOUNT, tls=keys, max_connections=1) as it:
            rejected = it.running.server.engine.core.counters.rejected
            async with connect(f"wss://127.0.0.1:{it.port}/", ssl=trust, compression=None):
                silent = [await asyncio.open_connection("127.0.0.1", it.port, ssl=trust) for _ in range(64)]
                assert rejected["limit"] == 0
                with pytest.raises(OSError):
                    await asyncio.open_connection("127.0.0.1", it.port, ssl=trust)
                assert rejected["limit"] == 1
                for _, writer in silent:
                    writer.transport.abort()
                await until(lambda: rejected["limit"] == 65, "they have gone")

    run(work())


def test_who_is_looked_at_is_hung_up_on_when_the_router_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAIT", 30.0)
    keys, trust = trusted(tmp_path)

    async def work() -> None:
        async with (
            site(MOUNT, tls=keys, max_connections=1) as it,
            connect(f"wss://127.0.0.1:{it.port}/", ssl=trust, compression=None),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port, ssl=trust)
            listener = it.running.server.listeners["main"]
            await until(lambda: listener.waiting.late == 1, "it is looked at")
        assert await asyncio.wait_for(reader.read(), DEADLINE) == b""
        writer.transport.abort()

    run(work())
