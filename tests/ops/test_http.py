from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from inditree.config import Http
from inditree.errors import ConfigError, StartError
from inditree.ops import connection as connection_module
from inditree.ops.access import HttpAccess
from inditree.ops.audit import Audit
from inditree.ops.control_socket import ControlSocket
from inditree.ops.http import HttpServer
from inditree.ops.metrics import Metrics
from inditree.ops.model import ConflictRow
from inditree.ops.places import user_name
from inditree.tasks import Tasks
from ops.asking import Answer, ask
from ops.fake import FakeControl, driver, remote, status
from waiting import DEADLINE

Call = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def served(
    control: FakeControl, audit: Audit | None = None, by_socket: bool = False, **fields: Any
) -> AsyncIterator[tuple[Call, HttpServer]]:
    """At a port, and at a control socket, by which `call` asks where it shall."""
    tasks = Tasks()
    folder = tempfile.TemporaryDirectory()
    control_socket = ControlSocket(Path(folder.name, "c"))
    settings = Http(**({"listen": "127.0.0.1:0"} | fields))
    server = HttpServer(settings, control, tasks, Metrics(["*.*.*"]), audit)
    server.bind()
    await server.start(control_socket.sock)
    place = control_socket.path if by_socket else int(server.addresses[0].rpartition(":")[2])

    async def call(method: str, path: str, body: object = None, **headers: str) -> Answer:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return await asyncio.to_thread(ask, place, method, path, body, names)

    try:
        yield call, server
    finally:
        await server.stop()
        control_socket.close()
        folder.cleanup()
        await tasks.close()


def test_what_is_told() -> None:
    async def run() -> None:
        async with served(FakeControl()) as (call, _):
            assert (await call("GET", "/livez"))[0] == 200
            code, ready, _headers = await call("GET", "/readyz")
            assert (code, ready) == (200, {"ready": True, "draining": False, "drivers": {}, "remotes": {}})
            code, text, headers = await call("GET", "/metrics")
            assert code == 200 and b"indi_blobs_received_total" in text
            assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            state = (await call("GET", "/api/v1/status"))[1]
            assert (state["name"], state["clients"], state["listeners"][0]["max_connections"]) == ("dome-a", 3, 256)
            assert [row["name"] for row in (await call("GET", "/api/v1/drivers"))[1]] == ["ccd", "mount"]
            assert (await call("GET", "/api/v1/drivers/ccd"))[1]["last_exit"] == -9
            assert (await call("GET", "/api/v1/remotes/dome-b"))[1]["state"] == "up"
            (client,) = (await call("GET", "/api/v1/clients"))[1]
            assert client["blobs"] == [{"device": "CCD", "property": None, "mode": "Also"}]
            devices = (await call("GET", "/api/v1/devices"))[1]
            assert devices[0] == {"name": "CCD", "owner": {"kind": "driver", "name": "ccd"}}

    asyncio.run(run())


def test_a_device_is_told_with_its_newest_values() -> None:
    async def run() -> None:
        async with served(FakeControl()) as (call, _):
            code, device, _headers = await call("GET", "/api/v1/devices/CCD")
            assert code == 200 and [row["name"] for row in device["properties"]] == [
                "CCD_TEMPERATURE",
                "CCD_COOLER",
                "CCD1",
            ]
            assert device["properties"][0] == {
                "name": "CCD_TEMPERATURE",
                "type": "Number",
                "label": "Temperature",
                "group": "Main",
                "state": "Busy",
                "perm": "rw",
                "timestamp": "2026-01-01T00:00:00",
                "message": None,
                "members": [{"name": "VALUE", "label": "C", "value": "-9.5"}],
            }
            assert device["properties"][2]["members"] == [{"name": "IMAGE", "label": "IMAGE", "value": None}]

    asyncio.run(run())


