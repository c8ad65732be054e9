"""Faults that a review found, each as it showed: a router of our own, its peers behave badly."""

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from inditree.config import Limits
from inditree.core import Policy, Settings
from inditree.counters import Counters
from inditree.transport import stream as stream_module
from inditree.transport.channel import SocketChannel
from inditree.transport.engine import Engine
from inditree.transport.stream import DROPS_AT_ONCE, ITEMS_AT_ONCE, Stream
from live import Client, Router, serve, until
from ports import free_port
from waiting import DEADLINE, becomes

CAMERA = """
import sys
sys.stdin.readline()
print("<defBLOBVector device='Cam' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>", flush=True)
data = "QUJD" * (1 << 20)
while True:
    print("<setBLOBVector device='Cam' name='I' state='Ok'><oneBLOB name='i' size='3145728' format='.x'>"
          + data + "</oneBLOB></setBLOBVector>", flush=True)
    sys.stdin.readline()
"""

DEAF = """#!/bin/sh
read line
echo "<defTextVector device='Deaf' name='t' state='Ok' perm='rw'><defText name='t'>a</defText></defTextVector>"
exec 0<&-
sleep 60
"""

EXITS = """
from indipydriver import Device, IPyDriver, NumberMember, NumberVector
import sys

class Exits(IPyDriver):
    async def rxevent(self, event):
        sys.exit(3)

def make():
    member = NumberMember("v", "v", "%g", "0", "9", "1", "1")
    return Exits(Device("Exits", [NumberVector("N", "N", "g", "rw", "Ok", [member])]))
"""


def configured(tmp: Path, text: str, name: str = "router") -> Router:
    port = free_port()
    file = tmp / f"{name}.yaml"
    file.write_text(f"listen: [{{tcp: '127.0.0.1:{port}'}}]\nhttp: {{listen: off}}\n{text}")
    return Router(tmp / f"{name}.log", ["serve", "--config", str(file)], port)


@contextlib.contextmanager
def slow_way_to(port: int) -> Iterator[int]:
    """A port that leads there, and lets 1 MiB come back in three seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as ends:

        def pass_on(source: socket.socket, target: socket.socket, pause: float) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(1 << 18):
                    target.sendall(data)
                    time.sleep(pause)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near = ends.enter_context(server.accept()[0])
                    far = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
                    threading.Thread(target=pass_on, args=(near, far, 0.0), daemon=True).start()
                    threading.Thread(target=pass_on, args=(far, near, 0.75), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def test_an_image_that_takes_longer_than_link_timeout_is_no_silent_link(tmp_path: Path) -> None:
    program = tmp_path / "camera.py"
    program.write_text(CAMERA)
    # Half of what the image takes, and far more than a loaded machine stands still.
    limits = "limits: {link_timeout: 6s}\n"
    leaf = configured(tmp_path, f"{limits}drivers: [{{exec: ['{sys.executable}', '{program}']}}]\n", "leaf")
    leaf.wait_for("Cam: provided by")
    with slow_way_to(leaf.port) as port:
        hub = configured(tmp_path, f"{limits}remotes: [{{host: 127.0.0.1, port: {port}}}]\n", "hub")
        try:
            hub.wait_for("Cam: provided by")
            with Client(hub.port) as client:
                client.ask()
                client.send("<enableBLOB device='Cam'>Also</enableBLOB>")
                client.ping()
                client.send("<newTextVector device='Cam' name='I'><oneText name='t'>x</oneText></newTextVector>\n")
                client.take("</setBLOBVector>")
            assert "silent for" not in hub.log
        finally:
            hub.stop()
            leaf.stop()


def test_a_driver_that_closes_its_stdin_is_found_hung(tmp_path: Path) -> None:
    program = tmp_path / "deaf"
    program.write_text(DEAF)
    program.chmod(0o755)
    router = configured(tmp_path, f"drivers: [{{exec: ['{program}'], restart: {{policy: never}}}}]\n")
    try:
        router.wait_for("Deaf: provided by")
        with Client(router.port) as client:
            client.ask()
            client.send("<newTextVector device='Deaf' name='t'><oneText name='t'>b</oneText></newTextVector>")
            client.take("<delProperty device=.Deaf.")
        router.wait_for("closed its stdin")
    finally:
        router.stop()


def test_sys_exit_in_a_driver_object_is_that_objects_failure(tmp_path: Path) -> None:
    (tmp_path / "exits_module.py").write_text(EXITS)
    with serve(tmp_path, "exits_module:make", "indi_simulator_telescope", env={"PYTHONPATH": str(tmp_path)}) as router:
        router.wait_for("Exits: provided by")
        router.wait_for("Telescope Simulator: provided by")
        with Client(router.port) as client:
            client.ask()
            client.send("<newNumberVector device='Exits' name='N'><oneNumber name='v'>2</oneNumber></newNumberVector>")
            client.take("<delProperty device=.Exits.")
            client.ping()
        router.wait_for("sys.exit(3)")


def test_a_client_that_was_rested_and_hung_up_frees_its_place(tmp_path: Path) -> None:
    router = configured(tmp_path, "limits: {elements_per_second: 10}\n")
    try:
        router.wait_for("listening on")
        with Client(router.port) as client:
            client.ping()
        before = psutil.Process(router.process.pid).num_fds()
        for _ in range(3):
            with Client(router.port) as client:
                client.send("<getProperties version='1.7'/>" * 2000)
        until(lambda: psutil.Process(router.process.pid).num_fds() <= before, what="their places are free")
    finally:
        router.stop()


@pytest.mark.parametrize("seconds", [60.0, 0.0])
def test_a_flood_of_small_elements_has_its_turn_and_no_more(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn is so many elements, or so long; the one at hand is finished."""
    at_once = ITEMS_AT_ONCE if seconds else 1
    monkeypatch.setattr(stream_module, "TURN", seconds)

    async def run() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        ours, theirs = socket.socketpair()
        peer = engine.core.join("client", "flood", Policy(listener="l"))
        stream = Stream(engine, peer, SocketChannel(ours), lambda reason, text: None)
        theirs.sendall(b"<unknown/>" * 3 * at_once)
        stream.read()
        assert peer.counters.received["_other"] == at_once
        for _ in range(10):
            await asyncio.sleep(0)  # a turn of the loop
        assert peer.counters.received["_other"] == 3 * at_once
        engine.end(peer, "shutdown", "the end of the test")
        theirs.close()
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), DEADLINE))


