"""Who may change things over HTTP. Rules: docs/http.md."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from inditree.config import Http
from inditree.errors import ConfigError

_logger = logging.getLogger("inditree.http")


class Refusal(NamedTuple):
    status: int
    text: str


class Gate:
    """Decides about changing calls. Raises ConfigError where the token file gives no token."""

    def __init__(self, http: Http) -> None:
        self._file = Path(http.token_file) if http.token_file else None
        self._hosts = frozenset(name.lower().rstrip(".") for name in http.hosts)
        if self._file is not None:
            try:
                token = self._file.read_bytes().strip()
            except OSError as error:
                raise ConfigError("http.token_file", f"{self._file}: {error.strerror}") from error
            if not token:
                raise ConfigError("http.token_file", f"{self._file} is empty")

    def refuse(self, client: str | None, headers: Headers) -> Refusal | None:
        """Why a changing call is refused; None where it may go on. Reads the token file: not for the loop."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return Refusal(403, f"the host {host!r} is no address, not localhost and not in http.hosts")
        if (origin := headers.get("origin")) is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Refusal(403, "a page of another site may not change anything here")
        if self._file is not None:
            return self._check_token(self._file, headers.get("authorization", ""))
        # A proxy on this machine makes everybody come from loopback.
        if not _is_loopback(client) or "x-forwarded-for" in headers or "forwarded" in headers:
            return Refusal(403, "without a token (http.token_file) changes are taken from this machine only")
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name.rstrip(".") in self._hosts | {"localhost"}:
                return True
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

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
            return Refusal(403, "the token is not the right one")
        return None


def _is_loopback(client: str | None) -> bool:
    try:
        address = ipaddress.ip_address(client or "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
