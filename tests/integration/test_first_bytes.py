"""What begins with an HTTP method is never read as INDI; text between a client's elements closes it, or is skipped."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import Client, Router, indiserver, serve, until
from waiting import DEADLINE

COMMAND = '<newSwitchVector device="Mount" name="CONNECTION"><oneSwitch name="CONNECT">On</oneSwitch></newSwitchVector>'
POST = (
    "POST / HTTP/1.1\r\nHost: localhost:7624\r\nOrigin: http://elsewhere.example\r\nContent-Type: text/plain\r\n"
    f"Content-Length: {len(COMMAND)}\r\n\r\n{COMMAND}"
)
ELEMENT = "<pingRequest uid='1'/>"


FACES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Router]]] = {
    "serve": serve,
    "indiserver": lambda tmp: indiserver(tmp, "-f", str(tmp / "fifo")),
}


@pytest.fixture(name="router", params=FACES, scope="module")
def _router(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with FACES[request.param](tmp_path_factory.mktemp("first")) as router:
        yield router


@pytest.fixture(name="owner", scope="module")
def _owner(router: Router) -> Iterator[Client]:
    """Provides a mount, as a chained router does, and hears every command."""
    with Client(router.port) as owner:
        owner.send("<getProperties version='1.7' inditree='1' via='elsewhere'/>")
        owner.take("<getProperties[^>]*to=")
        owner.send(
            "<defSwitchVector device='Mount' name='CONNECTION' state='Idle' perm='rw' rule='AnyOfMany' via='elsewhere'>"
            "<defSwitch name='CONNECT'>Off</defSwitch></defSwitchVector>"
        )
        owner.ping()
        yield owner


def answer(port: int, data: bytes, cut: int | None = None) -> bytes:
    """All that comes back until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pieces = [data] if cut is None else [data[:cut], data[cut:]]
        for piece in pieces:
            with contextlib.suppress(OSError):  # it may be gone before all is sent
                sock.sendall(piece)
            if cut is not None:
                time.sleep(0.01)  # lets them come as two reads; nothing is asserted of it
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                received += more
    return received


@pytest.mark.parametrize(
    "data",
    [
        POST,
        " \r\n\t" + POST,
        POST.replace("POST", "post"),
        POST.replace("POST", "GET"),
        POST.replace("POST", "OPTIONS"),
        POST.replace("\r\n", "\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + COMMAND,
    ],
)
def test_a_request_of_another_site_is_refused_and_ended(router: Router, owner: Client, data: str) -> None:
    assert answer(router.port, data.encode()).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
    owner.ping("after")
    assert b"newSwitchVector" not in owner.heard


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 17, len(POST) - len(COMMAND), len(POST) - 10])
def test_a_request_that_comes_in_pieces(router: Router, owner: Client, cut: int) -> None:
    assert answer(router.port, POST.encode(), cut).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
    owner.ping("after")
    assert b"newSwitchVector" not in owner.heard


def test_a_method_that_nobody_knows_commands_nothing(router: Router, owner: Client) -> None:
    answer(router.port, POST.replace("POST", "BREW").encode())
    owner.ping("after")
    assert b"newSwitchVector" not in owner.heard


def test_text_closes_a_client_of_serve(tmp_path: Path) -> None:
    with serve(tmp_path) as router:
        for text in ("hello " + ELEMENT, ELEMENT + " hello " + ELEMENT, "\ufeff" + ELEMENT, "x"):
            with Client(router.port) as client:
                client.send(text)
                assert client.closed()
                assert client.heard.count(b"pingReply") == text.startswith("<")
        with Client(router.port) as client:
            client.send(f"\r\n<?xml version='1.0'?>\n<!-- a > b -->\t{ELEMENT}\n <!-- --> {ELEMENT}")
            client.take("pingReply.*pingReply")
        until(lambda: "closed (malformed)" in router.log)


def test_text_is_skipped_under_a_face(tmp_path: Path) -> None:
    with FACES["indiserver"](tmp_path) as router, Client(router.port) as client:
        client.send(f"hello {ELEMENT} hello {ELEMENT}")
        client.take("pingReply.*pingReply")
        router.wait_for("text between its elements")