def test_names_are_quoted_in_paths() -> None:
    async def run() -> None:
        control = FakeControl()
        control.state = status(drivers=(driver("my ccd: größe?"),))
        async with served(control) as (call, _):
            code, row, _headers = await call("GET", "/api/v1/drivers/my%20ccd%3A%20gr%C3%B6%C3%9Fe%3F")
            assert (code, row["name"]) == (200, "my ccd: größe?")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "code", "drivers", "remotes"),
    [
        ({"ready": False, "draining": True}, 503, {}, {}),
        (
            {"drivers": (driver("a", state="backoff"), driver("b", ready=False))},
            200,
            {"a": "backoff", "b": "not ready"},
            {},
        ),
        ({"remotes": (remote("x", state="connecting"),), "ready": False}, 503, {}, {"x": "connecting"}),
    ],
)
def test_readiness(fields: dict[str, Any], code: int, drivers: dict[str, str], remotes: dict[str, str]) -> None:
    async def run() -> None:
        control = FakeControl()
        control.state = status(**fields)
        async with served(control) as (call, _):
            got, body, _headers = await call("GET", "/readyz")
            assert (got, body["drivers"], body["remotes"]) == (code, drivers, remotes)

    asyncio.run(run())


def test_control() -> None:
    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            entry = {"name": "focus/1", "exec": ["indi_simulator_focus"]}
            code, row, headers = await call("POST", "/api/v1/drivers", entry)
            assert (code, row["name"], row["state"]) == (201, "focus/1", "starting")
            assert headers["location"] == "/api/v1/drivers/focus%2F1"
            assert (await call("POST", "/api/v1/remotes", {"name": "c", "host": "c"}))[0] == 201
            assert (await call("POST", "/api/v1/remotes", {"name": "dome-b", "host": "c"}))[0] == 409
            for action in ("restart", "stop", "start"):
                code, row, _headers = await call("POST", f"/api/v1/drivers/ccd/{action}")
                assert (code, row["name"]) == (202, "ccd")
                assert (await call("POST", f"/api/v1/remotes/dome-b/{action}"))[0] == 202
            code, body, _headers = await call("DELETE", "/api/v1/drivers/ccd")
            assert (code, body) == (204, b"")
            assert (await call("DELETE", "/api/v1/remotes/dome-b"))[0] == 204
            assert (await call("GET", "/api/v1/clients/7"))[1]["address"] == "10.0.0.9:5555"
            assert (await call("DELETE", "/api/v1/clients/7"))[0] == 204
            assert (await call("DELETE", "/api/v1/clients/8"))[0] == 404
            code, row, _headers = await call("POST", "/api/v1/devices/CCD/refresh")
            assert (code, row["name"]) == (202, "CCD")
            assert (await call("POST", "/api/v1/devices/Nobody/refresh"))[0] == 404
        assert control.called[0] == ("add_driver", entry)
        assert control.called[3:] == [
            ("restart_driver", "ccd"),
            ("restart_remote", "dome-b"),
            ("stop_driver", "ccd"),
            ("stop_remote", "dome-b"),
            ("start_driver", "ccd"),
            ("start_remote", "dome-b"),
            ("remove_driver", "ccd"),
            ("remove_remote", "dome-b"),
            ("close_client", "7"),
            ("close_client", "8"),
            ("refresh_device", "CCD"),
            ("refresh_device", "Nobody"),
        ]

    asyncio.run(run())


DEEP = "maximum recursion depth exceeded while deserializing an object"


