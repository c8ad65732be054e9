"""TLS on links, and real programs that speak none behind a tunnel."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import Client, tool, until
from ports import free_port
from security.certificates import Authority, Pair
from security.parts import (
    TOKEN,
    api,
    configured,
    http_with_token,
    imager,
    listen,
    metrics,
    number,
    open_images,
    shoot,
    store,
)


@dataclass
class Leaf:
    """A router with the device `Cam`, and what a link to it needs.

    At the port `elsewhere` it shows a name that is not its own.
    """

    port: int
    elsewhere: int
    http: str
    authority: Authority
    stranger: Authority
    router: Pair


@pytest.fixture(name="leaf", scope="module")
def _leaf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaf]:
    tmp = tmp_path_factory.mktemp("leaf")
    (tmp / "strange").mkdir()
    authority, stranger = Authority(tmp), Authority(tmp / "strange")
    server, other = authority.server(), authority.sign("other", "/CN=other", "DNS:elsewhere")
    port, elsewhere, http = free_port(), free_port(), f"127.0.0.1:{free_port()}"
    entry = listen(port, f"tls: {{{server.yaml}, client_ca: {authority.cert}}}")
    entry = entry[:-1] + f", {{tcp: 127.0.0.1:{elsewhere}, tls: {{{other.yaml}}}}}]"
    with configured(tmp, port, entry, imager("Cam"), f"http: {{listen: {http}}}", ready="Cam: provided by"):
        yield Leaf(port, elsewhere, http, authority, stranger, authority.sign("hub", "/CN=hub"))


def remote(leaf: Leaf, port: int = 0, ca: Path | None = None, pair: str | None = None) -> str:
    keys = f"ca: {ca or leaf.authority.cert}" + (", " + leaf.router.yaml if pair is None else pair and ", " + pair)
    return f"remotes: [{{host: localhost, port: {port or leaf.port}, name: leaf, tls: {{{keys}}}}}]"


def attempts(http: str, result: str) -> float:
    return metrics(http).get(f'indi_remote_connect_attempts_total{{remote="leaf",result="{result}"}}', 0.0)


def test_a_link_carries_everything_both_ways(leaf: Leaf, tmp_path: Path) -> None:
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    lines = (listen(port), remote(leaf), imager("Far"), f"http: {{listen: {http}}}")
    with configured(tmp_path, port, *lines, ready="Cam: provided by link leaf") as hub, Client(hub.port) as client:
        open_images(client, "Cam")
        for size in (1000, 16 << 20):
            shoot(client, "Cam", size)
            store(client, "Cam", size)
        client.send(number("Cam", "COUNT", 4))
        client.take("<setNumberVector device='Cam' name='COUNT'.*?4")
        assert attempts(http, "ok") == 1
        until(lambda: "Far" in {row["name"] for row in api(leaf.http, "devices")}, what="what we have is shown there")


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_link_believes_nobody_else(leaf: Leaf, tmp_path: Path, wrong: str) -> None:
    entry = remote(leaf, ca=leaf.stranger.cert) if wrong == "authority" else remote(leaf, port=leaf.elsewhere)
    reason = "certificate verify failed" if wrong == "authority" else "Hostname mismatch"
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    with configured(tmp_path, port, listen(port), entry, f"http: {{listen: {http}}}") as hub:
        hub.wait_for(reason)
        until(lambda: attempts(http, "tls") >= 2, what="it is tried again")
        assert attempts(http, "ok") == 0
        assert reason in api(http, "remotes")[0]["last_error"]
        assert api(http, "devices") == []


def test_a_link_without_the_certificate_that_is_asked_for(leaf: Leaf, tmp_path: Path) -> None:
    """With TLS 1.3 the refusal comes after our end of the handshake: it is one of TLS all the same."""
    port, http = free_port(), f"127.0.0.1:{free_port()}"
    lines = (listen(port), remote(leaf, pair=""), f"http: {{listen: {http}}}")
    with configured(tmp_path, port, *lines) as hub:
        hub.wait_for("certificate required")
        assert "certificate required" in api(http, "remotes")[0]["last_error"]
        assert api(http, "devices") == []


def test_a_file_that_is_gone_later_is_named(leaf: Leaf, tmp_path: Path) -> None:
    port, http, ca = free_port(), f"127.0.0.1:{free_port()}", tmp_path / "gone.pem"
    ca.write_bytes(leaf.authority.cert.read_bytes())
    lines = (listen(port), remote(leaf, ca=ca), http_with_token(tmp_path, http))
    with configured(tmp_path, port, *lines, ready="Cam: provided by") as hub:
        ca.unlink()
        api(http, "remotes/leaf/restart", token=TOKEN, post=True)
        hub.wait_for("gone.pem")
        assert attempts(http, "tls") >= 1


# Programs that speak no TLS


@contextlib.contextmanager
def stunnel(tmp: Path, service: str, host: str, port: int) -> Iterator[int]:
    """A tunnel with these lines; the port where it listens."""
    file = tmp / f"stunnel-{port}.conf"
    file.write_text(f"foreground = yes\npid =\noutput = {file}.log\n[indi]\n{service}\n")
    process = subprocess.Popen(["stunnel4", str(file)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(host, port), what="the tunnel")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def answers(host: str, port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((host, port)) == 0


@contextlib.contextmanager
def client_tunnel(tmp: Path, leaf: Leaf) -> Iterator[int]:
    port = free_port()
    lines = (
        f"client = yes\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{leaf.port}\ncert = {leaf.router.cert}\n"
        f"key = {leaf.router.key}\nCAfile = {leaf.authority.cert}\nverifyChain = yes\ncheckHost = localhost"
    )
    with stunnel(tmp, lines, "127.0.0.1", port):
        yield port


def test_debian_s_tools_through_a_tunnel(leaf: Leaf, tmp_path: Path) -> None:
    with client_tunnel(tmp_path, leaf) as port:
        assert tool("indi_setprop", "-p", str(port), "Cam.COUNT.N=41").returncode == 0
        done = until(lambda: "=41" in tool("indi_getprop", "-p", str(port), "-t", "2", "Cam.COUNT.N").stdout)
        assert done
        with Client(port) as client:
            open_images(client, "Cam")
            shoot(client, "Cam", 5 << 20)
            store(client, "Cam", 5 << 20)


def test_indiserver_links_to_us_through_a_tunnel(leaf: Leaf, tmp_path: Path) -> None:
    own = free_port()
    with client_tunnel(tmp_path, leaf) as port:
        words = ["indiserver", "-u", str(tmp_path / "u"), "-p", str(own), f"Cam@127.0.0.1:{port}"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: "Cam.COUNT" in tool("indi_getprop", "-p", str(own), "-t", "1", "Cam.COUNT.N").stdout)
        finally:
            process.terminate()
            process.wait(10)


def test_our_link_to_indiserver_through_a_tunnel(leaf: Leaf, tmp_path: Path) -> None:
    plain, tunnel, port = free_port(), free_port(), free_port()
    pair = leaf.authority.server("tunnel")
    words = ["indiserver", "-u", str(tmp_path / "u"), "-p", str(plain), "indi_simulator_telescope"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers("127.0.0.1", plain))
        lines = f"accept = 127.0.0.1:{tunnel}\nconnect = 127.0.0.1:{plain}\ncert = {pair.cert}\nkey = {pair.key}"
        entry = f"remotes: [{{host: localhost, port: {tunnel}, tls: {{ca: {leaf.authority.cert}}}}}]"
        with (
            stunnel(tmp_path, lines, "127.0.0.1", tunnel),
            configured(tmp_path, port, listen(port), entry, ready="Telescope Simulator: provided by") as hub,
            Client(hub.port) as client,
        ):
            client.ask()
            client.take("<defSwitchVector[^>]*name=.CONNECTION.")
    finally:
        process.terminate()
        process.wait(10)
