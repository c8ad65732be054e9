"""indi_lx200basic against mounts over TCP that answer garbage, with debugging on, or hang up. It lives and is heard."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

from integration.players import Strict
from live import serve, until

DEVICE = "LX200 Basic"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection, as a box that was switched off and on answers."""
ANSWERS = (b"\x06\x15#", b"12:\x0034:56#", b"\xff\xfe<&]]>#", b"'\"<setTextVector device='#", b"\x1b\x92\xd9#")


@contextlib.contextmanager
def _mount(answers: Sequence[bytes] = ANSWERS, patience: int | None = None) -> Iterator[int]:
    """Its port. It answers each request with the next, and with `patience` hangs up after so many."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        left = patience
                        while left != 0 and connection.recv(100):
                            connection.sendall(answers[number % len(answers)])
                            number += 1
                            left = None if left is None else left - 1
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _switch(name: str, *members: str) -> str:
    ones = "".join(f"<oneSwitch name='{member}'>On</oneSwitch>" for member in members)
    return f"<newSwitchVector device='{DEVICE}' name='{name}'>{ones}</newSwitchVector>"


def _defined(strict: Strict, name: str) -> None:
    strict.until(lambda element: element.tag.startswith("def") and element.get("name") == name)


def _point_at(strict: Strict, port: int) -> None:
    client = strict.client
    client.send(_switch("CONNECTION_MODE", "CONNECTION_TCP"))
    _defined(strict, "DEVICE_ADDRESS")
    address = f"<oneText name='ADDRESS'>127.0.0.1</oneText><oneText name='PORT'>{port}</oneText>"
    client.send(f"<newTextVector device='{DEVICE}' name='DEVICE_ADDRESS'>{address}</newTextVector>")


def test_it_lives_and_its_messages_are_heard(tmp_path: Path) -> None:
    with _mount() as port, serve(tmp_path, "indi_lx200basic", env={"HOME": str(tmp_path)}) as router:
        strict = Strict(router.port)
        with strict.client as client:
            _defined(strict, "CONNECTION_MODE")
            pid = router.driver_pid("indi_lx200basic")
            client.send(_switch("DEBUG", "ENABLE"))
            _defined(strict, "DEBUG_LEVEL")
            client.send(_switch("DEBUG_LEVEL", "DBG_ERROR", "DBG_WARNING", "DBG_SESSION", "DBG_DEBUG", "DBG_EXTRA_1"))
            _point_at(strict, port)

            def quoted(element: ET.Element) -> bool:
                return element.tag == "message" and "RES <" in element.get("message", "")

            said = []
            for _ in ANSWERS:
                client.send(_switch("CONNECTION", "CONNECT"))
                said += [each.get("message", "") for each in strict.until(quoted)]
                client.send(_switch("CONNECTION", "DISCONNECT"))
            assert any("??" in each for each in said), said
        until(lambda: router.driver_pid("indi_lx200basic") == pid)
        assert "restart" not in router.log


def test_a_mount_that_hangs_up_ends_no_driver(tmp_path: Path) -> None:
    """indiserver ignores SIGPIPE, and so do its drivers; libindi's never had to. Each polls its mount once a second."""
    with (
        _mount((b"12:34:56#",), patience=6) as port,
        serve(tmp_path, "indi_lx200basic", env={"HOME": str(tmp_path)}) as router,
    ):
        strict = Strict(router.port)
        with strict.client as client:
            _defined(strict, "CONNECTION_MODE")
            pid = router.driver_pid("indi_lx200basic")
            _point_at(strict, port)
            client.send(_switch("CONNECTION", "CONNECT"))
            for _ in range(3):  # the first of them may be the answer that was lost
                strict.until(lambda element: "Error reading" in element.get("message", ""))
        assert router.driver_pid("indi_lx200basic") == pid
        assert "signal" not in router.log
