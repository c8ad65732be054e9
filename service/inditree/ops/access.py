"""Decides who may read and change things at the HTTP port. Rules: docs/http.md."""

from __future__ import annotations

import hmac
import logging
import socket
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from inditree.config import Http
from inditree.errors import ConfigError
from inditree.transport.hosts import is_address, name_in

_logger = logging.getLogger("inditree.http")


class Refusal(NamedTuple):
    status: int
    text: str


class HttpAccess:
    """Decides about every call but those of health and metrics. `name` is the router's.

    Raises ConfigError where the token file gives no token.
    """

    def __init__(self, http: Http, name: str = "") -> None:
        self._file = Path(http.token_file) if http.token_file else None
        host = socket.gethostname()
        ours = ("localhost", name, host, host.partition(".")[0], host.partition(".")[0] + ".local", *http.hosts)
        self._names = {each.lower().rstrip(".") for each in ours} - {""}
        self._full_name: str | None = None
        if self._file is not None:
            try:
                token = self._file.read_bytes().strip()
            except OSError as error:
                raise ConfigError("http.token_file", f"{self._file}: {error.strerror}") from error
            if not token:
                raise ConfigError("http.token_file", f"{self._file} is empty")

    def refuse(self, headers: Headers, *, changes: bool) -> Refusal | None:
        """Says why a call is refused; None where it may go on. Reads files: not for the loop."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            text = f"the host {host!r} is neither an address, nor a name of this machine, nor in http.hosts"
            return Refusal(403, text)
        if (origin := headers.get("origin")) is not None and not _is_same(origin, host):
            return Refusal(403, "a page of another site gets nothing here")
        if self._file is not None:
            return self._check_token(self._file, headers.get("authorization", ""))
        if changes:
            return Refusal(403, "changes need a token (http.token_file) or the control socket")
        return None

    def _is_ours(self, host: str) -> bool:
        name = name_in(host)
        return bool(name) and (name in self._names or is_address(name) or name == self._look_up())

    def _look_up(self) -> str:
        """Our full name, asked for once and only by who needs it: a name server may be slow."""
        if self._full_name is None:
            self._full_name = socket.getfqdn().lower().rstrip(".")
        return self._full_name

    def _check_token(self, file: Path, authorization: str) -> Refusal | None:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return Refusal(401, "this needs the token: Authorization: Bearer TOKEN")
        try:
            token = file.read_bytes().strip()  # each time: a mounted secret changes while we run
        except OSError as error:
            _logger.error("http.token_file: %s: %s", file, error.strerror, extra={"event": "token_unreadable"})
            token = b""
        if not token or not hmac.compare_digest(given.strip().encode("latin-1"), token):
            return Refusal(403, "wrong token")
        return None


def _is_same(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
