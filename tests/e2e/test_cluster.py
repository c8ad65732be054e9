"""What a cluster would do with routers, done with containers: pods that move, that are doubled, that are replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.engine import HARDENED, IMAGE, Container, docker, get, inspect, network, unique, until
from e2e.indi import Client
from ports import free_port

MOUNT = "Py Telescope"
GONE = rf"<delProperty[^>]*device=[\"']{MOUNT}[\"']"
BACK = rf"<def\w+Vector[^>]*device=[\"']{MOUNT}[\"']"


@contextmanager
def pod(
    net: str, *words: str, alias: str = "", options: tuple[str, ...] = (), image: str = IMAGE
) -> Iterator[Container]:
    """A container in the network, under a name that another one may have had before."""
    name = unique("pod")
    known = ("--network-alias", alias) if alias else ()
    try:
        docker("run", "-d", "--name", name, "--network", net, *known, *HARDENED, *options, image, *words)
        yield Container(name)
    finally:
        docker("rm", "-f", "-v", name)


class Hub:
    """A router that links to `mount`, published on loopback."""

    def __init__(self) -> None:
        self.indi, self.http = free_port(), free_port()
        self.options = ("-p", f"127.0.0.1:{self.indi}:7624", "-p", f"127.0.0.1:{self.http}:9724")

    def devices(self) -> set[str]:
        return {row["name"] for row in get(self.http, "/api/v1/devices") or ()}


@pytest.fixture
def net() -> Iterator[str]:
    with network() as made:
        yield made


def address(container: Container, net: str) -> str:
    found: str = inspect(container.name)["NetworkSettings"]["Networks"][net]["IPAddress"]
    return found


def test_a_pod_comes_back_at_another_address_behind_the_same_name(net: str) -> None:
    hub = Hub()
    with pod(net, "serve", "--remote", "mount", options=hub.options):
        with pod(net, "serve", "inditree-telescope", alias="mount") as first:
            until(lambda: MOUNT in hub.devices(), "the mount at the hub")
            client = Client("127.0.0.1", hub.indi)
            client.until(BACK)
            before = address(first, net)
            # Something else gets its address before the next one starts.
            docker("stop", "-t", "5", first.name)
            client.until(GONE)
        with (
            pod(net, "serve", alias="somebody") as other,
            pod(net, "serve", "inditree-telescope", alias="mount") as second,
        ):
            assert address(second, net) != before or address(other, net) != before
            client.until(BACK, 30)
            client.socket.close()


def test_two_replicas_by_mistake_are_a_conflict_that_is_reported_and_not_mixed(net: str) -> None:
    hub = Hub()
    with (
        pod(net, "serve", "inditree-telescope", alias="mount-0"),
        pod(net, "serve", "inditree-telescope", alias="mount-1"),
        pod(net, "serve", "--remote", "mount-0", "--remote", "mount-1", options=hub.options),
    ):
        until(lambda: (get(hub.http, "/api/v1/status") or {}).get("conflicts"), "the conflict in the status")
        status = get(hub.http, "/api/v1/status")
        (conflict,) = status["conflicts"]
        assert conflict["device"] == MOUNT
        assert {"mount-0", "mount-1"} == {name for name in ("mount-0", "mount-1") if name in str(conflict)}
        assert [row["name"] for row in status["devices"]] == [MOUNT]
        with Client("127.0.0.1", hub.indi) as client:
            client.until(BACK)
            client.send(
                f"<newSwitchVector device='{MOUNT}' name='CONNECTION'><oneSwitch name='CONNECT'>On</oneSwitch>"
                "</newSwitchVector>"
            )
            client.until(r"<defNumberVector[^>]*name=[\"']EQUATORIAL_EOD_COORD[\"']")


def test_a_new_image_is_rolled_out_under_a_connected_client(net: str) -> None:
    hub = Hub()
    with pod(net, "serve", "--remote", "mount", options=hub.options) as router:
        with pod(net, "serve", "inditree-telescope", alias="mount") as old:
            until(lambda: MOUNT in hub.devices(), "the mount at the hub")
            client = Client("127.0.0.1", hub.indi)
            client.until(BACK)
            # The leaf first: the client stays connected, and is told.
            docker("stop", "-t", "10", old.name)
            client.until(GONE)
        with pod(net, "serve", "inditree-telescope", alias="mount", image=f"{IMAGE}:indi"):
            client.until(BACK, 30)
            # Then the router that the client is connected to: it hangs up in order, and its successor answers.
            docker("stop", "-t", "10", router.name)
            assert inspect(router.name)["State"]["ExitCode"] == 0
            while not client.ended:
                client.poll(5.0)
            client.socket.close()
            successor = pod(net, "serve", "--remote", "mount", options=hub.options, image=f"{IMAGE}:indi")
            with successor, Client("127.0.0.1", hub.indi, 30) as again:
                again.until(BACK, 30)
