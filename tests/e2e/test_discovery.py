"""compose.discovery.yaml: a hub that finds its routers through the proxy in front of the engine's socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.engine import HARDENED, IMAGE, Project, command, docker, get, project, unique, until
from e2e.indi import Client

FILE = "compose/compose.discovery.yaml"
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("engine", 2375, timeout=5)
connection.request(sys.argv[1], sys.argv[2])
print(connection.getresponse().status)
"""
MORE = (1, 2)
"""Descriptors and threads that may come in between: one leaked with each cut would be three."""
COUNT = """
import os, pathlib
for each in pathlib.Path("/proc").iterdir():
    try:
        line = (each / "cmdline").read_bytes().split(b"\\0")
        if b"serve" in line and b"tini" not in line[0]:
            print(len(os.listdir(each / "fd")), len(os.listdir(each / "task")))
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[Project]:
    proxy = unique("proxy")
    command("docker", "build", "-q", "-t", proxy, "compose/discovery")
    variables = {
        "ENGINE_PROXY_IMAGE": proxy,
        "DOCKER_GROUP": str(Path("/var/run/docker.sock").stat().st_gid),
        "INDI_NETWORK": unique("indi"),
    }
    try:
        with project(FILE, variables=variables) as made:
            until(lambda: remotes(made) == {"dome": "up"}, "the first router found")
            yield made
    finally:
        docker("rmi", proxy)


def remotes(hub: Project) -> dict[str, str]:
    """State by name."""
    return {row["name"]: row["state"] for row in get(hub.http, "/api/v1/remotes") or ()}


@contextmanager
def leaf(hub: Project, *labels: str, name: str | None = None) -> Iterator[str]:
    """A router with these labels in the hub's network."""
    name = name or unique("leaf")
    words = [word for label in labels for word in ("--label", label)]
    network = ("--network", hub.env["INDI_NETWORK"])
    try:
        docker("run", "-d", "--name", name, *HARDENED, *network, *words, IMAGE, "serve", "inditree-focuser")
        yield name
    finally:
        docker("rm", "-f", "-v", name)


def test_the_proxy_lets_nothing_through_but_looking(hub: Project) -> None:
    def status(method: str, path: str) -> int:
        return int(hub.container("hub").execute("python3", "-c", ASK, method, path))

    assert status("GET", "/containers/json") == 200 and status("GET", "/v1.41/_ping") == 200
    identity = hub.container("dome").name
    for method, path in (
        ("POST", f"/containers/{identity}/kill"),
        ("DELETE", f"/containers/{identity}"),
        ("GET", f"/containers/{identity}/json"),
        ("GET", f"/containers/{identity}/logs?stdout=1"),
        ("GET", "/images/json"),
        ("POST", "/containers/json"),
    ):
        assert status(method, path) == 403, (method, path)


def test_containers_are_started_stopped_renamed_and_relabelled(hub: Project) -> None:
    with leaf(hub, "inditree.remote=7624") as name:
        print(f"started, linked after {until(lambda: remotes(hub).get(name) == 'up', 'linked'):.2f} s")
        with Client("127.0.0.1", hub.indi) as client:
            client.devices({"Py Focuser"})
        docker("stop", "-t", "5", name)
        print(f"stopped, gone after {until(lambda: name not in remotes(hub), 'gone'):.2f} s")
        docker("start", name)
        until(lambda: remotes(hub).get(name) == "up", "linked again")
        renamed = unique("renamed")
        docker("rename", name, renamed)
        try:
            until(lambda: remotes(hub) == {"dome": "up", renamed: "up"}, "under its new name")
        finally:
            docker("rename", renamed, name)
        until(lambda: remotes(hub).get(name) == "up", "under its old name")
    with leaf(hub, "inditree.remote=true", "inditree.remote.name=pier", name=name):
        until(lambda: remotes(hub) == {"dome": "up", "pier": "up"}, "with its new label")
    with leaf(hub, "inditree.remote=false", name=name):
        until(lambda: remotes(hub) == {"dome": "up"}, "without it")


def test_what_is_linked_stays_when_the_engine_is_cut_off(hub: Project) -> None:
    proxy = hub.container("engine").name
    with Client("127.0.0.1", hub.indi) as client:
        client.devices({"Py Dome"})
        client.until("$")
        docker("kill", proxy)
        with leaf(hub, "inditree.remote=true", "inditree.remote.name=late"):
            until(lambda: "keeping the links that are there" in hub.container("hub").logs(), "the engine missed")
            assert remotes(hub) == {"dome": "up"}
            docker("start", proxy)
            took = until(lambda: remotes(hub) == {"dome": "up", "late": "up"}, "the late one")
            print(f"proxy back, the late router linked after {took:.2f} s")
        until(lambda: remotes(hub) == {"dome": "up"}, "the late one gone")
        client.poll(0.01)
        assert b"Py Dome" not in b"".join(part for part in client.seen.split(b"<") if part.startswith(b"delProperty"))


def test_an_engine_that_comes_and_goes_leaks_nothing(hub: Project) -> None:
    def count() -> list[int]:
        return [int(word) for word in hub.container("hub").execute("python3", "-c", COUNT).split()]

    def cycle(number: int) -> None:
        """Each break of the stream is a new subscription."""
        docker("restart", "-t", "1", hub.container("engine").name)
        with leaf(hub, "inditree.remote=true", f"inditree.remote.name=leaf-{number}"):
            until(lambda: remotes(hub).get(f"leaf-{number}") == "up", "linked")
        until(lambda: remotes(hub) == {"dome": "up"}, "gone")

    cycle(0)
    before = count()
    for number in range(1, 4):
        cycle(number)
    print(f"descriptors and threads: {before}, after three more cuts {count()}")
    until(lambda: all(now <= then + more for now, then, more in zip(count(), before, MORE, strict=True)), "no more", 5)
