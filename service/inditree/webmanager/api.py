"""The paths of the Web Manager as KStars and indiweb's scripts call them. Calls and shapes: docs/ekos.md."""

from __future__ import annotations

import ipaddress
import logging
import platform
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from inditree.config import Webmanager
from inditree.ops.api import read_body
from inditree.ops.control import ControlError
from inditree.web.origins import own_names, refuses_host, refuses_origin
from inditree.webmanager.manager import Manager

VERSION = "1.2.0"
"""The indiweb whose calls these are: who asks for the version wants to know what may be called."""

PRIVATE = (
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
"""Who may come where `allow` is not given: this machine and private networks (RFC 1918, 3927, 4193, 4291)."""

ARCHITECTURES = {"aarch64": "arm64", "armv7l": "armhf"}

_logger = logging.getLogger("inditree.control")

Audited = Callable[[str, str, str, str], None]
"""Called with client, action, name and result of each change."""


class AccessRules:
    """The rules for who may ask the Web Manager. `name` is the router's."""

    def __init__(self, config: Webmanager, name: str) -> None:
        self._networks = [ipaddress.ip_network(each) for each in (PRIVATE if config.allow is None else config.allow)]
        self._names = own_names(name, socket.gethostname())
        self._origins = config.origins

    def refuses(self, request: Request) -> str:
        """Says why a request is not answered, "" where it is."""
        host = request.client.host if request.client else ""
        if not self._is_near(host):
            return f"{host} is not in webmanager.allow"
        named, origin = request.headers.get("host"), request.headers.get("origin")
        return refuses_host(named, self._names, self._origins, "webmanager.origins") or refuses_origin(
            origin, named or "", request.scope["scheme"] == "https", self._origins, "webmanager.origins"
        )

    def _is_near(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


class Api:
    """The application. `access` may be exchanged while it runs.

    `devices` gives each device that can be connected, and whether it is.
    """

    def __init__(
        self,
        manager: Manager,
        access: AccessRules,
        devices: Callable[[], Awaitable[list[tuple[str, bool]]]],
        audited: Audited,
    ) -> None:
        self.access = access
        self._manager = manager
        self._devices = devices
        self._audited = audited
        self._app = Starlette(
            routes=[*self._told(), *self._changing()],
            exception_handlers={HTTPException: _http_error, ControlError: _control_error, Exception: _internal_error},
        )
        self._app.router.redirect_slashes = False  # a path that is not there is 404, and nobody is sent elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        request = Request(scope)
        answer: Any = self._app
        if refusal := self.access.refuses(request):
            level = logging.DEBUG if request.method in ("GET", "HEAD") else logging.WARNING
            fields = {"event": "control_refused", "client": _caller(request), "status": 403}
            _logger.log(level, "%s %r refused: %s", request.method, request.scope["path"], refusal, extra=fields)
            answer = _json({"detail": refusal}, 403)
        await answer(scope, receive, send)

    def _told(self) -> list[Route]:
        manager = self._manager

        async def status(request: Request) -> Response:
            return _json([{"status": str(manager.running), "active_profile": manager.active}])

        async def drivers(request: Request) -> Response:
            return _json(await manager.drivers())

        async def groups(request: Request) -> Response:
            return _json(await manager.groups())

        async def running(request: Request) -> Response:
            return _json(manager.running_drivers())

        async def devices(request: Request) -> Response:
            return _json([{"device": name, "connected": is_on} for name, is_on in await self._devices()])

        async def profiles(request: Request) -> Response:
            return _json(manager.profiles())

        return [
            Route("/api/server/status", status),
            Route("/api/server/drivers", running),
            Route("/api/drivers", drivers),
            Route("/api/drivers/groups", groups),
            Route("/api/devices", devices),
            Route("/api/profiles", profiles),
            Route("/api/info/version", _fixed({"version": VERSION})),
            Route("/api/info/arch", _fixed(ARCHITECTURES.get(platform.machine(), platform.machine()))),
            Route("/api/info/hostname", _fixed({"hostname": socket.gethostname()})),
            Route("/api/profiles/{name:path}/labels", self._get(manager.labels)),
            Route("/api/profiles/{name:path}/remote", self._get(manager.remotes)),
        ]

    def _changing(self) -> list[Route]:
        manager = self._manager
        return [
            Route("/api/server/stop", self._post("stop", lambda _: manager.stop()), methods=["POST"]),
            Route("/api/server/start/{name:path}", self._post("start", manager.start), methods=["POST"]),
            *(
                Route(f"/api/drivers/{word}/{{name:path}}", self._post(f"driver.{word}", call), methods=["POST"])
                for word, call in (
                    ("start", manager.start_driver),
                    ("stop", manager.stop_driver),
                    ("restart", manager.restart_driver),
                    ("start_remote", manager.start_remote),
                    ("stop_remote", manager.stop_remote),
                )
            ),
            Route("/api/system/{word}", _power, methods=["POST"]),
            Route("/api/profiles/custom/add", self._custom, methods=["POST"]),
            Route("/api/profiles/{name:path}/drivers", self._drivers, methods=["POST"]),
            Route("/api/profiles/{name:path}", self._profile, methods=["GET", "POST", "PUT", "DELETE"]),
        ]

    def _get(self, call: Callable[[str], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return _json(call(request.path_params["name"]))

        return answer

    def _post(self, action: str, call: Callable[[str], Awaitable[str]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            name = request.path_params.get("name", "")
            return await self._change(request, action, name, call(name))

        return answer

    async def _custom(self, request: Request) -> Response:
        data = await _body(request, dict[str, Any])
        name = str(data.get("Label", ""))
        return await self._change(request, "driver.add", name, self._manager.add_custom(data))

    async def _drivers(self, request: Request) -> Response:
        name, data = request.path_params["name"], await _body(request, list[Any])
        return await self._change(request, "profile.drivers", name, self._manager.save_drivers(name, data))

    async def _profile(self, request: Request) -> Response:
        name, manager = request.path_params["name"], self._manager
        match request.method:
            case "POST":
                return await self._change(request, "profile.add", name, manager.add_profile(name))
            case "PUT":
                data = await _body(request, dict[str, Any])
                return await self._change(request, "profile.update", name, manager.update_profile(name, data))
            case "DELETE":
                return await self._change(request, "profile.delete", name, manager.delete_profile(name))
        return _json(manager.profile(name))

    async def _change(self, request: Request, action: str, name: str, call: Awaitable[str]) -> Response:
        client, result = _caller(request), "failed"
        try:
            text = await call
            result = "done"
        except ControlError as error:
            result = f"refused: {error.text}"
            raise
        finally:
            fields = {"event": "control", "client": client, "action": f"webmanager.{action}", "target": name}
            _logger.info("webmanager.%s %s: %s", action, name, result, extra={**fields, "result": result})
            self._audited(client, f"webmanager.{action}", name, result)
        return _json({"message": text})


def _fixed(value: object) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return _json(value)

    return answer


async def _power(request: Request) -> Response:
    """The machine belongs to its owner: nobody who comes without a token turns it off."""
    if request.path_params["word"] not in ("reboot", "poweroff"):
        raise HTTPException(404)
    raise HTTPException(403, f"{request.path_params['word']} is not done here: log in to the machine")


async def _body(request: Request, kind: Any) -> Any:
    data = await read_body(request)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(400, f"the body is not the JSON that is expected: {error}") from None


def _caller(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else ""


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _json({"detail": error.detail}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _control_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ControlError)
    response = _json({"detail": error.text}, error.status)
    if error.status == 400:
        response.headers["connection"] = "close"  # what is left of a body that was not read belongs to no request
    return response


async def _internal_error(request: Request, error: Exception) -> Response:
    return _json({"detail": "internal error; the log says more"}, 500)
