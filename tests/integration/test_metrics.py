"""What drivers and strangers invent never makes /metrics or the API fail, nor grow."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from live import Client, Router, until
from ports import free_port
from waiting import DEADLINE

NUMBERS = (
    "9" * 5000,
    "1e9999",
    "-1e400",
    "nan",
    "inf",
    "9" * 5000 + ":30:00",
    "1:" + "9" * 5000,
    "9" * 400 + " 1 1",
    "١٢",
)


def ask(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE) as answer:
        return str(answer.read().decode())


@pytest.fixture
def router(tmp_path: Path) -> Router:
    port, http = free_port(), free_port()
    members = "".join(f"<defNumber name='N{n}' format='%g'>{text}</defNumber>" for n, text in enumerate(NUMBERS))
    (tmp_path / "said.xml").write_text(
        f"<defNumberVector device='Odd' name='P' state='Ok' perm='rw'>{members}<defNumber name='GOOD'>2</defNumber>"
        "</defNumberVector>"
    )
    file = tmp_path / "router.yaml"
    file.write_text(
        f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: '127.0.0.1:{http}'}}\n"
        "metrics: {properties: ['*.*.*']}\n"
        f"control: {{socket: off}}\ndrivers: [{{exec: [sh, -c, 'cat {tmp_path}/said.xml; exec sleep 600']}}]\n"
    )
    made = Router(tmp_path / "log", ["serve", "--config", str(file)], port)
    made.http = http  # type: ignore[attr-defined]
    return made


def test_numbers_that_no_float_holds(router: Router) -> None:
    try:
        router.wait_for("Odd: provided by")
        http: int = router.http  # type: ignore[attr-defined]
        text = until(lambda: _with(ask(http, "/metrics"), 'member="GOOD"'), what="the value is told")
        assert 'indi_property_value{device="Odd",member="GOOD",property="P"} 2.0' in text
        (shown,) = json.loads(ask(http, "/api/v1/devices/Odd"))["properties"]
        assert [member["value"] for member in shown["members"]][: len(NUMBERS)] == list(NUMBERS)
        with Client(router.port) as client:
            client.ask()
            client.ping()
    finally:
        router.stop()


def _with(text: str, part: str) -> str:
    return text if part in text else ""
