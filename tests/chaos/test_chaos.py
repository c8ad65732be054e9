"""Faults under steady traffic: two routers, a link that is cut, delayed and stalled, drivers that are killed.

A short run by default; INDITREE_CHAOS_SECONDS (`make chaos`) makes it a long one.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from chaos.listener import Listener
from chaos.proxy import Proxy
from live import Router, until
from ports import free_port
from security.parts import TOKEN, api, configured, http_with_token, listen

SECONDS = float(os.environ.get("INDITREE_CHAOS_SECONDS", "9"))
TICKER = Path(__file__).parent / "ticker.py"
MIB = 1 << 20
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def everything(tmp: Path) -> tuple[str, ...]:
    """Lines of the hub that switch on what a router may do by itself."""
    return (
        f"record: {{dir: {tmp / 'night'}, images: hash}}",
        "devices: [{device: C, connect: false, set: {ECHO.N: 1}}]",
        "interlocks: [{name: never 13, refuse: ['C.ECHO.N=13'], unless: '\"C.TICK.N\" < 0'}]",
        "reactions: [{name: seen, when: '\"B.TICK.N\" > 0', for: 1s, do: [{set: C.ECHO.N=2, wait: 5s}]}]",
    )


@dataclass
class Scene:
    """Two routers, the hub linked to the leaf through a proxy, and those who listen at each."""

    leaf: Router
    hub: Router
    proxy: Proxy
    leaf_http: str
    hub_http: str
    near: Listener
    far: Listener
    random: random.Random
    clients: list[socket.socket]

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(router.process.pid) for router in (self.leaf, self.hub)]

    def drivers(self, state: str = "running") -> list[tuple[str, str, int]]:
        """Where each is that is in that state, its name and its process."""
        return [
            (http, row["name"], row["pid"])
            for http in (self.leaf_http, self.hub_http)
            for row in api(http, "drivers", token=TOKEN)
            if row["state"] == state
        ]


def tickers(rate: int, *names: str) -> str:
    restart = "restart: {backoff: 100ms, backoff_max: 500ms}"
    entries = [
        f"{{name: {each}, exec: ['{sys.executable}', '{TICKER}', {each}, '{rate}'], {restart}}}" for each in names
    ]
    return f"drivers: [{', '.join(entries)}]"


@contextlib.contextmanager
def scene(tmp: Path, seed: int, *more: str) -> Iterator[Scene]:
    """Both routers under traffic; `more` are lines of the hub's configuration."""
    leaf_port, hub_port = free_port(), free_port()
    leaf_http, hub_http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    proxy = Proxy(leaf_port)
    remotes = f"remotes: [{{host: 127.0.0.1, port: {proxy.port}, name: leaf}}]"
    limits = "limits: {stall_timeout: 3s, link_timeout: 3s, memory: 64MiB, queue: 16MiB}"
    leaf_lines = (listen(leaf_port), tickers(200, "A", "B"), limits, http_with_token(tmp, leaf_http))
    hub_lines = (listen(hub_port), tickers(200, "C"), remotes, limits, http_with_token(tmp, hub_http), *more)
    disk = "audit: {file: /dev/full}"  # a disk that is full from the beginning
    with (
        contextlib.closing(proxy),
        configured(tmp, leaf_port, *leaf_lines, disk, name="leaf", ready="B: provided by") as leaf,
        configured(tmp, hub_port, *hub_lines, name="hub", ready="B: provided by") as hub,
        contextlib.closing(Listener(leaf_port, "near", near="AB")) as near,
        contextlib.closing(Listener(hub_port, "far", near="C")) as far,
    ):
        made = Scene(leaf, hub, proxy, leaf_http, hub_http, near, far, random.Random(seed), [])
        all_there(made)
        yield made


def all_there(made: Scene) -> None:
    """Each listener hears of each device again, and sees pictures of it."""
    for listener in (made.near, made.far):
        last, seen = dict(listener.last), dict(listener.seen)
        for each in "ABC":
            until(lambda: (listener.last.get(each) or 0) > (last.get(each) or 0), what=f"{each} is heard")  # noqa: B023
            until(lambda: listener.seen.get(each, 0) > seen.get(each, 0), what=f"{each} is seen")  # noqa: B023


# What is done to it


def kill_driver(made: Scene) -> None:
    running = made.drivers()
    if running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(made.random.choice(running)[2], signal.SIGKILL)


def stop_and_start_driver(made: Scene) -> None:
    for http, name, _ in made.drivers("stopped"):
        _post(http, f"drivers/{name}/start")
        return
    running = made.drivers()
    if running:
        http, name, _ = made.random.choice(running)
        _post(http, f"drivers/{name}/stop")


def freeze_driver(made: Scene) -> None:
    running = made.drivers()
    if running:
        pid = made.random.choice(running)[2]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(made.random.random())
            os.kill(pid, signal.SIGCONT)


