"""The HTTP API, as the commands see it: by the control socket, else at the HTTP port."""

from __future__ import annotations

import http.client
import json
import os
import socket
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inditree.cli import local
from inditree.cli.local import RouterError as RouterError
from inditree.cli.local import Socket
from inditree.config import Overlay, units, variables
from inditree.config.structs import DEFAULT_SOCKET, HTTP_ADDRESS, INDI_PORT
from inditree.errors import ConfigError

#: Seconds. The router answers within milliseconds; a machine that is swapping takes longer.
_TIMEOUT = 5.0
#: Seconds to find out whether what answers is INDI.
_PROBE_TIMEOUT = 2.0
_AT_THE_ROUTER = (
    "--token-file, or --socket as the router's user or root; in a container: docker compose exec router inditree ..."
)
#: The longest answer that is read: a large tree's status has some hundred KiB.
_ANSWER_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body's JSON. Raises RouterError where it is none: something else listens there."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise RouterError("what answers there is not inditree") from None


class _Local(http.client.HTTPConnection):
    """Reach a router by its control socket. Who is at its other end was looked at, and is looked at each time."""

    def __init__(self, place: Socket) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._place = place

    def connect(self) -> None:
        self.sock = self._place.connect(_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Router:
    """A running router: by its control socket, else by its HTTP address."""

    host: str
    port: int
    token: str | None = None
    socket: Socket | None = None

    @classmethod
    def find(cls, chosen: Namespace) -> Router:
        """The one that flags and variables name. Raises ConfigError, RouterError. docs/http.md has the order."""
        said = variables(os.environ)
        if (place := _socket(chosen, said)) is not None:
            return cls("", 0, socket=place)
        source = "--http" if chosen.http else "INDITREE_HTTP"
        text = chosen.http or ("off" if said.http_off else said.http) or HTTP_ADDRESS
        if text == "off":
            raise RouterError(f"no control socket answers, and HTTP is off ({source}): there is no router to ask")
        try:
            host, port = units.address(text)
        except ValueError as error:
            raise ConfigError(source, str(error)) from None
        return cls(units.reachable(host), port, _token(chosen.token_file, said.token_file))

    def request(self, method: str, path: str, body: object = None) -> Answer:
        """One call. Raises RouterError where nobody answers."""
        if self.socket is not None:
            connection: http.client.HTTPConnection = _Local(self.socket)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT)
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        payload = None
        if body is not None:
            payload, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read(_ANSWER_MAX_BYTES))
        except (OSError, http.client.HTTPException) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            where = str(self.socket.path) if self.socket else units.join(self.host, self.port)
            refused = isinstance(error, ConnectionRefusedError)
            said = None if refused else self.indi()
            raise RouterError(said or f"no router answers at {where}: {reason}") from None
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON at a path. Raises RouterError, with the router's reason, unless it answers 200."""
        return self._good("GET", path, None)

    def change(self, method: str, kind: str, name: str = "", action: str = "", body: object = None) -> Any:
        """A changing call on /api/v1/KINDs[/NAME[/ACTION]]; its JSON, None without one. Raises RouterError."""
        parts = [f"/api/v1/{kind}s", *(quote(part, safe="") for part in (name, action) if part)]
        return self._good(method, "/".join(parts), body)

    def _good(self, method: str, path: str, body: object) -> Any:
        answer = self.request(method, path, body)
        if answer.status >= 300:
            raise RouterError((not _is_ours(answer) and self.indi()) or _refusal(answer))
        return answer.json() if answer.body else None

    def indi(self) -> str | None:
        """The text to say where the address is that of an INDI port; None: it is not."""
        if self.socket is not None or not _speaks_indi(self.host, self.port):
            return None
        where, other = units.join(self.host, self.port), "health, metrics and control have a port of their own"
        return f"what answers at {where} is INDI: {other} (--http HOST:PORT, by default {HTTP_ADDRESS})"


def _socket(chosen: Namespace, said: Overlay) -> Socket | None:
    """The control socket to use. Raises RouterError for one that was asked for by a flag and cannot be used."""
    if chosen.socket:
        return None if chosen.socket == "off" else local.asked(chosen.socket)
    if said.socket_off or (chosen.http and not _is_here(chosen.http)):
        return None
    if said.socket is not None and said.socket != DEFAULT_SOCKET:
        return local.present(said.socket)
    if chosen.http and said.port is None:
        return None  # which router is meant is said
    return local.default(said.port or INDI_PORT)


def _is_here(address: str) -> bool:
    """Says whether an HTTP address is one of this machine: only then its router may have a socket here."""
    host = units.reachable(address.rpartition(":")[0].strip("[]"))
    return host in ("localhost", "::1") or host.startswith("127.")


def _speaks_indi(host: str, port: int) -> bool:
    """Says whether a question of INDI is answered there; routers answer the ping also where they have no device."""
    question = b'<getProperties version="1.7"/><pingRequest uid="inditree"/>'
    try:
        with socket.create_connection((host, port), timeout=_PROBE_TIMEOUT) as sock:
            sock.sendall(question)
            return sock.recv(1) == b"<"
    except OSError:
        return False


def _is_ours(answer: Answer) -> bool:
    """Says whether a refusal is one of the API's, which are JSON."""
    try:
        return "error" in json.loads(answer.body)
    except (ValueError, TypeError):
        return False


def _refusal(answer: Answer) -> str:
    try:
        reason = str(json.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        reason = http.client.responses.get(answer.status, "refused")
    hint = {401: " (a token is needed: --token-file)", 403: f" ({_AT_THE_ROUTER})"}
    return f"{reason}{hint.get(answer.status, '')}"


def _token(flag: str | None, variable: str | None) -> str | None:
    source = "--token-file" if flag else "INDITREE_TOKEN_FILE"
    file = flag or variable
    if not file:
        return None
    try:
        token = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise ConfigError(source, f"{file}: {reason}") from None
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(source, f"{file}: holds no token")
    return token
