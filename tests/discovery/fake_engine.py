"""A container engine as far as discovery asks it: its HTTP API on a unix socket, and the ways in which it fails."""

from __future__ import annotations

import json
import queue
import re
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

NETWORK = "net-indi"
CLEANLY = ""


def container(name: str, label: str | None = "true", address: str = "10.5.0.2", /, **more: Any) -> dict[str, Any]:
    """A row of the list. `more`: options as labels, `networks` by name, its `id`."""
    networks = more.pop("networks", {"indi": {"NetworkID": NETWORK, "IPAddress": address}})
    identity = more.pop("id", name.encode().hex().ljust(64, "0"))
    labels = {} if label is None else {"inditree.remote": label}
    labels |= {f"inditree.remote.{key}": text for key, text in more.items()}
    return {"Id": identity, "Names": ["/" + name], "Labels": labels, "NetworkSettings": {"Networks": networks}}


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    engine: FakeEngine

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested."""


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)


class FakeEngine:
    """Serves `rows`, on a unix socket or (without a path) on TCP. `asked` are the paths in their order; `frozen`:
    connections are taken and never answered.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.filters: dict[str, list[str]] = {}
        self.frozen = threading.Event()
        self.broken = threading.Event()
        self.streams: list[queue.Queue[str | None]] = []
        self._thaw = threading.Event()
        self._server: _Server | None = None
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.path}" if self.path else f"tcp://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Answer, again."""
        self._thaw.clear()
        if self.path:
            self._server = _UnixServer(str(self.path), _Handler)  # type: ignore[arg-type]
        else:
            self._server = _Server(("127.0.0.1", self._port), _Handler)
            self._port = self._server.server_address[1]
        self._server.engine = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Be gone: no socket, no streams."""
        server, self._server = self._server, None
        self._thaw.set()
        if server is not None:
            server.shutdown()
            server.server_close()
            if self.path:
                self.path.unlink()
        self.cut()

    def event(self, action: str = "start") -> None:
        """Tell all subscribers."""
        for stream in self.streams:
            stream.put(json.dumps({"Type": "container", "Action": action}) + "\n")

    def cut(self, *, cleanly: bool = False) -> None:
        """End all streams, by the rules of HTTP or with their connections."""
        streams, self.streams = self.streams, []
        for stream in streams:
            stream.put(CLEANLY if cleanly else None)

    def listed(self) -> int:
        """How often the containers were listed."""
        return self.asked.count("/containers/json")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        engine = self.server.engine
        address = urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+(?=/)", "", address.path)
        engine.asked.append(path)
        if engine.frozen.is_set():
            engine._thaw.wait(30)
            return
        if path == "/events":
            engine.filters = {
                key: list(value) for key, value in json.loads(parse_qs(address.query)["filters"][0]).items()
            }
            self._stream()
        elif path == "/containers/json":
            self._answer(500 if engine.broken.is_set() else 200, engine.rows)
        elif path == "/version":
            self._answer(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
        elif path == "/_ping":
            self._answer(200, "OK")
        else:
            self._answer(404, {"message": "page not found"})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        lines: queue.Queue[str | None] = queue.Queue()
        self.server.engine.streams.append(lines)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while line := lines.get():
            self.wfile.write(f"{len(line):x}\r\n{line}\r\n".encode())
        if line == CLEANLY:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
