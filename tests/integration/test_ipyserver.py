"""The documented program of IPyServer, with only its import changed."""

import asyncio
import http.client
import logging
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from indipydriver import Device, IPyDriver, NumberMember, NumberVector, newNumberVector

from inditree import IPyServer
from live import Client, until
from ports import free_port
from waiting import DEADLINE


class Thermostat(IPyDriver):  # type: ignore[misc]  # indipydriver is not typed
    """One number, set as it is asked."""

    async def rxevent(self, event: Any) -> None:
        if isinstance(event, newNumberVector):
            for name, value in event.items():
                event.vector[name] = value
            await event.vector.send_setVector(state="Ok")

    async def hardware(self) -> None:
        await self.shutdownrequested.wait()


class Broken(Thermostat):
    async def rxevent(self, event: Any) -> None:
        raise RuntimeError("the heater is on fire")


def thermostat(name: str = "Thermostat", kind: type[Thermostat] = Thermostat) -> Thermostat:
    member = NumberMember("target", "Target", "%g", "0", "50", "1", "20")
    return kind(Device(name, [NumberVector("temperature", "Temperature", "Main", "rw", "Ok", [member])]))


def run(server: IPyServer, work: Callable[[], Any]) -> Any:
    """Run the server, and blocking work against it in a thread."""

    async def both() -> Any:
        running = asyncio.get_running_loop().create_task(server.asyncrun())  # a user's script
        await asyncio.to_thread(until, lambda: _open(server.port))
        try:
            return await asyncio.to_thread(work)
        finally:
            server.shutdown()
            await running

    return asyncio.run(both())


def _open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_the_documented_program() -> None:
    server = IPyServer(host="localhost", port=free_port(), maxconnections=5)
    server.add_exdriver("indi_simulator_telescope")
    server.add_exdriver("indi_simulator_ccd")

    def work() -> None:
        with Client(server.port) as client:
            client.ask("Telescope Simulator")
            client.take("<defSwitchVector")
            client.connect_ccd()
            client.expose()

    run(server, work)
    assert server.stop
    assert server.stopped.is_set()


@pytest.mark.parametrize("number", [0, 11])
def test_connections_outside_1_to_10(number: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 10"):
        IPyServer(maxconnections=number)


def test_what_is_no_driver_and_a_device_given_twice() -> None:
    with pytest.raises(TypeError, match="str"):
        IPyServer("indi_simulator_ccd")
    with pytest.raises(ValueError, match="Thermostat"):
        IPyServer(thermostat(), thermostat())


def test_the_sixth_of_five_is_refused_and_a_freed_slot_is_free_at_once() -> None:
    server = IPyServer(port=free_port(), maxconnections=5)

    def work() -> None:
        clients = [Client(server.port) for _ in range(5)]
        for client in clients:
            client.ping()
        with Client(server.port) as sixth:
            assert sixth.closed()
        clients[2].sock.close()
        clients[3].ping()
        with Client(server.port) as again:
            again.ping()
        for client in clients:
            client.sock.close()

    run(server, work)


def test_an_ipydriver_is_read_and_set() -> None:
    server = IPyServer(thermostat(), port=free_port())

    def work() -> None:
        with Client(server.port) as client:
            client.ask()
            client.take("<defNumberVector[^>]*name=.temperature.[^>]*>.*?20<")
            client.send(
                "<newNumberVector device='Thermostat' name='temperature'><oneNumber name='target'>33</oneNumber>"
                "</newNumberVector>"
            )
            client.take("<setNumberVector[^>]*name=.temperature.[^>]*>.*?33<")

    run(server, work)


def test_one_that_fails_loses_its_devices_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    server = IPyServer(thermostat("Bad", Broken), thermostat("Good"), port=free_port())

    def work() -> None:
        with Client(server.port) as client:
            client.ask()
            client.take("device=.Bad..*?device=.Good.|device=.Good..*?device=.Bad.")
            client.send(
                "<newNumberVector device='Bad' name='temperature'><oneNumber name='target'>3</oneNumber>"
                "</newNumberVector>"
            )
            client.take("<delProperty device=.Bad.")
            client.ping()

    run(server, work)
    assert "the heater is on fire" in caplog.text


def test_a_message_and_its_time_arrive() -> None:
    server = IPyServer(port=free_port())
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    async def both() -> None:
        running = asyncio.get_running_loop().create_task(server.asyncrun())
        await asyncio.to_thread(until, lambda: _open(server.port))
        client = await asyncio.to_thread(Client, server.port)
        await asyncio.to_thread(client.ping)
        await server.send_message("clouds are coming", when)
        await asyncio.to_thread(client.take, "<message[^>]*['\"]2026-01-02T03:04:05.678901['\"][^>]*clouds are coming")
        client.sock.close()
        server.shutdown("the roof closes")
        await running

    asyncio.run(both())


def test_shutdown_says_why_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    server = IPyServer(port=free_port())

    async def both() -> None:
        running = asyncio.get_running_loop().create_task(server.asyncrun())
        await asyncio.to_thread(until, lambda: _open(server.port))
        server.shutdown("the roof closes")
        await running

    asyncio.run(both())
    assert [r for r in caplog.records if r.levelno == logging.ERROR and "the roof closes" in r.getMessage()]
    assert server.stop
    assert server.stopped.is_set()


def test_silence_is_what_a_client_hears() -> None:
    """Another one that talks all the time, and is not answered, breaks it for nobody."""
    server = IPyServer(port=free_port())
    server.keepalive = 1

    def work() -> None:
        with Client(server.port) as talker, Client(server.port) as client:
            quiet = threading.Event()

            def talk() -> None:
                while not quiet.wait(0.05):
                    talker.send("<enableBLOB>Never</enableBLOB>")

            thread = threading.Thread(target=talk)
            thread.start()
            try:
                client.take("<message[^>]*Keep alive message")
            finally:
                quiet.set()
                thread.join()

    run(server, work)


def test_silence_is_broken_by_a_message() -> None:
    server = IPyServer(port=free_port())
    server.keepalive = 1

    def work() -> None:
        with Client(server.port) as client:
            client.take("<message[^>]*Keep alive message")

    run(server, work)


def test_the_variables_for_http_are_read_as_the_commands_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    (tmp_path / "token").write_text("secret")
    monkeypatch.setenv("INDITREE_HTTP", f" 127.0.0.1:{port} ")
    monkeypatch.setenv("INDITREE_TOKEN_FILE", str(tmp_path / "token"))

    def change() -> int:
        until(lambda: _open(port))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("POST", "/api/v1/drivers/none/stop")
        status = connection.getresponse().status
        connection.close()
        return status

    assert run(IPyServer(port=free_port()), change) == 401
    monkeypatch.setenv("INDITREE_HTTP", "off")
    run(IPyServer(port=free_port()), lambda: None)
