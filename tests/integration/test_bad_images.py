"""An image with what is no XML deep in its text reaches nobody, whoever writes it; what comes next does.

Rules: docs/wire.md, "Repair"; every place and layout: tests/wire/test_image_text.py.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pybase64
import pytest

from integration.players import AFTER, DEFINITION, FACES, GO, Play, Strict
from live import Client, Router, serve, until
from ports import free_port
from security.parts import configured, listen

RAW = bytes(range(256)) * (6 << 10)
TEXT = pybase64.b64encode(RAW)
MIDDLE = 1 << 20
CONTROLS = [b"\0", b"\x1b", b"\xff"]
START = (
    DEFINITION + "<defBLOBVector device='Mount' name='B' label='B' group='Main' state='Idle' perm='rw' timeout='0'>"
    "<defBLOB name='I' label='I'/></defBLOBVector>\n"
).encode()


def image(text: bytes, tag: bytes = b"setBLOBVector") -> bytes:
    lines = b"".join(text[at : at + 72] + b"\n" for at in range(0, len(text), 72))
    one = b"<oneBLOB name='I' size='%d' enclen='%d' format='.x'>\n%s</oneBLOB>" % (len(RAW), len(TEXT), lines)
    return b"<%s device='Mount' name='B'>%s</%s>\n" % (tag, one, tag)


def inserted(wrong: bytes) -> bytes:
    """The image into which a library printed."""
    good = image(TEXT)
    return good[:MIDDLE] + wrong + good[MIDDLE:]


def replaced(wrong: bytes, tag: bytes = b"setBLOBVector") -> bytes:
    """An image whose length says nothing."""
    return image(TEXT[:MIDDLE] + wrong + TEXT[MIDDLE + len(wrong) :], tag)


@contextlib.contextmanager
def _link(tmp_path: Path, first: bytes, then: bytes) -> Iterator[Router]:
    """A plain server to which the router links: it says `first`, and `then` when it is sent a new*."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as ends:

        def play() -> None:
            with contextlib.suppress(OSError):
                sock = listener.accept()[0]
                ends.callback(sock.close)
                sock.recv(100)
                sock.sendall(first)
                heard = b""
                while b"newTextVector" not in heard:
                    heard += (data := sock.recv(65536))
                    assert data
                sock.sendall(then)

        thread = threading.Thread(target=play)
        thread.start()
        with serve(tmp_path, f"@127.0.0.1:{listener.getsockname()[1]}") as router:
            yield router
        thread.join()


@contextlib.contextmanager
def _stranger(tmp_path: Path, first: bytes, then: bytes) -> Iterator[Router]:
    """Who connects to the router and provides the device, as an IPyServer that links to it does."""
    port = free_port()
    with configured(tmp_path, port, listen(port, "peers: any")) as router, Client(port, first.decode()) as stranger:

        def play() -> None:
            stranger.take("newTextVector")
            stranger.sock.sendall(then)

        thread = threading.Thread(target=play)
        thread.start()
        router.wait_for("Mount: provided by")
        yield router
        thread.join()


def _heard(router: Router) -> list[str]:
    """The images that a strict client was given, up to the value that follows them."""
    client = Strict(router.port)
    with client.client:
        client.until(lambda element: element.tag == "defBLOBVector")
        client.client.send("<enableBLOB device='Mount'>Also</enableBLOB>" + GO)
        images = [element for element in client.after() if element.tag == "setBLOBVector"]
    return ["".join(one.text.split()) for each in images for one in each if one.text]


@pytest.mark.parametrize(("wrong", "face"), list(zip(CONTROLS, [*FACES, *FACES], strict=False)))
def test_of_a_driver(tmp_path: Path, wrong: bytes, face: str) -> None:
    play = Play(tmp_path, face, START, inserted(wrong) + image(TEXT) + AFTER.encode())
    with play.run as router:
        assert _heard(router) == [TEXT.decode()]
        router.wait_for("Mount.B: dropped")


@pytest.mark.parametrize("wrong", CONTROLS)
def test_of_a_plain_link(tmp_path: Path, wrong: bytes) -> None:
    with _link(tmp_path, START, inserted(wrong) + image(TEXT) + AFTER.encode()) as router:
        assert _heard(router) == [TEXT.decode()]
        router.wait_for("Mount.B: dropped")


@pytest.mark.parametrize("wrong", CONTROLS)
def test_of_a_stranger_who_provides_a_device(tmp_path: Path, wrong: bytes) -> None:
    with _stranger(tmp_path, START, replaced(wrong) + inserted(wrong) + image(TEXT) + AFTER.encode()) as router:
        assert _heard(router) == [TEXT.decode()]
        router.wait_for("Mount.B: dropped")


@pytest.mark.parametrize(("wrong", "face"), list(zip(CONTROLS, [*FACES, *FACES], strict=False)))
def test_of_a_client(tmp_path: Path, wrong: bytes, face: str) -> None:
    """A driver that parses strictly, as an IPyDriver does, would end."""
    play = Play(tmp_path, face, START)
    with play.run as router:
        router.wait_for("Mount: provided by")
        with Client(router.port) as client:
            with contextlib.suppress(OSError):  # closed before all was sent
                client.sock.sendall(replaced(wrong, b"newBLOBVector"))
            assert client.closed()
        with Client(router.port) as client:
            client.sock.sendall(image(TEXT, b"newBLOBVector"))
            until(lambda: play.heard.exists() and b"</newBLOBVector>" in play.heard.read_bytes())
        assert play.heard.read_bytes().count(b"<newBLOBVector") == 1
        assert wrong not in play.heard.read_bytes()
