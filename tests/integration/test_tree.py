"""Routers linked into trees and rings, and to other servers, with real drivers on different nodes."""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live import Client, Router, serve, until
from ports import free_port
from waiting import DEADLINE

TELESCOPE, CCD, FOCUSER = "Telescope Simulator", "CCD Simulator", "Focuser Simulator"
PROGRAMS = {TELESCOPE: "indi_simulator_telescope", CCD: "indi_simulator_ccd", FOCUSER: "indi_simulator_focus"}

INDIPYSERVER = """
import asyncio, sys
from indipyserver import IPyServer
server = IPyServer(host="127.0.0.1", port=int(sys.argv[1]), maxconnections=10)
for word in sys.argv[2:]:
    if word.startswith("@"):
        server.add_remote("127.0.0.1", int(word[1:]), blob_enable=True)
    else:
        server.add_exdriver(word)
asyncio.run(server.asyncrun())
"""


def devices(port: int) -> set[str]:
    """What a client that asks sees within a moment; nothing where nobody listens yet."""
    try:
        with Client(port) as client:
            client.ask()
            data = client.silent(0.2)
    except OSError:
        return set()
    return {name.decode() for name in re.findall(rb"<def\w+Vector[^>]*device=.([\w ]+)", data)}


def sees(port: int, *names: str, timeout: float = DEADLINE) -> None:
    until(lambda: set(names) <= devices(port), timeout, f"{names} at {port}")


def status(http: str) -> Any:
    with urllib.request.urlopen(f"http://{http}/api/v1/status", timeout=DEADLINE) as answer:
        return json.load(answer)


@contextlib.contextmanager
def other(*words: str) -> Iterator[None]:
    """Another program beside ours."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def indiserver(tmp: Path, port: int, *words: str) -> Iterator[None]:
    with other("indiserver", "-u", str(tmp / f"u{port}"), "-p", str(port), *words):
        yield


@contextlib.contextmanager
def indipyserver(port: int, *words: str) -> Iterator[None]:
    with other(sys.executable, "-c", INDIPYSERVER, str(port), *words):
        yield


@contextlib.contextmanager
def three(tmp: Path, wiring: dict[str, tuple[str, ...]], *more: str) -> Iterator[dict[str, Router]]:
    """Routers a (telescope), b (camera) and c (focuser), each with remotes to those named, and more words."""
    ports = {name: free_port() for name in wiring}
    programs = dict(zip(wiring, PROGRAMS.values(), strict=True))
    with contextlib.ExitStack() as stack:
        routers = {}
        for name, remotes in wiring.items():
            words = [part for each in remotes for part in ("--remote", f"127.0.0.1:{ports[each]}")]
            http = f"127.0.0.1:{free_port()}"
            router = stack.enter_context(
                serve(tmp, *more, *words, programs[name], port=ports[name], http=http, name=name)
            )
            router.http = http  # type: ignore[attr-defined]
            routers[name] = router
        yield routers


def check_all_from_everywhere(routers: dict[str, Router]) -> None:
    for router in routers.values():
        sees(router.port, TELESCOPE, CCD, FOCUSER)
    for number, router in enumerate(routers.values()):
        with Client(router.port) as client:
            client.ask(TELESCOPE)
            client.take(f"<defNumberVector[^>]*device=.{TELESCOPE}.[^>]*name=.POLLING_PERIOD.")
            client.send(
                f"<newNumberVector device='{TELESCOPE}' name='POLLING_PERIOD'><oneNumber name='PERIOD_MS'>"
                f"{700 + number}</oneNumber></newNumberVector>"
            )
            client.take(f"<setNumberVector[^>]*name=.POLLING_PERIOD.[^>]*>.*?{700 + number}")
        with Client(router.port) as client:
            client.connect_ccd()
            client.expose()


def test_the_chain_of_the_documentation(tmp_path: Path) -> None:
    """IPyServer's first layout: c links to b, b links to a."""
    with three(tmp_path, {"a": (), "b": ("a",), "c": ("b",)}) as routers:
        check_all_from_everywhere(routers)


def test_the_hub_of_the_documentation(tmp_path: Path) -> None:
    """IPyServer's second layout: a hub links to all leaves."""
    with three(tmp_path, {"a": (), "b": (), "c": ("a", "b")}) as routers:
        check_all_from_everywhere(routers)


def test_a_ring_with_a_double_link_and_a_link_to_itself(tmp_path: Path) -> None:
    with three(tmp_path, {"a": ("b", "c"), "b": ("a", "c"), "c": ("a", "b", "c")}) as routers:
        check_all_from_everywhere(routers)
        told = status(routers["c"].http)  # type: ignore[attr-defined]
        assert told["loops_detected"] >= 1
        assert any("itself" in (row["last_error"] or "") for row in told["remotes"])
        with Client(routers["a"].port) as client:
            client.ask(FOCUSER)
            client.ping()
            client.silent(1.0)
            assert len(client.silent(2.0)) < 2000, "the ring is not quiet"


