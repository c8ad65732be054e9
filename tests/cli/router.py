"""A stand-in for a router: answers with the shapes of the HTTP API and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRIVERS: list[dict[str, Any]] = [
    {
        "name": "ccd",
        "kind": "exec",
        "state": "running",
        "pid": 4711,
        "restarts": 3,
        "last_exit": -9,
        "devices": ["Main CCD", "Guide CCD"],
        "since_seconds": 3725.0,
        "ready": True,
        "cpu_seconds": 1.0,
        "resident_bytes": 5 << 20,
        "last_error": None,
    },
    {
        "name": "observatory",
        "kind": "python",
        "state": "failed",
        "pid": None,
        "restarts": 0,
        "last_exit": None,
        "devices": [],
        "since_seconds": 1.0,
    },
]
REMOTES: list[dict[str, Any]] = [
    {
        "name": "dome-b",
        "address": "dome-b:7624",
        "state": "backoff",
        "id": None,
        "devices": [],
        "last_error": "connection refused",
    }
]
STATUS: dict[str, Any] = {
    "name": "dome-a",
    "id": "f00d",
    "version": "0.2.0",
    "uptime_seconds": 90061.0,
    "ready": True,
    "draining": False,
    "listeners": [
        {"name": "main", "address": "0.0.0.0:7624", "clients": 2, "max_connections": 256},
        {"name": "@x", "address": "@x", "clients": 0, "max_connections": None},
    ],
    "drivers": DRIVERS,
    "remotes": REMOTES,
    "devices": [
        {"name": "Main CCD", "owner": {"kind": "driver", "name": "ccd"}},
        {"name": "Rain", "owner": {"kind": "peer", "name": "10.0.0.9:5000"}},
    ],
    "clients": 1,
    "loops_detected": 0,
    "conflicts": [{"device": "Guide CCD", "owner": "driver ccd", "refused": "remote dome-b"}],
}
CLIENTS: list[dict[str, Any]] = [
    {
        "id": 7,
        "address": "10.0.0.7:40000",
        "listener": "main",
        "devices": ["*"],
        "blobs": [],
        "queue_bytes": 2048,
        "sent_bytes": 1 << 20,
        "dropped_blobs": 12,
        "link": False,
        "connected_seconds": 59.0,
    }
]
METRICS = """\
# TYPE indi_messages_received_total counter
indi_messages_received_total{peer="driver",element="setNumberVector"} %d
# TYPE indi_bytes_sent_total counter
indi_bytes_sent_total{peer="client",kind="control"} 5
indi_bytes_sent_total{peer="client",kind="blob"} 6
"""


@dataclass
class Router:
    """`answers` maps `METHOD path` to status and body; what is not there is 404."""

    port: int = 0
    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def running(**more: tuple[int, object]) -> Iterator[Router]:
    """A router that answers the reading calls, until the end of the block."""
    router = Router(
        answers={
            "GET /readyz": (200, {"ready": True, "draining": False, "drivers": {}, "remotes": {}}),
            "GET /api/v1/status": (200, STATUS),
            "GET /api/v1/clients": (200, CLIENTS),
            "GET /api/v1/drivers": (200, DRIVERS),
            "GET /api/v1/remotes": (200, REMOTES),
            "GET /metrics": (200, METRICS % 100),
        }
        | more
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(router))
    router.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield router
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(router: Router) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.loads(sent) if sent else None
            router.asked.append((self.command, self.path, dict(self.headers), body))
            status, answer = router.answers.get(f"{self.command} {self.path}", (404, {"error": "unknown"}))
            text = b"" if answer is None else (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Tests have no use for it."""

    return Handler
