"""Several links to one real plain server: one command is one command."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.test_tree import CCD, FOCUSER, TELESCOPE, indipyserver, indiserver, sees
from live import Client, Router, serve, tool, until
from ports import free_port, listens

CONNECT = (
    f"<newSwitchVector device='{FOCUSER}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch></newSwitchVector>"
)

COUNTER = """#!{python}
import sys
DEFINITION = ("<defNumberVector device='Counter' name='JOG' state='Idle' perm='rw'>"
              "<defNumber name='N' format='%g' min='0' max='0' step='0'>0</defNumber></defNumberVector>")
heard, count = "", 0
while text := sys.stdin.readline():
    heard += text
    count += "</newNumberVector>" in text
    if "<getProperties" in text:
        print(DEFINITION, flush=True)
    elif "</newNumberVector>" in text:
        print("<setNumberVector device='Counter' name='JOG' state='Ok'><oneNumber name='N'>%d</oneNumber>"
              "</setNumberVector>" % count, flush=True)
"""
"""A driver whose value is the number of commands that it has had."""


class Tap:
    """Stands before a server and keeps what is sent to it, of all connections; what comes back is passed on."""

    def __init__(self, target: int | None = None) -> None:
        self.data = b""
        self.connections = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, act: object, *args: object) -> None:
        threading.Thread(target=act, args=args, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(near)
                far = None
                if self._target is not None:
                    far = socket.create_connection(("127.0.0.1", self._target))
                    self._sockets.append(far)
                    self._start(self._back, far, near)
                self._start(self._there, near, far)

    def _there(self, near: socket.socket, far: socket.socket | None) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                self.data += data
                if far is not None:
                    far.sendall(data)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(1 << 16):
                near.sendall(data)

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def tap(target: int | None = None) -> Iterator[Tap]:
    made = Tap(target)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def drop_in(tmp: Path, *words: str) -> Iterator[Router]:
    """`inditree indiserver WORDS`."""
    port = free_port()
    env = {**os.environ, "INDITREE_HTTP": "off"}
    router = Router(tmp / "drop-in.log", ["indiserver", "-p", str(port), "-u", str(tmp / "s"), *words], port, env)
    try:
        until(lambda: listens(port), what="it listens")
        yield router
    finally:
        router.stop()


LAYOUTS = {
    "a link for each device": ("{t}@127.0.0.1:{p}", "{f}@127.0.0.1:{p}"),
    "all and one": ("@127.0.0.1:{p}", "{f}@127.0.0.1:{p}"),
    "by two names": ("{t}@127.0.0.1:{p}", "{f}@localhost:{p}"),
    "all by two names": ("@127.0.0.1:{p}", "@localhost:{p}"),
}


def connect_once(router: Router, spy: Tap) -> None:
    """The focuser is switched on, and its server has had one command."""
    with Client(router.port) as client:
        client.ask()
        client.take(f"<defSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.")
        client.send(CONNECT)
        client.take(f"<defNumberVector[^>]*device=.{FOCUSER}.[^>]*name=.ABS_FOCUS_POSITION.")
        client.silent(1.0)
    assert spy.data.count(b"<newSwitchVector") == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_command_to_an_indiserver_is_one_command(layout: str, tmp_path: Path) -> None:
    port = free_port()
    with indiserver(tmp_path, port, "indi_simulator_telescope", "indi_simulator_focus"), tap(port) as spy:
        sees(port, TELESCOPE, FOCUSER)
        words = [word.format(t=TELESCOPE, f=FOCUSER, p=spy.port) for word in LAYOUTS[layout]]
        with drop_in(tmp_path, *words) as router:
            sees(router.port, TELESCOPE, FOCUSER)
            until(lambda: spy.connections == 2)
            connect_once(router, spy)


@pytest.mark.parametrize("names", [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost")])
def test_one_command_to_an_ipyserver_is_one_command_and_it_lives(names: tuple[str, str], tmp_path: Path) -> None:
    """It ends when it is told of a device of its own."""
    port = free_port()
    with indipyserver(port, "indi_simulator_telescope", "indi_simulator_focus"), tap(port) as spy:
        sees(port, TELESCOPE, FOCUSER)
        words = [f"{device}@{name}:{spy.port}" for device, name in zip((TELESCOPE, FOCUSER), names, strict=True)]
        with drop_in(tmp_path, *words) as router:
            sees(router.port, TELESCOPE, FOCUSER)
            connect_once(router, spy)
        sees(port, TELESCOPE, FOCUSER)


def test_through_a_name_that_no_address_shows_it_is_one_too(tmp_path: Path) -> None:
    """Two relays to one indiserver: what one sends comes back by the other, which has defined that device as well."""
    port = free_port()
    with indiserver(tmp_path, port, "indi_simulator_focus"), tap(port) as one, tap(port) as two:
        sees(port, FOCUSER)
        with drop_in(tmp_path, f"@127.0.0.1:{one.port}", f"@127.0.0.1:{two.port}") as router:
            sees(router.port, FOCUSER)
            until(lambda: one.connections + two.connections == 2)
            with Client(router.port) as client:
                client.ask()
                client.take(f"<defSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.")
                client.send(CONNECT)
                client.silent(2.0)
            assert (one.data + two.data).count(b"<newSwitchVector") == 1


ONE_SERVER = {
    "by one name": ("@127.0.0.1:{one}", "@127.0.0.1:{one}"),
    "by two names": ("@127.0.0.1:{one}", "@localhost:{one}"),
    "one device of it at one": ("@127.0.0.1:{one}", "{f}@localhost:{one}"),
    "over relays that no address shows": ("@127.0.0.1:{one}", "@127.0.0.1:{two}"),
    "over relays, a device for each": ("{t}@127.0.0.1:{one}", "{f}@127.0.0.1:{two}"),
}


@pytest.mark.parametrize("layout", ONE_SERVER)
def test_a_command_to_an_indiserver_of_two_linked_routers_is_one_command(layout: str, tmp_path: Path) -> None:
    """Both have it as remote; it repeats to each what the other one has sent."""
    port = free_port()
    with (
        indiserver(tmp_path, port, "indi_simulator_telescope", "indi_simulator_focus"),
        tap(port) as one,
        tap(port) as two,
    ):
        sees(port, TELESCOPE, FOCUSER)
        words = [word.format(t=TELESCOPE, f=FOCUSER, one=one.port, two=two.port) for word in ONE_SERVER[layout]]
        with (
            serve(tmp_path, words[0], name="a") as a,
            serve(tmp_path, words[1], "--remote", f"127.0.0.1:{a.port}", name="b") as b,
        ):
            until(lambda: one.connections + two.connections == 2)
            for number, router in enumerate((a, b)):
                sees(router.port, TELESCOPE, FOCUSER)
                with Client(router.port) as client:
                    client.ask()
                    client.take(f"<defSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.")
                    client.send(CONNECT)
                    client.take(f"<setSwitchVector[^>]*device=.{FOCUSER}.[^>]*name=.CONNECTION.")
                    client.silent(1.0)
                assert (one.data + two.data).count(b"<newSwitchVector") == number + 1
            assert "circulates" not in a.log + b.log


def test_nothing_of_ours_reaches_ten_links_for_one_device_each(tmp_path: Path) -> None:
    with tap() as sink:
        words = [f"dev{number}@127.0.0.1:{sink.port}" for number in range(10)]
        with drop_in(tmp_path, "indi_simulator_ccd", *words) as router:
            sees(router.port, CCD)
            until(lambda: sink.connections == 10)
            with Client(router.port) as client:
                client.connect_ccd()
                client.expose()
                client.silent(1.0)
            assert CCD.encode() not in sink.data
            assert set(sink.data.split(b"<")) and all(
                each.split(b" ")[0] in (b"", b"getProperties", b"pingRequest") for each in sink.data.split(b"<")
            )


@pytest.mark.parametrize(
    "remotes", [("Counter@127.0.0.1:{a}", "Counter@127.0.0.1:{b}"), ("@127.0.0.1:{a}", "@127.0.0.1:{b}")]
)
def test_an_indiserver_with_two_linked_routers_as_remotes_commands_twice_and_that_is_told(
    remotes: tuple[str, str], tmp_path: Path
) -> None:
    """Of its client's one command nothing says that it is one; the router where the two meet names both ways."""
    program = tmp_path / "counter"
    program.write_text(COUNTER.replace("{python}", sys.executable))
    program.chmod(0o755)
    port = free_port()
    with (
        serve(tmp_path, str(program), name="a") as a,
        serve(tmp_path, "--remote", f"127.0.0.1:{a.port}", name="b") as b,
        Client(a.port) as client,
    ):
        sees(b.port, "Counter")
        client.ask()
        with indiserver(tmp_path, port, *(each.format(a=a.port, b=b.port) for each in remotes)):
            sees(port, "Counter")
            until(lambda: jog(port) and "Counter.JOG came by two ways within half a second, from " in a.log)
            client.silent(0.5)
            had = int(re.findall(rb">(\d+)</oneNumber>", client.heard)[-1])
            jog(port)
            client.take(f">{had + 2}</oneNumber>")
            assert "by two ways" not in b.log


def jog(port: int) -> bool:
    """A client of that server moves the counter, as soon as both remotes are there perhaps."""
    return tool("indi_setprop", "-p", str(port), "Counter.JOG.N=1").returncode == 0