@pytest.mark.parametrize("piece", [b"<a b=c>", b"<setBLOBVector device=C>", b"<oneBLOB/>", b"<oneBLOB/><x "])
def test_a_flood_of_garbage_has_its_turn_and_no_more(piece: bytes) -> None:
    """To drop what is no XML costs as much as to frame an element."""

    async def run() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        ours, theirs = socket.socketpair()
        peer = engine.core.join("driver", "garbler")
        stream = Stream(engine, peer, SocketChannel(ours), lambda reason, text: None)
        theirs.sendall(piece * 4 * DROPS_AT_ONCE + b"\n<pingRequest uid='behind'/>")
        stream.read()
        assert 1 <= peer.counters.parse_errors["malformed"] <= DROPS_AT_ONCE
        for _ in range(40):
            await asyncio.sleep(0)  # a turn of the loop
        assert theirs.recv(100) == b'<pingReply uid="behind"/>\n'
        engine.end(peer, "shutdown", "the end of the test")
        theirs.close()
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), DEADLINE))


def test_who_has_hung_up_is_heard_to_its_end_and_answered_no_more() -> None:
    """Its commands count, and answers to thousands of questions would be work for nobody."""

    async def run() -> None:
        engine = Engine(Settings(identity="me", timestamp=lambda: ""), Limits(), Counters())
        ours, theirs = socket.socketpair()
        driver = engine.core.join("driver", "D")
        Stream(engine, driver, SocketChannel(ours), lambda reason, text: None)
        theirs.sendall(b"<defTextVector device='D' name='T' state='Ok' perm='rw'><defText name='t'/></defTextVector>")
        await becomes(lambda: driver.owns, "it is defined")
        near, far = socket.socketpair()
        client = engine.core.join("client", "gone", Policy(listener="l"))
        Stream(engine, client, SocketChannel(near), lambda reason, text: None)
        far.sendall(b"<getProperties version='1.7'/>" * 1500 + b"<newTextVector device='D' name='T'/>")
        far.close()
        await becomes(lambda: client.gone, "it leaves")
        assert client.counters.received["getProperties"] == 1500
        assert client.counters.sent["defTextVector"] <= ITEMS_AT_ONCE
        assert b"<newTextVector" in theirs.recv(4096)
        engine.end(driver, "shutdown", "the end of the test")
        theirs.close()
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), DEADLINE))
