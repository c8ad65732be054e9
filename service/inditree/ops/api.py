"""Health, metrics and control: what each path answers. Rules and shapes: docs/http.md.

What is asked of the server is asked on the loop and is cheap; text is made of it in one thread of our own, so that
neither images nor a name lookup that hangs in the loop's default threads are in each other's way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from inditree.ops import detail, history
from inditree.ops.access import HttpAccess
from inditree.ops.audit import Audit
from inditree.ops.commanding import Commanding, read
from inditree.ops.connection import HEALTH
from inditree.ops.control import Control, ControlError, nobody
from inditree.ops.metrics import CONTENT_TYPE, Metrics
from inditree.ops.model import DriverRow, Error, RemoteRow, Status
from inditree.ops.openapi import document
from inditree.ops.places import user_name
from inditree.ops.shown import Shown

MAX_BODY = 64 * 1024
"""Bytes of a request: an entry of the configuration has some hundred."""

BODY_TIMEOUT = 10.0
"""Seconds in which it must have come."""

ACTIONS = ("restart", "stop", "start")

NO_RECORD = "nothing is recorded here: record.dir is not set"

_T = TypeVar("_T")
_logger = logging.getLogger("inditree.http")


_EVERYTHING = Shown()


class Api:
    """The application. `access` and `shown` may be exchanged while it runs; `audit` gets a line for each change.

    Neither holds for what came by the control socket. Scrapes have a thread of their own, in `scrapes`.
    """

    def __init__(
        self,
        control: Control,
        access: HttpAccess,
        metrics: Metrics,
        threads: Executor,
        scrapes: Executor,
        audit: Audit | None = None,
    ) -> None:
        self.access = access
        self.shown = _EVERYTHING
        self._control = control
        self._metrics = metrics
        self._threads = threads
        self._scrapes = scrapes
        self._scraping: dict[bool, asyncio.Future[bytes]] = {}
        self._audit = audit
        self._commanding = Commanding(control, self._in_thread)
        self._app = Starlette(
            routes=[*self._plain_routes(), *self._routes_of("driver"), *self._routes_of("remote")],
            exception_handlers={HTTPException: _http_error, ControlError: _control_error, Exception: _internal_error},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        request = Request(scope)
        refused = None
        if scope["path"] not in HEALTH and _user(request) is None:
            refused = await self._refuse(request)
        await (refused or self._app)(scope, receive, send)

    async def _refuse(self, request: Request) -> Response | None:
        changes = request.method not in ("GET", "HEAD")
        refusal = await self._in_thread(lambda: self.access.refuse(request.headers, changes=changes))
        if refusal is None:
            return None
        fields = {"event": "control_refused", "client": _caller(request), "status": refusal.status}
        level = logging.WARNING if changes else logging.DEBUG  # who only reads may fill no log
        _logger.log(level, "%s %r refused: %s", request.method, request.scope["path"], refusal.text, extra=fields)
        response = _small(Error(refusal.text), refusal.status)
        if refusal.status == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response

    def _shown(self, request: Request) -> Shown:
        return self.shown if _user(request) is None else _EVERYTHING

    def _plain_routes(self) -> list[Route]:
        return [
            Route("/livez", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._scrape),
            Route("/api/v1/openapi.json", self._openapi),
            Route("/api/v1/status", self._status),
            Route("/api/v1/interlocks", self._interlocks),
            Route("/api/v1/reactions", self._reactions),
            Route("/api/v1/reactions/{name}", self._reaction),
            Route("/api/v1/reactions/{name}/run", self._run_reaction, methods=["POST"]),
            Route("/api/v1/reactions/{name}/reset", self._reset_reaction, methods=["POST"]),
            Route("/api/v1/clients", self._clients),
            Route("/api/v1/clients/{name}", self._client, methods=["GET", "DELETE"]),
            Route("/api/v1/record", self._record),
            Route("/api/v1/history", self._history),
            Route("/api/v1/devices", self._devices),
            Route("/api/v1/devices/{name:path}/properties/{property}", self._put, methods=["PUT"]),
            Route("/api/v1/devices/{name:path}/refresh", self._refresh, methods=["POST"]),
            Route("/api/v1/devices/{name:path}", self._device),
        ]

    def _routes_of(self, kind: str) -> list[Route]:
        base = f"/api/v1/{kind}s"

        async def one(request: Request) -> Response:
            return await (self._remove(kind, request) if request.method == "DELETE" else self._row(kind, request))

        async def every(request: Request) -> Response:
            return await (self._add if request.method == "POST" else self._rows)(kind, request)

        async def act(request: Request) -> Response:
            return await self._act(kind, request)

        return [
            Route(base, every, methods=["GET", "POST"]),
            Route(base + "/{name}", one, methods=["GET", "DELETE"]),
            *(Route(f"{base}/{{name}}/{action}", act, methods=["POST"], name=action) for action in ACTIONS),
        ]

    async def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _json(self, value: object, status: int = 200) -> Response:
        return Response(await self._in_thread(msgspec.json.encode, value), status, media_type="application/json")

    # What is told.

    async def _live(self, request: Request) -> Response:
        return _small({"live": True})

    async def _ready(self, request: Request) -> Response:
        state = self._control.readiness()
        return _small(state, 200 if state.ready else 503)

    async def _scrape(self, request: Request) -> Response:
        whole = _user(request) is not None
        if (scraping := self._scraping.get(whole)) is None:  # who asks meanwhile is told the same
            loop = asyncio.get_running_loop()
            scraping = loop.run_in_executor(self._scrapes, self._metrics.render, self._control.sample(), whole)
            self._scraping[whole] = scraping
            scraping.add_done_callback(lambda _: self._scraping.pop(whole))
        return Response(await asyncio.shield(scraping), headers={"content-type": CONTENT_TYPE})

    async def _openapi(self, request: Request) -> Response:
        return await self._json(await self._in_thread(document, self._control.snapshot(nobody).version))

    async def _with_usage(self, request: Request, devices: Callable[[str], bool]) -> Status:
        status = await self._in_thread(self._metrics.with_usage, self._control.snapshot(devices))
        return self._shown(request).status(status)

    async def _status(self, request: Request) -> Response:
        return await self._json(await self._with_usage(request, self._shown(request)))

    async def _clients(self, request: Request) -> Response:
        return await self._json(self._control.clients(self._shown(request)))

    async def _client(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            await self._audited(request, "client.close", name, self._control.close_client(name))
            return Response(status_code=204)
        for row in self._control.clients(self._shown(request)):
            if str(row.id) == name:
                return await self._json(row)
        raise ControlError(404, f"there is no client {name!r}")

    async def _record(self, request: Request) -> Response:
        record = self._control.record()
        if record is None:
            return _small(Error(NO_RECORD), 404)
        return await self._json(record)

    async def _history(self, request: Request) -> Response:
        record = self._control.record()
        if record is None:
            return _small(Error(NO_RECORD), 404)
        folder = Path(record.dir)
        try:
            asked = history.asked(request.query_params)
        except ValueError as error:
            return _small(Error(str(error)), 400)
        shown = self._shown(request)
        try:
            body = await self._in_thread(history.body, folder, asked, shown)
        except (OSError, ValueError) as error:  # ValueError: a file that is no record, or of another version
            return _small(Error(f"record.dir {folder}: {getattr(error, 'strerror', None) or error}"), 503)
        return Response(body, media_type="application/x-ndjson")

    async def _interlocks(self, request: Request) -> Response:
        return await self._json(self._shown(request).interlocks(self._control.interlocks()))

    async def _reactions(self, request: Request) -> Response:
        return await self._json(self._shown(request).reactions(self._control.reactions()))

    async def _reaction(self, request: Request, status: int = 200) -> Response:
        name = request.path_params["name"]
        for row in self._shown(request).reactions(self._control.reactions()):
            if row.name == name:
                return await self._json(row, status)
        raise ControlError(404, f"there is no reaction {name!r}")

    async def _run_reaction(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self._audited(request, "reaction.run", name, self._control.run_reaction(name))
        return await self._reaction(request, 202)

    async def _reset_reaction(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self._audited(request, "reaction.reset", name, self._control.reset_reaction(name))
        return await self._reaction(request, 202)

    async def _devices(self, request: Request) -> Response:
        return await self._json(self._control.snapshot(self._shown(request)).devices)

    async def _device(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            if not self._shown(request)(name):
                raise KeyError(name)
            source = self._control.device(name)
        except KeyError:
            raise ControlError(404, f"there is no device {name!r}") from None
        return await self._json(await self._in_thread(detail.render, source))

    async def _refresh(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._shown(request)(name):
            raise ControlError(404, f"there is no device {name!r}")
        await self._audited(request, "device.refresh", name, self._control.refresh_device(name))
        rows = self._control.snapshot(lambda device: device == name).devices
        return await self._json(next(row for row in rows if row.name == name), 202)

    async def _rows(self, kind: str, request: Request) -> Response:
        status = await self._with_usage(request, nobody)
        return await self._json(status.drivers if kind == "driver" else status.remotes)

    async def _row(self, kind: str, request: Request) -> Response:
        return await self._json(await self._find(kind, request.path_params["name"], request))

    async def _find(self, kind: str, name: str, request: Request) -> DriverRow | RemoteRow:
        status = await self._with_usage(request, nobody)
        rows: tuple[DriverRow | RemoteRow, ...] = status.drivers if kind == "driver" else status.remotes
        for row in rows:
            if row.name == name:
                return row
        raise ControlError(404, f"there is no {kind} {name!r}")

    # What is changed.

    async def _add(self, kind: str, request: Request) -> Response:
        entry = await _body(request)
        add = self._control.add_driver if kind == "driver" else self._control.add_remote
        name = await self._audited(request, f"{kind}.add", str(entry.get("name", "")), add(entry))
        response = await self._json(await self._find(kind, name, request), 201)
        response.headers["location"] = f"/api/v1/{kind}s/{quote(name, safe='')}"
        return response

    async def _put(self, request: Request) -> Response:
        device, name = request.path_params["name"], request.path_params["property"]
        if not self._shown(request)(device):
            raise ControlError(404, f"there is no property {device}.{name}")
        wait, key = request.query_params.get("wait"), request.headers.get("idempotency-key")
        asked = read(device, name, await _body(request), wait, key)
        result = "failed"
        try:
            status, body = await self._commanding.put(asked, _caller(request))
            result = str(status)
        except ControlError as error:
            result = f"refused: {error.text}"
            raise
        finally:
            fields = {"event": "control", "client": _caller(request), "action": "device.set", "target": device}
            _logger.info("device.set %s.%s: %s", device, name, result, extra={**fields, "result": result})
        return Response(body, status, media_type="application/json")

    async def _remove(self, kind: str, request: Request) -> Response:
        name = request.path_params["name"]
        remove = self._control.remove_driver if kind == "driver" else self._control.remove_remote
        await self._audited(request, f"{kind}.remove", name, remove(name))
        return Response(status_code=204)

    async def _act(self, kind: str, request: Request) -> Response:
        name, action = request.path_params["name"], request.scope["path"].rpartition("/")[2]
        call: Callable[[str], Awaitable[None]] = getattr(self._control, f"{action}_{kind}")
        await self._audited(request, f"{kind}.{action}", name, call(name))
        return await self._json(await self._find(kind, name, request), 202)

    async def _audited(self, request: Request, action: str, name: str, call: Awaitable[_T]) -> _T:
        client = _caller(request)
        result = "failed"
        try:
            answer = await call
            result = "done"
            name = answer if isinstance(answer, str) else name
            return answer
        except ControlError as error:
            result = f"refused: {error.text}"
            raise
        finally:
            fields = {"event": "control", "client": client, "action": action, "target": name, "result": result}
            _logger.info("%s %s: %s", action, name, result, extra=fields)
            if self._audit is not None:
                self._audit.control(client=client, action=action, name=name, result=result)


def _user(request: Request) -> int | None:
    """Names the user who asks by the control socket; None at the port."""
    user: int | None = request.scope["state"].get("user")
    return user


def _caller(request: Request) -> str:
    """Name who asks, for the audit and the log."""
    if (user := _user(request)) is not None:
        return user_name(user)
    return f"{request.client.host}:{request.client.port}" if request.client else ""


async def read_body(request: Request) -> bytes:
    """The body of a request, MAX_BODY bytes at most. Raises ControlError (400)."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                data += chunk
                if len(data) > MAX_BODY:
                    raise ControlError(400, f"the body is longer than {MAX_BODY} bytes")
    except TimeoutError:
        raise ControlError(400, f"the body did not come within {BODY_TIMEOUT:g} s") from None
    except ClientDisconnect:
        raise ControlError(400, "the body ended early") from None
    return bytes(data)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that the request carries. Raises ControlError (400)."""
    data = await read_body(request)
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(400, f"the body is not a JSON object: {error}") from None


def _small(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    texts = {404: f"there is nothing at {request.scope['path']}", 405: f"{request.method} is not possible here"}
    plain = error.detail in ("Not Found", "Method Not Allowed")
    response = _small(Error(texts[error.status_code] if plain else error.detail), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _control_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ControlError)
    response = _small(Error(error.text), error.status)
    if error.status == 400:
        response.headers["connection"] = "close"  # what is left of a body that was not read belongs to no request
    return response


async def _internal_error(request: Request, error: Exception) -> Response:
    return _small(Error("internal error; the log says more"), 500)