def test_errors_are_json() -> None:
    async def run() -> None:
        async with served(FakeControl(), by_socket=True) as (call, _):
            for method, path, body, code, text in (
                ("GET", "/nothing", None, 404, "there is nothing at /nothing"),
                ("GET", "/api/v1/drivers/x", None, 404, "there is no driver 'x'"),
                ("GET", "/api/v1/devices/x", None, 404, "there is no device 'x'"),
                ("POST", "/api/v1/drivers/x/stop", None, 404, "there is no such thing as 'x'"),
                ("DELETE", "/api/v1/remotes/x", None, 404, "there is no such thing as 'x'"),
                ("PUT", "/api/v1/status", None, 405, "PUT is not possible here"),
                ("POST", "/metrics", None, 405, "POST is not possible here"),
                ("POST", "/api/v1/drivers", b"{", 400, "the body is not a JSON object: Input data was truncated"),
                ("POST", "/api/v1/drivers", [1], 400, "the body is not a JSON object: Expected `object`, got `array`"),
                (
                    "POST",
                    "/api/v1/drivers",
                    b'{"name": ' + b"[" * 20_000,
                    400,
                    f"the body is not a JSON object: {DEEP}",
                ),
                ("POST", "/api/v1/drivers", b"x" * 70_000, 400, "the body is longer than 65536 bytes"),
            ):
                got, answer, headers = await call(method, path, body)
                assert (got, answer) == (code, {"error": text}), (method, path)
                assert (code == 405) == ("allow" in headers)

    asyncio.run(run())


def test_what_fails_inside_is_an_answer_and_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeControl):
        def clients(self, shown: Callable[[str], bool] = bool) -> Any:
            raise RuntimeError("broken inside")

    async def run() -> None:
        async with served(Broken()) as (call, _):
            code, body, _headers = await call("GET", "/api/v1/clients")
            assert (code, body) == (500, {"error": "internal error; the log says more"})
            assert (await call("GET", "/livez"))[0] == 200

    asyncio.run(run())
    assert "broken inside" in caplog.text


def test_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")

    async def run() -> None:
        control = FakeControl()
        async with served(control, token_file=str(file)) as (call, _):
            path = "/api/v1/drivers/ccd/restart"
            code, body, headers = await call("POST", path)
            assert (code, headers["www-authenticate"]) == (401, "Bearer") and "error" in body
            assert (await call("POST", path, authorization="Basic s3cret"))[0] == 401
            assert (await call("POST", path, authorization="Bearer wrong"))[0] == 403
            assert (await call("POST", path, authorization="Bearer gehe\xedm"))[0] == 403
            assert (await call("DELETE", "/api/v1/clients/7"))[0] == 401
            assert control.called == []
            assert (await call("POST", path, authorization="Bearer s3cret"))[0] == 202
            file.write_text("new")  # a mounted secret is exchanged while we run
            assert (await call("POST", path, authorization="Bearer s3cret"))[0] == 403
            assert (await call("POST", path, authorization="bearer new"))[0] == 202
            file.write_text("")
            assert (await call("POST", path, authorization="Bearer "))[0] == 401
            assert (await call("POST", path, authorization="Bearer new"))[0] == 403

    asyncio.run(run())


def test_a_token_file_must_hold_one(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ConfigError, match=r"^http\.token_file: .*missing: No such file or directory$"):
        HttpAccess(Http(token_file=str(missing)))
    with pytest.raises(ConfigError, match=r"^http\.token_file: .*empty is empty$"):
        HttpAccess(Http(token_file=str(empty)))


