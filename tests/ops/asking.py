"""One question to HTTP, at a port or a control socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

Answer = tuple[int, Any, dict[str, str]]


class _Local(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("anything", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def ask(
    place: int | Path, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> Answer:
    """Blocking: run it in a thread."""
    if isinstance(place, int):
        connection = http.client.HTTPConnection("127.0.0.1", place, timeout=60)
    else:
        connection = _Local(place)
    try:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        text = response.read()
        found = {key.lower(): value for key, value in response.getheaders()}
        is_json = found.get("content-type") == "application/json"
        return response.status, json.loads(text) if is_json else text, found
    finally:
        connection.close()
