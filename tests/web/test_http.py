"""Plain requests at a running router: paths, other sites' pages, limits; docs/web.md, "Other sites"."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from inditree.web import http
from server.inloop import caller, run, until
from waiting import DEADLINE
from web.world import CAMERA, MOUNT, image, site


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/?x=1", 200),
        ("GET", "/assets/main.js", 200),
        ("GET", "/assets/../face.py", 404),
        ("GET", "/assets/", 404),
        ("GET", "/blob/0123456789abcdef0123456789abcdef.fits", 404),
        ("GET", "/api/v1/status", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", "/", 405),
        ("PUT", "/assets/main.js", 405),
        ("DELETE", "/blob/x.fits", 405),
        ("OPTIONS", "/", 405),
        ("POST", "/nothing", 404),
    ],
)
def test_paths_and_methods(method: str, path: str, status: int) -> None:
    async def work() -> None:
        async with site() as it:
            found, headers, body = await it.get(path, method=method)
            assert found == status
            assert headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' blob: data:;")
            assert headers["x-content-type-options"] == "nosniff"
            assert method != "HEAD" or (body == b"" and int(headers["content-length"]) > 100)
            assert status != 405 or headers["allow"] == "GET, HEAD"

    run(work())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:7624", 200),
        ("127.0.0.1:7624", 200),
        ("[::1]:7624", 200),
        ("192.168.3.4", 200),
        (socket.gethostname(), 200),
        ("pier.example:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("", 403),
        ("[::1", 403),
        ("localhost#x", 403),
        ("x@localhost", 403),
        ("localhost:65536", 403),
        ("pier.example..", 403),
        ("PIER.example.", 200),
    ],
)
def test_a_name_that_is_not_ours_gets_nothing(host: str, status: int) -> None:
    async def work() -> None:
        async with site(origins=("pier.example",)) as it:
            found, _, body = await it.get("/", f"Host: {host}\r\n")
            assert found == status
            assert status == 200 or b"listen[].origins" in body or not host

    run(work())


def test_without_a_host_nothing_is_told() -> None:
    """HTTP/1.0 has none: its answer says so, and is no mistake of ours."""

    async def work() -> None:
        async with site() as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), DEADLINE)
            assert answer.startswith(b"HTTP/1.1 403 ")
            assert b"the request has no Host" in answer
            writer.close()

    run(work())


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("https://pier.example", True),
        ("http://pier.example:81", True),
        ("https://whole.example:8443", True),
        ("https://whole.example", False),
        ("http://127.0.0.1:1", False),
        ("https://127.0.0.1:{port}", False),
        ("http://evil.example", False),
        ("null", False),
        ("http://127.0.0.1:{port}.evil.example", False),
    ],
)
def test_a_page_of_another_site_gets_no_websocket(origin: str | None, allowed: bool) -> None:
    async def work() -> None:
        async with site(MOUNT, origins=("pier.example", "https://whole.example:8443")) as it:
            said = origin.format(port=it.port) if origin else None
            if allowed:
                async with it.json({"getProperties": {}}, origin=said) as client:
                    assert await client.take("defNumberVector")
            else:
                with pytest.raises(InvalidStatus, match="403"):
                    await it.json(origin=said).__aenter__()
                assert (await it.get("/", f"Origin: {said}\r\n"))[0] == 403

    run(work())


def test_a_web_socket_begins_at_its_two_places_only() -> None:
    async def work() -> None:
        async with site() as it:
            with pytest.raises(InvalidStatus, match="404"):
                await it.json(path="/json").__aenter__()
            status, headers, _ = await it.get("/", "Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n")
            assert (status, headers["sec-websocket-version"]) == (426, "13")

    run(work())


def test_where_the_face_is_off_a_browser_gets_400() -> None:
    async def work() -> None:
        async with site(web=False) as it:
            assert (await it.get("/"))[0] == 400

    run(work())


def test_what_has_not_changed_is_not_sent_again() -> None:
    async def work() -> None:
        async with site() as it:
            _, headers, _ = await it.get("/assets/main.js")
            status, _, body = await it.get("/assets/main.js", f"If-None-Match: {headers['etag']}\r\n")
            assert (status, body) == (304, b"")

    run(work())


def test_requests_come_one_after_the_other_on_one_connection_and_in_pieces() -> None:
    async def work() -> None:
        async with site() as it, caller(it.port) as there:
            request = f"GET /assets/icon.svg HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode()
            for byte in request[:30]:
                there.writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            there.writer.write(request[30:] + request * 4)
            data = b""
            while data.count(b"</svg>") < 5:
                data += await asyncio.wait_for(there.reader.readexactly(1), DEADLINE)
            assert data.count(b"HTTP/1.1 200 OK") == 5

    run(work())


def test_a_head_that_is_too_large_or_no_http() -> None:
    async def work() -> None:
        async with site() as it:
            assert (await it.get("/", "X: " + "y" * (17 << 10) + "\r\n"))[0] == 431
            async with caller(it.port) as there:
                there.writer.write(b"GET nonsense\r\n\r\n")
                assert b" 400 " in await asyncio.wait_for(there.reader.read(), DEADLINE)

    run(work())


def test_a_head_that_does_not_come_and_silence_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_TIMEOUT", 0.2)
    monkeypatch.setattr(http, "IDLE_TIMEOUT", 0.3)

    async def work() -> None:
        async with site() as it:
            async with caller(it.port) as there:
                there.writer.write(b"GET / HT")
                assert await there.closed()
            async with caller(it.port) as there:
                there.writer.write(f"GET /assets/icon.svg HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode())
                assert b"</svg>" in await asyncio.wait_for(there.reader.read(), DEADLINE)
            await until(lambda: it.running.server.parts.web.counts()["page"] == 0, "none is left")

    run(work())


def test_sixty_four_plain_connections_at_once() -> None:
    async def work() -> None:
        async with site() as it:
            waiting = [await asyncio.open_connection("127.0.0.1", it.port) for _ in range(64)]
            for _, writer in waiting:
                writer.write(b"GET / HTTP/1.1\r\n")
            await until(lambda: it.running.server.parts.web.counts()["page"] == 64, "all are there")
            assert (await it.get("/"))[0] == 503
            waiting[0][1].close()
            await until(lambda: it.running.server.parts.web.counts()["page"] == 63, "one has gone")
            assert (await it.get("/"))[0] == 200
            for _, writer in waiting:
                writer.close()

    run(work())


def test_a_browser_that_never_reads_an_image_lets_go_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_TIMEOUT", 0.5)

    async def work() -> None:
        wish = {"enableBLOB": {"device": "Camera", "value": "URL"}}
        async with site(CAMERA) as it, it.json({"getProperties": {}}, wish) as client:
            await client.take("defBLOBVector")
            await client.count()
            await it.say(image(bytes(24 << 20)))
            where = (await client.take("setBLOBVector"))["items"][0]["value"]
            async with caller(it.port) as there:
                there.writer.transport.pause_reading()  # type: ignore[attr-defined]
                there.writer.write(f"GET {where} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                faces = it.running.server.parts.web
                await until(lambda: faces.counts()["image"] == 1, "it is sent")
                await until(lambda: faces.counts()["image"] == 0, "it is given up")

    run(work())


def test_a_thousand_requests_at_once_are_all_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Each answer called the next: from the 160th on there was no room left on the stack."""

    async def work() -> None:
        async with site() as it, caller(it.port) as there:
            there.writer.write(b"HEAD /assets/icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
            data = b""
            while data.count(b"\r\n\r\n") < 1000:
                more = await asyncio.wait_for(there.reader.read(1 << 16), DEADLINE)
                assert more, data.count(b"\r\n\r\n")
                data += more
            assert data.count(b"HTTP/1.1 200 OK") == 1000

    run(work())
    assert "internal error" not in caplog.text


def test_who_takes_no_answer_and_goes_on_asking_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with site() as it:
            kept: list[http.HttpConnection] = []
            visit = http.HttpConnection.__init__

            def noted(self: http.HttpConnection, *words: Any) -> None:
                visit(self, *words)
                kept.append(self)

            monkeypatch.setattr(http.HttpConnection, "__init__", noted)
            asked = b"GET /assets/main.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
            loop = asyncio.get_running_loop()
            with socket.socket() as far:
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                far.setblocking(False)
                await loop.sock_connect(far, ("127.0.0.1", it.port))
                sent = 0
                with contextlib.suppress(TimeoutError):
                    while sent < 64 << 20:
                        async with asyncio.timeout(1):
                            await loop.sock_sendall(far, asked)
                        sent += len(asked)
                assert sent < 64 << 20
                assert len(kept[0]._http.trailing_data[0]) < 256 << 10
                answers = 0  # once it takes what it asked for, it is read on
                while answers < 3000:
                    data = await asyncio.wait_for(loop.sock_recv(far, 1 << 20), DEADLINE)
                    assert data, answers
                    answers += data.count(b"HTTP/1.1 200 OK")

    run(work())
