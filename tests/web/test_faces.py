"""`INDITREE_WEB` under the two faces for other servers' users: off unless it says on; docs/web.md."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect

from live import until
from ports import free_port
from waiting import DEADLINE

SCRIPT = "import asyncio, sys; from inditree import IPyServer; asyncio.run(IPyServer(port=int(sys.argv[1])).asyncrun())"
FACES = {
    "indiserver": ["-m", "inditree", "indiserver", "-r", "0", "-u", "/tmp/inditree-web-{port}", "-p", "{port}", "cat"],
    "IPyServer": ["-c", SCRIPT, "{port}"],
}


def start(face: str, port: int, web: str | None) -> subprocess.Popen[str]:
    """A process of its own, with this INDITREE_WEB."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("INDITREE_")}
    words = [word.replace("{port}", str(port)) for word in FACES[face]]
    return subprocess.Popen(
        [sys.executable, *words],
        env=environ | ({} if web is None else {"INDITREE_WEB": web}),
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(face: str, web: str | None) -> Iterator[int]:
    """The port of a running one."""
    port = free_port()
    with start(face, port, web) as process:
        try:
            until(lambda: status(port) is not None, what=f"{face} answers")
            yield port
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE)


def status(port: int) -> int | None:
    """Of the answer to a request for the page; None where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("web", [None, "off"])
def test_there_is_no_page_unless_it_is_asked_for(face: str, web: str | None) -> None:
    with serving(face, web) as port:
        assert status(port) == 400


@pytest.mark.parametrize("face", FACES)
def test_a_page_and_json_where_it_is_on(face: str) -> None:
    with serving(face, "on") as port:
        assert status(port) == 200
        with connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
            socket.send(json.dumps({"getProperties": {"device": "Server"}}))
            told = json.loads(socket.recv(timeout=DEADLINE))
        assert told["defTextVector"]["device"] == "Server"


@pytest.mark.parametrize("face", FACES)
def test_another_word_is_a_mistake(face: str) -> None:
    with start(face, free_port(), "yes") as process:
        _, said = process.communicate(timeout=DEADLINE)
    assert "INDITREE_WEB: 'yes' is not on or off" in said
    assert process.returncode != 0