ODD_HOSTS = (
    *(f"localhost{sign}x" for sign in "#/?\\@ %:"),
    *(f"x{sign}localhost" for sign in "@#/"),
    *("localhost..", "localhost:65536", "localhost:123456", "localhost:-1", "localhost:\xb2", "localhost:80:80"),
    *("[localhost]", "[127.0.0.1]", "[::1]x", "[[::1]]", "[::1]]", "[::1]:x", "::1", "[::1].", "[v1.x]", "[]"),
    *("127.0.0.1#x", "u@127.0.0.1", "127.0.0.1/..", "127.1", "0x7f000001", "2130706433", "127.0.0.1.."),
)
"""What a URL's parser, or a system's look-up, takes for one of our names or an address."""


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "localhost:9724"}, True),
        ({"host": "127.0.0.1:9724"}, True),
        ({"host": "10.0.0.1"}, True),
        ({"host": "[::1]:9724"}, True),
        ({"host": "LOCALHOST"}, True),
        ({"host": "router.example"}, True),
        ({"host": "Router.Example.:80"}, True),
        ({"host": "dome-a:9724"}, True),
        ({"host": socket.gethostname()}, True),
        ({"host": f"{socket.gethostname().partition('.')[0]}.local:9724"}, True),
        ({"host": socket.getfqdn()}, True),
        ({"host": "evil.example"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "[::1"}, False),
        ({"host": ""}, False),
        ({"host": "."}, False),
        ({"host": "localhost."}, True),
        ({"host": "localhost:"}, True),
        *(({"host": host}, False) for host in ODD_HOSTS),
        ({}, False),
        ({"host": "localhost:9724", "origin": "http://localhost:9724"}, True),
        ({"host": "localhost:9724", "origin": "http://evil.example"}, False),
        ({"host": "localhost:9724", "origin": "null"}, False),
        ({"host": "localhost:9724", "origin": "http://["}, False),
        ({"host": "localhost:9724", "origin": ""}, False),
    ],
)
def test_names_and_origins_of_other_sites_read_nothing(headers: dict[str, str], allowed: bool) -> None:
    refusal = HttpAccess(Http(hosts=("router.example",)), "Dome-A").refuse(Headers(headers), changes=False)
    assert (refusal is None) == allowed
    assert refusal is None or refusal.status == 403


def test_a_strange_name_reads_no_api_but_health_and_metrics(caplog: pytest.LogCaptureFixture) -> None:
    """A page of another site whose name leads here (DNS rebinding) reads nothing; Prometheus scrapes by any name."""

    async def run() -> None:
        async with served(FakeControl()) as (call, server):
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await call("GET", path, host="router.svc.cluster.local"))[0] == 200
            for path in ("/api/v1/status", "/api/v1/openapi.json", "/nothing"):
                code, body, _headers = await call("GET", path, host="router.svc")
                assert code == 403 and "http.hosts" in body["error"]
            code, _body, _headers = await call("GET", "/api/v1/status", origin="http://[")
            assert code == 403
            server.apply(Http(hosts=("router.svc",)))
            assert (await call("GET", "/api/v1/status", host="router.svc"))[0] == 200

    asyncio.run(run())
    assert "internal" not in caplog.text


@pytest.mark.parametrize("host", ["[", "[::1", "a]b[", "//[", "localhost:x", "#", ""])
def test_a_host_that_no_url_can_have_is_an_answer_like_any_other(host: str, caplog: pytest.LogCaptureFixture) -> None:
    """Refused at the port, no matter at the control socket, and nowhere a mistake of ours."""

    async def run() -> None:
        for by_socket, code in ((False, 403), (True, 404)):
            async with served(FakeControl(), by_socket=by_socket) as (call, _):
                for method in ("GET", "POST"):
                    assert (await call(method, "/api/v1/nothing/here", host=host))[0] == code
        async with served(FakeControl(), by_socket=True) as (call, _):
            assert (await call("POST", "/api/v1/drivers/ccd/stop", host=host))[0] == 202
            assert (await call("POST", "/api/v1/drivers/a%3Fb/stop", host=host))[0] in (202, 404)

    asyncio.run(run())
    assert "Traceback" not in caplog.text and "internal" not in caplog.text


def test_without_a_token_http_only_reads(caplog: pytest.LogCaptureFixture) -> None:
    """From loopback too: any user of this machine, and everybody behind a proxy, comes from there."""

    async def run() -> None:
        control = FakeControl()
        async with served(control) as (call, _):
            for method, path in (
                ("POST", "/api/v1/drivers"),
                ("POST", "/api/v1/drivers/ccd/stop"),
                ("DELETE", "/api/v1/drivers/ccd"),
                ("POST", "/api/v1/remotes"),
                ("DELETE", "/api/v1/clients/7"),
                ("PUT", "/api/v1/anything"),
            ):
                code, body, _headers = await call(method, path, {"name": "new", "exec": ["x"]})
                assert (code, body) == (
                    403,
                    {"error": "changes need a token (http.token_file) or the control socket"},
                )
            assert (await call("GET", "/api/v1/status"))[0] == 200
        assert control.called == []

    asyncio.run(run())
    assert "POST '/api/v1/drivers/ccd/stop' refused" in caplog.text


