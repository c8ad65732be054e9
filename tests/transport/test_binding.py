"""Sockets that listen, on machines that lack something."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from inditree.transport.binding import bind_tcp
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
