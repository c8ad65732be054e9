"""The HTTP control API, as the commands see it."""

from __future__ import annotations

import http.client
import json
import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inditree.config import units, variables
from inditree.config.structs import HTTP_ADDRESS
from inditree.errors import ConfigError, InditreeError

#: Seconds. The router answers within milliseconds; a machine that is swapping takes longer.
_TIMEOUT = 5.0
#: The longest answer that is read: a large tree's status has some hundred KiB.
_ANSWER_MAX_BYTES = 64 << 20


class RouterError(InditreeError):
    """The router is not there, or says no: exit status 1."""


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
            raise RouterError("what answers there is no inditree") from None


@dataclass(frozen=True, slots=True)
class Router:
    """A running router, found by its HTTP address."""

    host: str
    port: int
    token: str | None = None

    @classmethod
    def find(cls, chosen: Namespace) -> Router:
        """By --http and --token-file, else by INDITREE_HTTP and INDITREE_TOKEN_FILE. Raises ConfigError."""
        said = variables(os.environ)
        source = "--http" if chosen.http else "INDITREE_HTTP"
        text = chosen.http or ("off" if said.http_off else said.http) or HTTP_ADDRESS
        if text == "off":
            raise RouterError(f"HTTP is off ({source}): there is no router to ask")
        try:
            host, port = units.address(text)
        except ValueError as error:
            raise ConfigError(source, str(error)) from None
        return cls(units.reachable(host), port, _token(chosen.token_file, said.token_file))

    def request(self, method: str, path: str, body: object = None) -> Answer:
        """One call. Raises RouterError where nobody answers."""
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
            raise RouterError(f"no router answers at {units.join(self.host, self.port)}: {reason}") from None
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
            raise RouterError(_refusal(answer))
        return answer.json() if answer.body else None


def _refusal(answer: Answer) -> str:
    try:
        reason = str(json.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        reason = http.client.responses.get(answer.status, "refused")
    hint = {401: " (a token is needed: --token-file)", 403: " (a token may be needed: --token-file)"}
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
