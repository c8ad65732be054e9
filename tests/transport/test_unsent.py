"""The kernel's buffer toward one client: small while it is slow."""

from __future__ import annotations

import socket

from inditree.transport.channel import SocketChannel
from inditree.transport.sockets import TCP_NOTSENT_LOWAT
from inditree.transport.unsent import FAST, SLOW, UNSENT, Unsent


def test_the_buffer_is_small_for_a_slow_client_and_whole_again_for_one_that_became_fast() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:

        def bound() -> int:
            return sock.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT)

        unsent = Unsent(SocketChannel(sock))
        whole = bound()
        unsent.blocked(1000, 1.0)
        unsent.went_on(1000 + SLOW // 100, 1.05)
        assert bound() == whole  # too short a time to say
        unsent.went_on(1000 + SLOW // 4, 1.5)
        assert bound() == UNSENT
        taken = 1000 + SLOW // 4
        unsent.went_on(taken + 2 * SLOW, 2.5)
        assert bound() == UNSENT
        unsent.went_on(taken + 2 * SLOW + 2 * FAST, 3.5)
        assert bound() == whole
        unsent.went_on(taken + 2 * SLOW + 3 * FAST, 4.0)
        assert bound() == whole


def test_a_connection_that_has_ended_or_is_none_of_tcp_is_left_alone() -> None:
    one, other = socket.socketpair()
    SocketChannel(one).bound_unsent(UNSENT)
    other.close()
    one.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = socket.create_connection(server.getsockname())
        channel = SocketChannel(sock)
        sock.close()
        channel.bound_unsent(UNSENT)
