"""Sockets that listen, on machines that lack something."""

from __future__ import annotations

import errno
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from inditree.transport.binding import bind_tcp, bind_unix
from ports import free_port


class NoIpv6(socket.socket):
    """A kernel that does not know the family."""

    def __init__(self, family: int = socket.AF_INET, *more: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, *more)


def test_all_addresses_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", NoIpv6)
    sockets = bind_tcp(None, free_port())
    assert [sock.family for sock in sockets] == [socket.AF_INET]
    for sock in sockets:
        sock.close()


def test_a_path_whose_owner_takes_nobody_in_is_taken_and_not_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as first:
        deaf.bind(path)
        deaf.listen(0)
        first.connect(path)  # its queue is full
        told: list[OSError] = []

        def bind() -> None:
            try:
                bind_unix(path).close()
            except OSError as error:
                told.append(error)

        thread = threading.Thread(target=bind, daemon=True)
        thread.start()
        thread.join(20)
        assert [error.errno for error in told] == [errno.EADDRINUSE]
