"""A remote that was inditree before is waited for, however long its next introduction takes."""

from __future__ import annotations

import socket
from pathlib import Path

from integration.test_tree import TELESCOPE, sees, status
from live import serve, until
from ports import free_port
from waiting import DEADLINE


def test_a_router_that_is_silent_for_a_while_is_not_taken_for_another_kind(tmp_path: Path) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    with serve(tmp_path, "--remote", f"127.0.0.1:{port}", http=http, name="hub") as hub:
        assert status(http)["remotes"][0]["introduction_patience_seconds"] == 0.5
        with serve(tmp_path, "indi_simulator_telescope", port=port, name="leaf"):
            sees(hub.port, TELESCOPE)
        with socket.create_server(("127.0.0.1", port)) as silent:
            silent.settimeout(DEADLINE)
            connection, _ = silent.accept()
            with connection:
                connection.settimeout(DEADLINE)
                heard = b""
                while b"probe/1" not in heard:  # the time in which a stranger introduces itself is over
                    heard += connection.recv(1 << 16)
                assert b"inditree=" in heard
                assert status(http)["remotes"][0]["introduction_patience_seconds"] == 30.0
                assert status(http)["remotes"][0]["state"] == "connecting"
                assert "plain INDI" not in hub.log
        with serve(tmp_path, "indi_simulator_telescope", port=port, name="again"):
            sees(hub.port, TELESCOPE)
        until(lambda: hub.log.count(": inditree ") >= 2)
