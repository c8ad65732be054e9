"""indi_lx200basic against a mount over TCP that answers garbage, with debugging on: it lives, and is heard."""

from __future__ import annotations

import contextlib
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from integration.test_real_drivers import Strict
from live import serve, until

DEVICE = "LX200 Basic"
ANSWERS = (b"\x06\x15#", b"12:\x0034:56#", b"\xff\xfe<&]]>#", b"'\"<setTextVector device='#", b"\x1b\x92\xd9#")


@contextlib.contextmanager
def _mount() -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        while connection.recv(100):
                            connection.sendall(ANSWERS[number % len(ANSWERS)])
                            number += 1

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


def test_it_lives_and_its_messages_are_heard(tmp_path: Path) -> None:
    with _mount() as port, serve(tmp_path, "indi_lx200basic", env={"HOME": str(tmp_path)}) as router:
        strict = Strict(router.port)
        with strict.client as client:
            _defined(strict, "CONNECTION_MODE")
            pid = router.driver_pid("indi_lx200basic")
            client.send(_switch("DEBUG", "ENABLE"))
            _defined(strict, "DEBUG_LEVEL")
            client.send(_switch("DEBUG_LEVEL", "DBG_ERROR", "DBG_WARNING", "DBG_SESSION", "DBG_DEBUG", "DBG_EXTRA_1"))
            client.send(_switch("CONNECTION_MODE", "CONNECTION_TCP"))
            _defined(strict, "DEVICE_ADDRESS")
            address = f"<oneText name='ADDRESS'>127.0.0.1</oneText><oneText name='PORT'>{port}</oneText>"
            client.send(f"<newTextVector device='{DEVICE}' name='DEVICE_ADDRESS'>{address}</newTextVector>")

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
