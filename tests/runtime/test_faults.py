"""Faults that a review found, each as it showed: a router of our own, its peers behave badly."""

import contextlib
import sys
import threading
import time
from pathlib import Path

import psutil

from live import Client, Router, free_port, serve, until

SLOW_CAMERA = """
import sys, time
sys.stdin.readline()
print("<defBLOBVector device='Cam' name='I' state='Ok' perm='ro'><defBLOB name='i'/></defBLOBVector>", flush=True)
while True:
    sys.stdout.write("<setBLOBVector device='Cam' name='I' state='Ok'><oneBLOB name='i' size='3145728' format='.x'>")
    for _ in range(16):
        sys.stdout.write("QUJD" * 65536)
        sys.stdout.flush()
        time.sleep(0.25)
    print("</oneBLOB></setBLOBVector>", flush=True)
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


def test_an_image_that_takes_longer_than_link_timeout_is_no_silent_link(tmp_path: Path) -> None:
    program = tmp_path / "camera.py"
    program.write_text(SLOW_CAMERA)
    limits = "limits: {link_timeout: 1500ms}\n"
    leaf = configured(tmp_path, f"{limits}drivers: [{{exec: ['{sys.executable}', '{program}']}}]\n", "leaf")
    hub = configured(tmp_path, f"{limits}remotes: [{{host: 127.0.0.1, port: {leaf.port}}}]\n", "hub")
    try:
        hub.wait_for("Cam: provided by")
        with Client(hub.port) as client:
            client.ask()
            client.send("<enableBLOB device='Cam'>Also</enableBLOB>")
            client.take("</setBLOBVector>", 20)
        assert "silent for" not in hub.log
        assert "silent for" not in leaf.log
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
        until(lambda: psutil.Process(router.process.pid).num_fds() <= before, 10, "their places are free")
    finally:
        router.stop()


def test_a_flood_of_small_elements_delays_nobody_for_long(tmp_path: Path) -> None:
    with serve(tmp_path) as router, Client(router.port) as flood, Client(router.port) as other:
        other.ping()

        def pour() -> None:
            with contextlib.suppress(OSError):  # the end of the test
                while True:
                    flood.sock.sendall(b"<unknown/>" * 20_000)

        threading.Thread(target=pour, daemon=True).start()
        slowest = 0.0
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            began = time.monotonic()
            other.ping()
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 0.5, "one turn of the flood is bounded"
