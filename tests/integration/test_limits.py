"""Bounds on clients that keep the router waiting or ask without end, each from both sides."""

import time
from pathlib import Path

from live import Client, Router
from ports import free_port


def limited(tmp_path: Path, limits: str, listen: str = "") -> Router:
    port = free_port()
    file = tmp_path / "router.yaml"
    file.write_text(
        f"listen: [{{tcp: '127.0.0.1:{port}'{listen}}}]\nhttp: {{listen: off}}\nlimits: {{{limits}}}\n"
        "drivers: [{exec: [indi_simulator_telescope]}]\n"
    )
    router = Router(tmp_path / "log", ["serve", "--config", str(file)], port)
    router.wait_for("Telescope Simulator: provided by")
    return router


def test_a_client_that_says_nothing_is_closed_in_time(tmp_path: Path) -> None:
    router = limited(tmp_path, "first_element: 1s")
    try:
        with Client(router.port) as silent, Client(router.port) as speaks:
            speaks.ping()
            assert silent.closed()
            router.wait_for("limits.first_element")
            speaks.ping("still here")
    finally:
        router.stop()


def test_an_element_may_not_stay_incomplete(tmp_path: Path) -> None:
    router = limited(tmp_path, "incomplete_element: 1s")
    try:
        with Client(router.port) as half, Client(router.port) as idle:
            idle.ping()
            half.send("<getProperties version='1.7'")
            assert half.closed()
            router.wait_for("limits.incomplete_element")
            idle.ping("still here")
    finally:
        router.stop()


def test_a_client_that_asks_without_end_is_slowed_and_loses_nothing(tmp_path: Path) -> None:
    router = limited(tmp_path, "elements_per_second: 20")
    try:
        with Client(router.port) as busy, Client(router.port) as other:
            began = time.monotonic()
            busy.send("".join(f"<pingRequest uid='{number}'/>" for number in range(140)))
            for number in range(140):
                busy.take(f"<pingReply uid=.{number}.")
            busy.send("<pingRequest uid='the next read has to wait'/>")
            other.ping()
            assert b"wait" not in busy.silent(0.1), "the other one waited for it"
            busy.take("<pingReply uid=.the next read has to wait.")
            assert time.monotonic() - began > 4.5  # a second's worth comes at once
    finally:
        router.stop()


def test_connections_from_one_address(tmp_path: Path) -> None:
    router = limited(tmp_path, "connections_per_address: 2")
    try:
        with Client(router.port) as one, Client(router.port) as two, Client(router.port) as three:
            one.ping()
            two.ping()
            assert three.closed()
    finally:
        router.stop()


def test_a_read_only_listener_answers_and_refuses(tmp_path: Path) -> None:
    router = limited(tmp_path, "", ", access: read-only")
    try:
        with Client(router.port) as client:
            client.ask("Telescope Simulator")
            client.take("<defSwitchVector")
            client.send(
                "<newSwitchVector device='Telescope Simulator' name='CONNECTION'><oneSwitch name='CONNECT'>On"
                "</oneSwitch>"
                "</newSwitchVector>"
            )
            client.take("<message[^>]*read-only")
    finally:
        router.stop()


def test_devices_that_are_not_visible_do_not_exist_there(tmp_path: Path) -> None:
    router = limited(tmp_path, "", ", devices: ['CCD*']")
    try:
        with Client(router.port) as client:
            client.ask()
            client.send(
                "<newSwitchVector device='Telescope Simulator' name='CONNECTION'><oneSwitch name='CONNECT'>On"
                "</oneSwitch>"
                "</newSwitchVector>"
            )
            client.take("<message[^>]*not open to this connection")
            client.ping()
            assert b"defSwitchVector" not in client.heard
    finally:
        router.stop()


def test_an_address_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    router = limited(tmp_path, "", ", allow: ['10.0.0.0/8']")
    try:
        with Client(router.port) as client:
            assert client.closed()
        router.wait_for("not in `allow`")
    finally:
        router.stop()