def test_with_a_token_all_of_the_api_needs_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")

    async def run() -> None:
        async with served(FakeControl(), token_file=str(file)) as (call, _):
            for path in ("/api/v1/status", "/api/v1/clients", "/api/v1/devices/CCD", "/api/v1/openapi.json", "/api"):
                code, _body, headers = await call("GET", path)
                assert (code, headers["www-authenticate"]) == (401, "Bearer")
            assert (await call("GET", "/api/v1/status", authorization="Bearer s3cret"))[0] == 200
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await call("GET", path))[0] == 200
        async with served(FakeControl(), by_socket=True, token_file=str(file)) as (call, _):
            assert (await call("POST", "/api/v1/drivers/ccd/stop", host="evil.example"))[0] == 202

    asyncio.run(run())


def test_devices_that_are_not_shown_are_not_there() -> None:
    async def run() -> None:
        control = FakeControl()
        conflicts = (ConflictRow(device="CCD", owner="driver ccd", refused="x"),)
        control.state = status(conflicts=conflicts, remotes=(remote("far", devices=("CCD", "Mount 2")),))
        async with served(control, devices=("Mount*",)) as (call, server):
            for path in ("status", "clients", "drivers", "remotes", "devices", "drivers/ccd", "clients/7"):
                code, body, _headers = await call("GET", f"/api/v1/{path}")
                assert code == 200 and '"CCD"' not in json.dumps(body), path
            code, body, _headers = await call("GET", "/api/v1/devices/CCD")
            assert (code, body) == (404, {"error": "there is no device 'CCD'"})
            assert (await call("GET", "/api/v1/devices/Mount"))[0] == 200
            assert (await call("GET", "/api/v1/remotes/far"))[1]["devices"] == ["Mount 2"]
            text = (await call("GET", "/metrics"))[1]
            assert b"CCD" not in text and b'indi_blobs_received_total{device="_other"} 3.0' in text
            assert b'indi_property_value{device="Mount"' in text
            server.apply(Http(devices=("*",)))
            assert b'indi_blobs_received_total{device="CCD"} 3.0' in (await call("GET", "/metrics"))[1]
        async with served(control, by_socket=True, devices=("Mount*",)) as (call, _):
            assert (await call("GET", "/api/v1/devices/CCD"))[0] == 200
            assert len((await call("GET", "/api/v1/devices"))[1]) == 2
            assert b'indi_blobs_received_total{device="CCD"} 3.0' in (await call("GET", "/metrics"))[1]

    asyncio.run(run())


def test_a_device_that_is_not_shown_is_not_asked_for_its_definitions(tmp_path: Path) -> None:
    """It was: the device was looked for afterwards."""
    file = tmp_path / "token"
    file.write_text("secret")

    async def run() -> None:
        control = FakeControl()
        async with served(control, token_file=str(file), devices=("Mount",)) as (call, _):
            status, body, _ = await call("POST", "/api/v1/devices/CCD/refresh", Authorization="Bearer secret")
            assert (status, body) == (404, {"error": "there is no device 'CCD'"})
            assert control.called == []
            status, row, _ = await call("POST", "/api/v1/devices/Mount/refresh", Authorization="Bearer secret")
            assert (status, row["name"]) == (202, "Mount")

    asyncio.run(run())


