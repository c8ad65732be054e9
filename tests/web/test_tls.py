"""The web face behind TLS: who is let in by certificate, and by which rules."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Origin

from inditree.config import Rule, ServerTls
from security.certificates import Authority
from security.parts import context
from server.inloop import run
from web.world import CAMERA, MOUNT, Json, site

GUEST = (Rule(subject="CN=guest*", access="read-only", devices=("Mount",)),)
NEW = {"newNumberVector": {"device": "Mount", "name": "COORD", "items": [{"name": "RA", "value": 1}]}}


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
