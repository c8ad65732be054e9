"""Broken and hostile peers: each is closed with a reason, the others notice nothing."""

import contextlib
import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from live import Client, Router, serve, until
from waiting import DEADLINE


@pytest.fixture(name="router")
def _router(tmp_path: Path) -> Iterator[Router]:
    with serve(tmp_path, "indi_simulator_telescope") as router:
        router.wait_for("Telescope Simulator: provided by")
        yield router


@pytest.fixture(name="healthy")
def _healthy(router: Router) -> Iterator[Client]:
    with Client(router.port) as client:
        client.ask()
        client.ping()
        yield client


def test_random_bytes_close_their_sender_only(router: Router, healthy: Client) -> None:
    data = random.Random(1).randbytes(1 << 20)
    with Client(router.port) as bad:
        with contextlib.suppress(OSError):  # closed before it has sent everything
            bad.sock.sendall(data)
        assert bad.closed()
    router.wait_for("closed (malformed)")
    healthy.ping("after")


def test_an_element_over_its_limit_closes_its_sender(router: Router, healthy: Client) -> None:
    with Client(router.port) as bad:
        with contextlib.suppress(OSError):
            bad.send("<newTextVector device='d' name='n'><oneText name='t'>" + "x" * (2 << 20))
        assert bad.closed()
    router.wait_for("closed (limit)")
    healthy.ping("after")


def test_a_truncated_element_is_not_acted_on(router: Router, healthy: Client) -> None:
    with Client(router.port) as bad:
        bad.send("<newNumberVector device='Telescope Simulator' name='POLLING_PERIOD'><oneNumber name='PERIOD_MS'>9")
    router.wait_for("closed (eof)")
    healthy.ping("after")


def test_a_doctype_is_refused(router: Router, healthy: Client) -> None:
    with Client(router.port) as bad:
        bad.send("<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><getProperties version='1.7'/>")
        assert bad.closed()
    router.wait_for("DOCTYPE")
    healthy.ping("after")


def test_clients_that_vanish_while_they_are_written_to(router: Router, healthy: Client) -> None:
    before = psutil.Process(router.process.pid).num_fds()
    for _ in range(20):
        sock = socket.create_connection(("127.0.0.1", router.port))
        sock.sendall(b"<getProperties version='1.7'/>" * 50)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, not end of file
        sock.close()
    healthy.ping("after")
    until(lambda: psutil.Process(router.process.pid).num_fds() <= before, what="descriptors return")


def test_a_reader_that_parses_after_20_ms_of_silence_finds_whole_elements(router: Router) -> None:
    """CCDciel does so, and throws away what is not whole."""
    with Client(router.port) as client:
        client.ask()
        client.send(
            "<newSwitchVector device='Telescope Simulator' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
            "</newSwitchVector>"
        )
        bursts: list[bytes] = []
        burst = b""
        client.sock.settimeout(0.02)
        end = time.monotonic() + DEADLINE
        while len(bursts) < 4 and time.monotonic() < end:
            try:
                burst += client.sock.recv(1 << 16)
            except TimeoutError:
                if burst:
                    bursts.append(burst)
                burst = b""
    assert len(bursts) >= 3
    for each in bursts:
        assert each.endswith(b">\n"), each[-200:]
        last = re.findall(rb"<(\w+Vector)\b", each)[-1]
        assert each.count(b"<" + last) == each.count(b"</" + last + b">"), each[-500:]


def test_a_hundred_newcomers_cost_the_others_nothing(router: Router, healthy: Client) -> None:
    healthy.ping("all that was there")
    clients = [Client(router.port) for _ in range(100)]
    for client in clients:
        client.ask()
    for client in clients:
        client.take(r"<defSwitchVector[^>]*name=.CONFIG_PROCESS.")
        client.sock.close()
    healthy.send("<pingRequest uid='behind it all'/>")
    assert healthy.take(".*?<pingReply uid=.behind it all.")[0].count(b"<") == 1
