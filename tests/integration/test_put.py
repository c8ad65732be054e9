"""`PUT /api/v1/devices/D/properties/P` at a running router: what is answered when, and what is counted and audited."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live import Client, Router, serve, until
from ops.asking import Answer, ask
from ports import free_port

COORD = "/api/v1/devices/Mount/properties/COORD"
DRIVER = Path(__file__).parent / "slow_mount.py"


class Observatory:
    """A router with the slow mount; `put` asks by its control socket."""

    def __init__(self, router: Router, folder: Path, http: int) -> None:
        self.router, self.folder, self.http = router, folder, http
        self.socket = folder / "control.sock"

    def put(self, path: str, key: str | None = None, **members: object) -> Answer:
        return ask(self.socket, "PUT", path, {"members": members}, {"Idempotency-Key": key} if key else {})

    def value(self, name: str, member: str) -> str:
        properties = ask(self.socket, "GET", "/api/v1/devices/Mount")[1]["properties"]
        members = next(each["members"] for each in properties if each["name"] == name)
        return str(next(each["value"] for each in members if each["name"] == member))

    def metrics(self) -> dict[str, float]:
        """The samples about commands of Mount, by result, and count and sum of the histogram."""
        text = ask(self.socket, "GET", "/metrics")[1].decode()
        found = dict(re.findall(r'^indi_commands_total\{device="Mount",result="(\w+)"\} (\S+)$', text, re.M))
        found |= dict(re.findall(r"^indi_command_seconds_(count|sum) (\S+)$", text, re.M))
        return {name: float(value) for name, value in found.items()}

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.jsonl").read_text().splitlines()]

    def driver_pid(self) -> int:
        rows = ask(self.socket, "GET", "/api/v1/drivers")[1]
        return int(rows[0]["pid"])


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Observatory]:
    config = tmp_path / "inditree.yaml"
    http = free_port()
    config.write_text(
        f"drivers: [{{name: mount, exec: [{sys.executable}, {DRIVER}]}}]\n"
        f"audit: {{file: {tmp_path / 'audit.jsonl'}}}\n"
        f"http: {{devices: [Mount]}}\n"
    )
    words = ("--config", str(config), "--socket", str(tmp_path / "control.sock"))
    with serve(tmp_path, *words, http=f"127.0.0.1:{http}") as router:
        it = Observatory(router, tmp_path, http)
        until(lambda: ask(it.socket, "GET", "/api/v1/devices/Mount")[0] == 200, what="the mount is defined")
        yield it


def test_what_is_answered(mount: Observatory) -> None:
    status, row, _ = mount.put(COORD + "?wait=20s", RA=1, DEC="-5:30")
    assert (status, row["name"], row["state"], row["result"]) == (200, "COORD", "Ok", "ok")
    assert [each["value"] for each in row["members"]] == ["1.0", "-5.5"]
    assert row["seconds"] >= 1.0
    status, row, _ = mount.put(COORD + "?wait=100ms", RA=3)
    assert (status, row["state"], row["result"]) == (504, "Busy", "sent")
    status, row, _ = mount.put(COORD + "?wait=20s", RA=-1)
    assert (status, row["state"], row["result"]) == (409, "Alert", "alert")
    assert row["messages"] == ["a cable is tight", "below the horizon"]
    status, row, _ = mount.put(COORD, RA=0.5)
    assert (status, row["result"]) == (202, "sent")
    until(lambda: mount.metrics().get("ok") == 2, what="the last one is done")
    found = mount.metrics()
    total = found.pop("sum")
    assert found == {"ok": 2, "alert": 1, "superseded": 1, "count": 3}
    assert 2.5 <= total < 10
    lines = mount.audit()
    assert [line["result"] for line in lines] == ["sent", "ok", "sent", "sent", "superseded", "alert", "sent", "ok"]
    assert {line["listener"] for line in lines} == {"http"}
    assert lines[1]["was"] == {"RA": "0", "DEC": "0"} and lines[1]["seconds"] >= 1.0
    assert lines[5]["was"] == {"RA": "1.0", "DEC": "-5.5"}


def test_what_is_not_sent(mount: Observatory) -> None:
    def refused(path: str, body: object, **headers: str) -> tuple[int, str]:
        status, answer, _ = ask(mount.socket, "PUT", path, body, headers)
        return status, answer["error"]

    assert refused(COORD, {"members": {"AZ": 1}}) == (400, "Mount.COORD has no member AZ (it has RA, DEC)")
    assert refused(COORD, {"members": {"RA": "east"}}) == (400, "Mount.COORD.RA: 'east' is not a number")
    assert refused(COORD, {"members": {"RA": [1]}}) == (400, "members.RA: expected a text, a number, true or false")
    assert refused(COORD, {"members": {}}) == (400, 'the body is {"members": {NAME: VALUE, ...}}')
    assert refused(COORD + "?wait=long", {"members": {"RA": 1}})[0] == 400
    assert refused(COORD, {"members": {"RA": 1}}, **{"Idempotency-Key": "k" * 256})[0] == 400
    assert refused("/api/v1/devices/Mount/properties/COUNT", {"members": {"N": 1}}) == (400, "Mount.COUNT is read-only")
    assert refused("/api/v1/devices/Mount/properties/P", {"members": {"N": 1}})[0] == 404
    assert refused("/api/v1/devices/M/properties/P", {"members": {"N": 1}})[0] == 404
    assert ask(mount.http, "PUT", COORD, {"members": {"RA": 1}})[0] == 403  # at the port, without a token
    assert mount.value("COUNT", "N") == "0"


def test_a_driver_that_dies_under_way(mount: Observatory) -> None:
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(mount.put(COORD + "?wait=40s", RA=30)))
    waiting.start()
    until(lambda: mount.value("COUNT", "N") == "1", what="the slew has begun")
    os.kill(mount.driver_pid(), signal.SIGKILL)
    waiting.join(20)
    status, body, _ = answers[0]
    assert (status, body) == (409, {"error": "Mount.COORD is gone (undeliverable)"})
    assert mount.metrics().pop("undeliverable") == 1
    assert mount.audit()[-1]["result"] == "undeliverable"


def test_a_cut_connection_and_the_same_key_again_are_one_slew(mount: Observatory) -> None:
    body = b'{"members": {"RA": 2}}'
    with socket.socket(socket.AF_UNIX) as cut:
        cut.connect(str(mount.socket))
        head = f"PUT {COORD}?wait=20s HTTP/1.1\r\nHost: x\r\nIdempotency-Key: night-1\r\n"
        cut.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: mount.value("COUNT", "N") == "1", what="the slew has begun")
    first = mount.put(COORD + "?wait=20s", "night-1", RA=2)
    assert (first[0], first[1]["result"], first[1]["state"]) == (200, "ok", "Ok")
    again = mount.put(COORD + "?wait=20s", "night-1", RA=2)
    assert again[:2] == first[:2]
    assert mount.value("COUNT", "N") == "1"
    assert mount.put(COORD, "night-1", RA=3)[0] == 422
    assert mount.put(COORD, "night-2", RA=0)[0] == 202
    until(lambda: mount.value("COUNT", "N") == "2", what="another key is another command")


def test_after_a_504_the_same_key_tells_the_state_now(mount: Observatory) -> None:
    assert mount.put(COORD + "?wait=50ms", "slow", RA=1)[0] == 504
    status, row, _ = mount.put(COORD + "?wait=20s", "slow", RA=1)
    assert (status, row["state"], mount.value("COUNT", "N")) == (200, "Ok", "1")


def test_clients_are_told_of_it_as_of_any_other_command(mount: Observatory) -> None:
    with Client(mount.router.port) as client:
        client.ask("Mount")
        client.take("COUNT")
        assert mount.put(COORD, RA=0.1)[0] == 202
        client.take('<newNumberVector device="Mount" name="COORD">')
        client.take('<setNumberVector device="Mount" name="COORD" state="Ok">')