def test_a_device_comes_back_over_another_path(tmp_path: Path) -> None:
    config = tmp_path / "patient.yaml"
    config.write_text("limits: {link_hold: 600s}\n")  # nothing that is held comes within a test's deadline
    wiring = {"a": (), "b": ("a",), "c": ("b", "a")}
    with three(tmp_path, wiring, "--config", str(config)) as routers, Client(routers["c"].port) as client:
        sees(routers["c"].port, TELESCOPE, CCD)
        client.ask()
        client.ping()
        owner = next(d for d in status(routers["c"].http)["devices"] if d["name"] == TELESCOPE)["owner"]["name"]  # type: ignore[attr-defined]
        client.forget()
        done = subprocess.run(
            [sys.executable, "-m", "inditree", "remote", "stop", owner],
            env={**os.environ, "INDITREE_PORT": str(routers["c"].port)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        client.take(f"<delProperty device=.{TELESCOPE}.")
        client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.")


def test_a_leaf_that_dies_and_returns(tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, "--remote", f"127.0.0.1:{port}", name="hub") as hub, Client(hub.port) as client:
        client.ask()
        with serve(tmp_path, PROGRAMS[TELESCOPE], port=port, name="leaf") as leaf:
            client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")
            leaf.process.kill()
            leaf.process.wait()
            client.take(f"<delProperty device=.{TELESCOPE}.")
        with serve(tmp_path, PROGRAMS[TELESCOPE], port=port, name="again"):
            client.take(f"<defSwitchVector[^>]*device=.{TELESCOPE}.[^>]*name=.CONNECTION.")


def test_blobs_cross_a_link_only_on_demand(tmp_path: Path) -> None:
    leaf_port, http = free_port(), f"127.0.0.1:{free_port()}"
    with (
        serve(tmp_path, PROGRAMS[CCD], port=leaf_port, name="leaf", http=http) as leaf,
        serve(tmp_path, "--remote", f"127.0.0.1:{leaf_port}", name="hub") as hub,
        Client(leaf.port) as there,
    ):
        sees(hub.port, CCD)
        there.connect_ccd()
        there.expose()
        assert _blob_bytes(http) == 0, "an image crossed the link and nobody behind it wanted it"
        with Client(hub.port) as here, Client(hub.port) as too:
            for each in (here, too):
                each.ask(CCD)
                each.send(f"<enableBLOB device='{CCD}'>Also</enableBLOB>")
                each.ping()
            until(lambda: "Also" in _blobs(http), what="the wish crosses the link")
            size = len(there.expose())
            for each in (here, too):
                each.take("</setBLOBVector>")
            crossed = until(lambda: _blob_bytes(http), what="the image is counted")
            assert size < crossed < 2 * size, "one image crosses once, however many want it"


def _blobs(http: str) -> str:
    with urllib.request.urlopen(f"http://{http}/api/v1/clients", timeout=DEADLINE) as answer:
        return str([row["blobs"] for row in json.load(answer) if row["link"]])


def _blob_bytes(http: str) -> int:
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=DEADLINE) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith('indi_bytes_sent_total{kind="blob",peer="link"}'):
                return int(float(line.split()[-1]))
    raise AssertionError("no such metric")


def test_indiserver_as_our_remote(tmp_path: Path) -> None:
    port = free_port()
    with indiserver(tmp_path, port, PROGRAMS[CCD]), serve(tmp_path, "--remote", f"127.0.0.1:{port}") as router:
        sees(router.port, CCD)
        with Client(router.port) as client:
            client.connect_ccd()
            client.expose()


def test_indiserver_chained_to_us(tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, PROGRAMS[CCD]) as router:
        sees(router.port, CCD)
        with indiserver(tmp_path, port, f"{CCD}@127.0.0.1:{router.port}"):
            sees(port, CCD)
            with Client(port) as client:
                client.connect_ccd()
                client.expose()


def test_indiserver_chained_to_us_for_all(tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, PROGRAMS[CCD], PROGRAMS[TELESCOPE]) as router:
        sees(router.port, CCD, TELESCOPE)
        with indiserver(tmp_path, port, f"@127.0.0.1:{router.port}"):
            sees(port, CCD, TELESCOPE)


def test_indipyserver_as_our_remote(tmp_path: Path) -> None:
    port = free_port()
    with (
        indipyserver(port, PROGRAMS[CCD]),
        serve(tmp_path, "--remote", f"127.0.0.1:{port}", PROGRAMS[FOCUSER]) as router,
    ):
        sees(router.port, CCD, FOCUSER)
        sees(port, CCD, FOCUSER)
        with Client(router.port) as client:
            client.connect_ccd()
            client.expose()


def test_indipyserver_with_us_as_its_remote(tmp_path: Path) -> None:
    """`peers: any` lets it provide its own devices to us."""
    port, ours = free_port(), free_port()
    file = tmp_path / "router.yaml"
    file.write_text(
        f"listen: [{{tcp: '127.0.0.1:{ours}', peers: any}}]\nhttp: {{listen: off}}\n"
        f"drivers: [{{exec: [{PROGRAMS[CCD]}]}}]\n"
    )
    router = Router(tmp_path / "log", ["serve", "--config", str(file)], ours)
    try:
        sees(ours, CCD)
        with indipyserver(port, PROGRAMS[FOCUSER], f"@{ours}"):
            sees(port, CCD, FOCUSER)
            sees(ours, CCD, FOCUSER)
            with Client(port) as client:
                client.connect_ccd()
                client.expose()
    finally:
        router.stop()