def test_changes_are_audited(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    audit = Audit(str(file))

    async def run() -> None:
        async with served(FakeControl(), audit, by_socket=True) as (call, _):
            await call("POST", "/api/v1/drivers", {"name": "new", "exec": ["x"]})
            await call("DELETE", "/api/v1/remotes/nobody")

    asyncio.run(run())
    audit.close()
    first, second = [json.loads(line) for line in file.read_text().splitlines()]
    assert first["client"] == user_name(os.geteuid())
    shown = {key: value for key, value in first.items() if key not in ("time", "client")}
    assert shown == {
        "listener": "http",
        "element": "driver.add",
        "device": "",
        "property": "new",
        "members": {},
        "result": "done",
    }
    assert (second["element"], second["result"]) == ("remote.remove", "refused: there is no such thing as 'nobody'")


def test_a_taken_port_is_named() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            server = HttpServer(Http(listen=address), FakeControl(), Tasks(), Metrics())
            expected = f"^http: cannot listen on {address}: Address already in use .another router"
            with pytest.raises(StartError, match=expected):
                server.bind()
            await server.stop()

    asyncio.run(run())


def test_off_is_off() -> None:
    async def run() -> None:
        server = HttpServer(Http(listen=None), FakeControl(), Tasks(), Metrics())
        server.bind()
        await server.start()
        assert server.addresses == ()
        await server.stop()

    asyncio.run(run())


def test_stopping_closes_the_port_within_a_second_though_somebody_hangs_on() -> None:
    async def run() -> None:
        async with served(FakeControl()) as (_, server):
            host, _, port = server.addresses[0].rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")  # and no more
            async with asyncio.timeout(1.0):
                await server.stop()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(host, int(port))

    asyncio.run(run())


def test_a_request_that_does_not_come_to_its_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "REQUEST_TIMEOUT", 0.1)

    async def run() -> None:
        async with served(FakeControl()) as (_, server):
            host, _, port = server.addresses[0].rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /livez HTTP/1.1\r\nX-Slow: ")
            async with asyncio.timeout(5.0):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()

    asyncio.run(run())


def test_it_runs_in_the_loop_of_the_router_and_leaves_signals_and_threads_alone() -> None:
    import signal

    async def run() -> None:
        before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
        async with served(FakeControl()) as (call, _):
            await call("GET", "/api/v1/status")
            assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before
            assert [t.name for t in threading.enumerate() if "inditree" in t.name] == [
                "inditree-http_0",
                "inditree-metrics_0",
            ]

    asyncio.run(run())
    assert not logging.getLogger("uvicorn.access").isEnabledFor(logging.INFO)


def test_interlocks_are_told_but_those_of_devices_that_are_not_shown() -> None:
    async def run() -> None:
        async with served(FakeControl()) as (call, _):
            (row,) = (await call("GET", "/api/v1/interlocks"))[1]
            status = (await call("GET", "/api/v1/status"))[1]
            assert (status["interlocks"], [each["name"] for each in status["reactions"]]) == ([row], ["cold"])
        assert (row["name"], row["holds"], row["enforced"], row["refusals"]) == ("cooling", None, "partial", 4)
        assert row["unknown"] == ["Mount.EQUATORIAL_EOD_COORD._STATE"]
        async with served(FakeControl(), devices=("CCD",)) as (call, _):
            assert (await call("GET", "/api/v1/interlocks"))[1] == []
            assert (await call("GET", "/api/v1/status"))[1]["interlocks"] == []

    asyncio.run(run())


def test_reactions_are_told_run_and_reset() -> None:
    async def run() -> None:
        control = FakeControl()
        async with served(control, by_socket=True) as (call, _):
            (row,) = (await call("GET", "/api/v1/reactions"))[1]
            assert (row["name"], row["state"], row["step"], row["runs"]["failed"]) == ("cold", "running", 0, 1)
            assert (await call("GET", "/api/v1/reactions/cold"))[1] == row
            assert (await call("GET", "/api/v1/reactions/warm"))[0] == 404
            assert (await call("POST", "/api/v1/reactions/cold/run"))[:2] == (202, row)
            assert (await call("POST", "/api/v1/reactions/cold/reset"))[0] == 202
            assert (await call("POST", "/api/v1/reactions/warm/reset"))[0] == 404
            assert (await call("GET", "/api/v1/reactions/cold/run"))[0] == 405
        assert [each for each, _ in control.called] == ["run reaction", "reset reaction", "reset reaction"]
        async with served(control, devices=("Mount",)) as (call, _):
            assert (await call("GET", "/api/v1/reactions"))[1] == []
            assert (await call("POST", "/api/v1/reactions/cold/run"))[0] == 403  # who has no token only reads

    asyncio.run(run())


