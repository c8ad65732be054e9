"""compose.tree.yaml: what clients of the hub see while leaves, networks and the hub itself come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.engine import Project, docker, get, inspect, project, until
from e2e.indi import Client

HERE = Path(__file__).parent
FILES = ("compose/compose.tree.yaml", str(HERE / "tree.override.yaml"))
ALL = {"Py Telescope", "Py Dome", "Py Weather", "Py Focuser", "Py Filter Wheel", "Py Camera"}
GONE = r"<delProperty[^>]*device=[\"']Py Telescope[\"'][^>]*/>"
BACK = r"<def\w+Vector[^>]*device=[\"']Py Telescope[\"']"


@pytest.fixture(scope="module")
def tree() -> Iterator[Project]:
    with project(*FILES, variables={"E2E": str(HERE)}) as made:
        until(lambda: names(made) == ALL, "all devices at the hub")
        yield made


@pytest.fixture
def client(tree: Project) -> Iterator[Client]:
    """One that has seen all devices."""
    until(lambda: names(tree) == ALL, "all devices at the hub")
    with Client("127.0.0.1", tree.indi) as made:
        made.devices(ALL)
        made.until("$")
        yield made


def names(tree: Project) -> set[str]:
    """The devices that the hub knows."""
    return {row["name"] for row in get(tree.http, "/api/v1/devices") or ()}


def seen(client: Client, pattern: str, what: str, seconds: float) -> None:
    """Wait for it, and say how long it took."""
    began = time.monotonic()
    client.until(pattern, seconds)
    print(f"{what}: {time.monotonic() - began:.2f} s")


def test_each_is_hardened_and_the_leaves_reach_no_other_network(tree: Project) -> None:
    for service, networks in (("hub", 4), ("mount", 1), ("roof", 1), ("pier", 2), ("camera", 1)):
        container = inspect(tree.container(service).name)
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] == 1 << 30
        assert host["SecurityOpt"] == ["no-new-privileges:true"] and host["RestartPolicy"]["Name"] == "unless-stopped"
        assert len(container["NetworkSettings"]["Networks"]) == networks
    for name in ("mount", "roof", "pier", "camera"):
        assert docker("network", "inspect", "--format", "{{.Internal}}", tree.network(name)) == "true"


def test_an_image_crosses_two_links(client: Client) -> None:
    began = time.monotonic()
    assert len(client.photograph("Py Camera")) > 1_000_000
    print(f"0.1 s exposure across camera -> pier -> hub: {time.monotonic() - began:.2f} s")


def test_a_killed_leaf_is_gone_at_once_and_back_after_its_start(tree: Project, client: Client) -> None:
    leaf = tree.container("mount").name
    docker("kill", leaf)
    seen(client, GONE, "leaf killed, clients told", 5)
    docker("start", leaf)
    seen(client, BACK, "leaf started, device back", 15)


def test_a_paused_leaf_is_silent_and_comes_back(tree: Project, client: Client) -> None:
    leaf = tree.container("mount").name
    docker("pause", leaf)
    try:
        seen(client, GONE, "leaf paused, clients told (link_timeout 3 s)", 10)
    finally:
        docker("unpause", leaf)
    seen(client, BACK, "leaf unpaused, device back", 15)


def test_a_network_that_is_cut_and_joined(tree: Project, client: Client) -> None:
    leaf = tree.container("mount").name
    docker("network", "disconnect", tree.network("mount"), leaf)
    seen(client, GONE, "network cut, clients told (link_timeout 3 s)", 10)
    docker("network", "connect", "--alias", "mount", tree.network("mount"), leaf)
    seen(client, BACK, "network joined, device back", 20)


def test_a_cut_in_the_middle_takes_the_camera_and_gives_it_back(tree: Project, client: Client) -> None:
    camera = tree.container("camera").name
    docker("network", "disconnect", tree.network("camera"), camera)
    seen(client, GONE.replace("Telescope", "Camera"), "cut behind the pier, clients told", 10)
    assert names(tree) == ALL - {"Py Camera"}
    docker("network", "connect", "--alias", "camera", tree.network("camera"), camera)
    seen(client, BACK.replace("Telescope", "Camera"), "joined, device back", 20)
    assert len(client.photograph("Py Camera")) > 1_000_000


def test_a_hub_that_restarts(tree: Project, client: Client) -> None:
    hub = tree.container("hub").name
    began = time.monotonic()
    docker("restart", hub)
    while not client.ended:
        client.poll(5.0)
    with Client("127.0.0.1", tree.indi) as again:
        again.devices(ALL)
        print(f"hub restarted, a new client sees all devices: {time.monotonic() - began:.2f} s after the order")
        assert len(again.photograph("Py Camera")) > 1_000_000
    assert inspect(hub)["State"]["Running"]


def test_nothing_loops_and_nothing_is_in_conflict(tree: Project) -> None:
    status = get(tree.http, "/api/v1/status")
    assert status["loops_detected"] == 0 and status["conflicts"] == []
    assert {row["state"] for row in status["remotes"]} == {"up"}