def restart_link(made: Scene) -> None:
    _post(made.hub_http, "remotes/leaf/restart")


def cut_link(made: Scene) -> None:
    made.proxy.cut(reset=made.random.random() < 0.5)


def delay_link(made: Scene) -> None:
    made.proxy.delay = made.random.choice((0.0, 0.001, 0.02))


def stall_link(made: Scene) -> None:
    made.proxy.stall()
    time.sleep(made.random.choice((0.1, 0.5, 4.5)))
    made.proxy.go_on()


def refuse_link(made: Scene) -> None:
    made.proxy.refuses = not made.proxy.refuses
    made.proxy.cut(reset=True)


def client_that_stalls(made: Scene) -> None:
    with _client(made) as sock:
        made.clients.append(sock.dup())
        sock.sendall(b"<getProperties version='1.7'/><enableBLOB>Also</enableBLOB>")


def client_that_vanishes(made: Scene) -> None:
    for sock in made.clients[: made.random.randrange(3)]:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        made.clients.remove(sock)


def client_that_babbles(made: Scene) -> None:
    with contextlib.suppress(OSError), _client(made) as sock:
        sock.sendall(made.random.choice((b"<", b"<getProperties/>" * 500, b"<newNumberVector device='A' name='ECHO'>")))
        sock.sendall(made.random.randbytes(5000))


def client_that_commands(made: Scene) -> None:
    device = made.random.choice("ABC")
    with contextlib.suppress(OSError), _client(made) as sock:
        member = "<oneNumber name='N'>5</oneNumber>"
        sock.sendall(f"<newNumberVector device='{device}' name='ECHO'>{member}</newNumberVector>".encode() * 20)


def page_that_stalls(made: Scene) -> None:
    """A browser's page: what it asks for waits for it; now and then one hangs up (`client_that_vanishes`)."""
    with _client(made) as sock:
        made.clients.append(sock.dup())
        sock.sendall(HANDSHAKE)
        for text in (b'{"getProperties": {"client": "chaos"}}', b'{"enableBLOB": {"device": "A", "value": "URL"}}'):
            sock.sendall(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)


def command_that_an_interlock_refuses(made: Scene) -> None:
    with contextlib.suppress(OSError), _client(made) as sock:
        member = "<oneNumber name='N'>13</oneNumber>"
        sock.sendall(f"<newNumberVector device='C' name='ECHO'>{member}</newNumberVector>".encode())


def _client(made: Scene) -> socket.socket:
    return socket.create_connection(("127.0.0.1", made.random.choice((made.leaf.port, made.hub.port))), 5)


def _post(http: str, path: str) -> None:
    api(http, path, token=TOKEN, post=True)


FAULTS: tuple[Callable[[Scene], None], ...] = (
    kill_driver, stop_and_start_driver, freeze_driver, restart_link, cut_link, delay_link, stall_link, refuse_link,
    client_that_stalls, client_that_stalls, client_that_vanishes, client_that_babbles, client_that_commands,
    page_that_stalls, command_that_an_interlock_refuses,
)  # fmt: skip


def heal(made: Scene) -> None:
    made.proxy.refuses, made.proxy.delay = False, 0.0
    made.proxy.go_on()
    for sock in made.clients:
        sock.close()
    made.clients.clear()

    def running() -> bool:
        for http, name, _ in made.drivers("stopped"):
            _post(http, f"drivers/{name}/start")
        return len(made.drivers()) == 3

    until(running, what="all drivers run")


def test_faults_cost_no_healthy_client_anything(tmp_path: Path) -> None:
    seed = int(os.environ.get("INDITREE_CHAOS_SEED", time.time_ns() % 1_000_000))
    with scene(tmp_path, seed, *everything(tmp_path)) as made:
        before = [process.num_fds() for process in made.processes()]
        peaks = [0, 0]
        done = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            made.random.choice(FAULTS)(made)
            done += 1
            time.sleep(made.random.random() * 0.3)
            peaks = [max(p, each.memory_info().rss) for p, each in zip(peaks, made.processes(), strict=True)]
        heal(made)
        all_there(made)
        told = [peak >> 20 for peak in peaks]
        print(
            f"\nseed {seed}: {done} faults in {SECONDS:.0f} s; near {made.near.ticks} elements and {made.near.pictures}"
        )
        print(f"pictures, worst gap {made.near.worst:.2f} s; far {made.far.ticks}; peak RSS leaf, hub {told} MiB")
        assert not made.near.faults + made.far.faults, f"seed {seed}"
        assert max(peaks) < 256 * MIB
        for count, process in zip(before, made.processes(), strict=True):
            until(lambda process=process, count=count: process.num_fds() <= count + 4, what="descriptors return")  # type: ignore[misc]
        for router in (made.leaf, made.hub):
            assert "Traceback" not in router.log, router.log[-3000:]