def test_the_openapi_document_names_every_path_and_its_references_lead_somewhere() -> None:
    async def run() -> dict[str, Any]:
        async with served(FakeControl()) as (call, _):
            return dict((await call("GET", "/api/v1/openapi.json"))[1])

    document = asyncio.run(run())
    assert document["openapi"] == "3.1.0" and document["info"]["version"] == "1.2.3"
    assert set(document["paths"]) == {
        *("/livez", "/readyz", "/metrics", "/api/v1/record", "/api/v1/history"),
        *(f"/api/v1/devices/{{name}}/{each}" for each in ("refresh", "properties/{property}")),
        *(f"/api/v1/{name}" for name in ("openapi.json", "status", "clients", "drivers", "remotes", "devices")),
        *("/api/v1/interlocks", "/api/v1/reactions", "/api/v1/reactions/{name}"),
        *(f"/api/v1/reactions/{{name}}/{action}" for action in ("run", "reset")),
        *(f"/api/v1/{name}/{{name}}" for name in ("clients", "drivers", "remotes", "devices")),
        *(f"/api/v1/{kind}/{{name}}/{a}" for kind in ("drivers", "remotes") for a in ("restart", "stop", "start")),
    }
    schemas = document["components"]["schemas"]
    references = set(_references(document))
    assert references and all(each.removeprefix("#/components/schemas/") in schemas for each in references)
    assert schemas["Driver"]["properties"]["stop_grace"]["type"] == "string"
    assert schemas["Restart"]["properties"]["backoff"]["type"] == "string"


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [each for value in node.values() for each in _references(value)]
    return [each for value in node for each in _references(value)] if isinstance(node, list) else []


def test_a_server_that_fails_as_it_starts_is_no_endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def startup(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("uvicorn.Server.on_tick", startup)

    async def run() -> None:
        server = HttpServer(Http(listen="127.0.0.1:0"), FakeControl(), Tasks(), Metrics())
        server.bind()
        with pytest.raises(StartError, match=r"^http: no$"):
            await asyncio.wait_for(server.start(), DEADLINE)
        await server.stop()

    asyncio.run(run())


def test_on_all_addresses_the_port_is_one() -> None:
    async def run() -> None:
        async with served(FakeControl(), listen="*:0") as (call, server):
            hosts = {each.rpartition(":")[0] for each in server.addresses}
            assert "0.0.0.0" in hosts and hosts <= {"0.0.0.0", "[::]"}
            assert len({each.rpartition(":")[2] for each in server.addresses}) == 1
            assert (await call("GET", "/livez"))[0] == 200

    asyncio.run(run())


@pytest.mark.parametrize("begun", [True, False], ids=["after the start", "before it"])
def test_without_threads_to_be_had_everything_is_answered(
    begun: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`pids.max` is reached, by drivers: then of all times somebody has to stop one."""
    start = threading.Thread.start

    def failing(self: threading.Thread) -> None:
        if self.name.startswith("inditree-"):
            raise RuntimeError("can't start new thread")
        start(self)

    async def run() -> None:
        if not begun:
            monkeypatch.setattr(threading.Thread, "start", failing)
        async with served(FakeControl(), by_socket=True) as (call, _):
            monkeypatch.setattr(threading.Thread, "start", failing)
            for path in ("/livez", "/readyz", "/metrics", "/api/v1/status", "/api/v1/devices/CCD", "/api/v1/drivers"):
                assert (await call("GET", path))[0] == 200
            assert (await call("POST", "/api/v1/drivers/ccd/stop"))[0] == 202

    asyncio.run(run())
    assert ("HTTP goes on without" in caplog.text) == (not begun)
