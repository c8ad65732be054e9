"""The kernel's buffer toward one client: small while it is slow."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inditree.transport.channel import SocketChannel
from inditree.transport.sockets import TCP_NOTSENT_LOWAT
from inditree.transport.unsent import FAST, SLOW, UNSENT, Unsent


@contextmanager
def bounded() -> Iterator[tuple[Unsent, Callable[[], bool]]]:
    """What bounds a TCP connection, and whether its buffer is small now."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        yield (
            Unsent(SocketChannel(sock)),
            lambda: sock.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT) == UNSENT,
        )


def test_the_buffer_is_small_until_the_client_has_shown_to_be_fast() -> None:
    """Of a client that nobody knows a whole buffer took the first image and a part of the second: 4.9 s at 0.4 MB/s."""
    with bounded() as (unsent, small):
        assert small()
        unsent.blocked(1000, 1.0)
        unsent.went_on(1000 + FAST // 20, 1.01)
        assert small()  # its own buffer may have taken that
        unsent.went_on(1001 + FAST // 10, 1.02)
        assert not small()


def test_the_buffer_is_small_for_a_client_that_became_slow_and_whole_again_for_a_fast_one() -> None:
    with bounded() as (unsent, small):
        unsent.blocked(0, 0.0)
        unsent.went_on(2 * FAST, 1.0)
        assert not small()
        unsent.went_on(2 * FAST + SLOW // 100, 1.05)
        assert not small()  # too short a time to say
        taken = 2 * FAST + SLOW // 4
        unsent.went_on(taken, 1.5)
        assert small()
        unsent.went_on(taken + 2 * SLOW, 2.5)
        assert small()
        unsent.went_on(taken + 2 * SLOW + 2 * FAST, 3.5)
        assert not small()
        unsent.went_on(taken + 2 * SLOW + 3 * FAST, 4.0)
        assert not small()


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
