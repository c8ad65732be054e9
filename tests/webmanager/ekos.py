"""KStars' side of the Web Manager: its calls, in its order, and a router that answers them."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from live import Router, serve
from ports import free_port
from waiting import DEADLINE

CCD, MOUNT, FOCUS = "indi_simulator_ccd", "indi_simulator_telescope", "indi_simulator_focus"
PROFILE = [{"label": "CCD Simulator"}, {"label": "Telescope Simulator"}]
CUSTOM = {
    "Label": "My Dome",
    "Name": "My Dome",
    "Exec": "/bin/sh",
    "Family": "Domes",
    "Version": "1.0",
    "Manufacturer": "Me",
}


@dataclass
class Ekos:
    """Calls one Web Manager; each on a connection of its own."""

    port: int

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status, and the body as JSON; `body` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        made = {"Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(method, path, data if method != "GET" else None, made)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def get(self, path: str) -> Any:
        """A body of a 200."""
        status, body = self.call("GET", path)
        assert status == 200, (path, status, body)
        return body

    def post(self, path: str, body: Any = None) -> Any:
        """A body of a 2xx."""
        status, answer = self.call("POST", path, body)
        assert 200 <= status < 300, (path, status, answer)
        return answer

    def runs(self, *programs: str, count: int | None = None) -> bool:
        """Whether KStars takes a profile of these local drivers for running."""
        rows = self.get("/api/server/drivers")
        there = {row["binary"] for row in rows} | {row.get("driver") for row in rows}
        return bool(rows) and len(rows) >= (count or len(programs)) and set(programs) <= there

    def save(self, name: str, entries: list[dict[str, str]], **info: Any) -> None:
        """A profile as KStars sends it."""
        where = f"/api/profiles/{quote(name, safe='')}"
        self.post(where)
        status, _ = self.call("PUT", where, {"port": 7624, "driver_source": "local", **info})
        assert status == 200
        self.post(f"{where}/drivers", entries)

    def begin(self, name: str, entries: list[dict[str, str]], *programs: str, **info: Any) -> bool:
        """All that KStars calls at the start of a profile; whether it was running already."""
        (status,) = self.get("/api/server/status")
        assert status["status"] in ("True", "False")
        assert isinstance(status["active_profile"], str)
        self.call("POST", "/api/profiles/custom/add", CUSTOM)
        assert isinstance(self.get("/api/info/version")["version"], str)
        if self.runs(*programs, count=len(entries)):
            return True
        self.post("/api/server/stop")
        self.save(name, entries, **info)
        self.post(f"/api/server/start/{quote(name, safe='')}")
        return False

    @property
    def status(self) -> tuple[str, str]:
        """Whether it runs, and which profile."""
        (row,) = self.get("/api/server/status")
        return row["status"], row["active_profile"]


def write(
    folder: Path, manager: int, drivers: str = "[]", patterns: str = "['indi_simulator_*']", more: str = ""
) -> Path:
    """A configuration with a Web Manager at a port."""
    file = folder / "router.yaml"
    file.write_text(
        f"drivers: {drivers}\n"
        "webmanager:\n"
        f"  listen: 127.0.0.1:{manager}\n"
        f"  drivers: {patterns}\n"
        f"  data: {folder / 'profiles'}\n"
        f"{more}"
    )
    return file


@contextlib.contextmanager
def managed(
    folder: Path,
    drivers: str = "[]",
    patterns: str = "['indi_simulator_*']",
    more: str = "",
    ekos: Ekos | None = None,
    port: int | None = None,
) -> Iterator[tuple[Router, Ekos]]:
    """A router with a Web Manager. `port`: of INDI."""
    ekos = ekos or Ekos(free_port())
    file = write(folder, ekos.port, drivers, patterns, more)
    log = f"router-{len(list(folder.glob('router-*')))}"  # the log of each run is its own
    with serve(folder, "--config", str(file), name=log, port=port) as router:
        yield router, ekos
